import pytest

from facesmith.studio.errors import Busy, NotHere
from facesmith.studio.sessions import SETTLED, Sessions


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def sessions(clock: _Clock) -> Sessions:
    return Sessions(count=3, each=100, total=250, seconds=1000, clock=clock)


def test_one_visitor_finds_their_things_and_no_other_does(sessions: Sessions) -> None:
    mine, yours = sessions.open(None), sessions.open("made up")
    assert yours.name != "made up"
    name = sessions.keep(mine, "face", 10)
    assert sessions.open(mine.name).find(name) == "face"
    with pytest.raises(NotHere, match="nothing of that id"):
        yours.find(name)
    assert len({mine.keep(None, 0) for _ in range(100)} | {mine.name, yours.name}) == 102
    assert len(name) == 22


def test_what_is_idle_too_long_is_gone(sessions: Sessions, clock: _Clock) -> None:
    stays, goes = sessions.open(None), sessions.open(None)
    clock.now = 600
    assert sessions.find(stays.name) is stays
    clock.now = 1200
    assert sessions.find(goes.name) is None
    assert sessions.find(stays.name) is stays
    assert len(sessions) == 1
    sessions.forget(stays)
    assert sessions.find(stays.name) is None


def test_a_visitor_with_too_much_loses_what_was_not_used_for_longest(sessions: Sessions) -> None:
    session = sessions.open(None)
    names = [sessions.keep(session, number, 40) for number in range(2)]
    session.find(names[0])
    last = sessions.keep(session, 2, 40)
    assert session.bytes == 80
    assert (session.find(names[0]), session.find(last)) == (0, 2)
    with pytest.raises(NotHere):
        session.find(names[1])
    session.forget(last)
    assert session.bytes == 40
    with pytest.raises(Busy, match="101 bytes"):
        sessions.keep(session, 3, 101)


def test_a_full_studio_takes_new_visitors_only_for_those_who_have_settled(sessions: Sessions, clock: _Clock) -> None:
    visitors = [sessions.open(None) for _ in range(3)]
    with pytest.raises(Busy, match="ask again"):
        sessions.open(None)
    clock.now = SETTLED
    sessions.find(visitors[0].name)
    new = sessions.open(None)
    assert sessions.find(visitors[1].name) is None
    for session in (visitors[0], new):
        sessions.keep(session, "photo", 100)
    assert sessions.keep(visitors[2], "photo", 50)
    with pytest.raises(Busy):
        sessions.keep(visitors[2], "photo", 50)
    assert sessions.bytes == 250
    clock.now = 3 * SETTLED
    sessions.find(visitors[2].name)
    assert sessions.keep(visitors[2], "photo", 50)
    assert sessions.find(visitors[0].name) is None
    assert sessions.bytes == 200
