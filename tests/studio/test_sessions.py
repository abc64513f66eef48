import pytest

from facesmith.studio.errors import Busy, NotFound
from facesmith.studio.sessions import MIN_IDLE_SECONDS, Sessions


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def sessions(clock: _Clock) -> Sessions:
    return Sessions(max_count=3, session_bytes=100, total_bytes=250, seconds=1000, clock=clock)


def test_items_belong_to_one_session(sessions: Sessions) -> None:
    first, second = sessions.open(None), sessions.open("made up")
    assert second.id != "made up"
    name = sessions.store(first, "face", 10)
    assert sessions.open(first.id).get(name) == "face"
    with pytest.raises(NotFound, match="no item with this id"):
        second.get(name)
    assert len({first.store(None, 0) for _ in range(100)} | {first.id, second.id}) == 102
    assert len(name) == 22


def test_idle_sessions_expire(sessions: Sessions, clock: _Clock) -> None:
    active, idle = sessions.open(None), sessions.open(None)
    clock.now = 600
    assert sessions.find(active.id) is active
    clock.now = 1200
    assert sessions.find(idle.id) is None
    assert sessions.find(active.id) is active
    assert len(sessions) == 1
    sessions.delete(active)
    assert sessions.find(active.id) is None


def test_a_full_session_drops_its_least_recent_items(sessions: Sessions) -> None:
    session = sessions.open(None)
    names = [sessions.store(session, number, 40) for number in range(2)]
    session.get(names[0])
    last = sessions.store(session, 2, 40)
    assert session.bytes == 80
    assert (session.get(names[0]), session.get(last)) == (0, 2)
    with pytest.raises(NotFound):
        session.get(names[1])
    session.delete(last)
    assert session.bytes == 40
    with pytest.raises(Busy, match="101 bytes"):
        sessions.store(session, 3, 101)


def test_a_full_studio_replaces_only_idle_sessions(sessions: Sessions, clock: _Clock) -> None:
    visitors = [sessions.open(None) for _ in range(3)]
    with pytest.raises(Busy, match="retry"):
        sessions.open(None)
    clock.now = MIN_IDLE_SECONDS
    sessions.find(visitors[0].id)
    new = sessions.open(None)
    assert sessions.find(visitors[1].id) is None
    for session in (visitors[0], new):
        sessions.store(session, "photo", 100)
    assert sessions.store(visitors[2], "photo", 50)
    with pytest.raises(Busy):
        sessions.store(visitors[2], "photo", 50)
    assert sessions.bytes == 250
    clock.now = 3 * MIN_IDLE_SECONDS
    sessions.find(visitors[2].id)
    assert sessions.store(visitors[2], "photo", 50)
    assert sessions.find(visitors[0].id) is None
    assert sessions.bytes == 200
