"""What visitors brought and what was made of it: in memory only, for one visitor each, and gone after a while.

session = sessions.open(None)
name = session.keep(face, face.nbytes)
session.find(name)
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from facesmith.studio.errors import Busy, NotHere

COOKIE, HEADER = "facesmith_session", "X-Session"
MOST_ITEMS = 2_000  # of one visitor, however small
SETTLED = 60.0  # seconds without a request after which a full studio may forget a visitor for a new one


class Session:
    """One visitor's things by their ids, which nobody can guess. Made by `Sessions`; used from one thread, the loop's.

    It holds at most ``limit`` bytes: what was not used for longest makes room.
    """

    def __init__(self, name: str, limit: int, now: float) -> None:
        self.name, self.limit, self.used, self.bytes = name, limit, now, 0
        self._things: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._things)

    def __contains__(self, name: str) -> bool:
        return name in self._things

    def keep(self, thing: object, size: int) -> str:
        """Keep a thing of so many bytes; its id, 128 random bits in 22 letters of a URL."""
        if size > self.limit:
            raise Busy(f"{size:,} bytes are more than a visitor may keep here, which is {self.limit:,}")
        while self._things and (self.bytes + size > self.limit or len(self._things) >= MOST_ITEMS):
            self._drop(next(iter(self._things)))
        name = secrets.token_urlsafe(16)
        self._things[name] = (thing, size)
        self.bytes += size
        return name

    def find(self, name: str) -> Any:
        """The thing with that id; `NotHere` for one that is another visitor's, forgotten, or never was."""
        if name not in self._things:
            raise NotHere("there is nothing of that id in this session: it may have been forgotten, so bring it again")
        self._things.move_to_end(name)
        return self._things[name][0]

    def forget(self, name: str) -> None:
        self.find(name)
        self._drop(name)

    def _drop(self, name: str) -> None:
        self.bytes -= self._things.pop(name)[1]


class Sessions:
    """The visitors of a studio, at most ``count`` of them with ``total`` bytes together; see `Settings`."""

    def __init__(
        self, count: int, each: int, total: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.count, self.each, self.total, self.seconds, self._clock = count, each, total, seconds, clock
        self._sessions: OrderedDict[str, Session] = OrderedDict()  # the longest idle first

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def bytes(self) -> int:
        return sum(session.bytes for session in self._sessions.values())

    def find(self, name: str | None) -> Session | None:
        """The session of that name, which is used by that; None where there is none, or no longer."""
        self.sweep()
        session = self._sessions.get(name or "")
        if session is not None:
            session.used = self._clock()
            self._sessions.move_to_end(session.name)
        return session

    def open(self, name: str | None) -> Session:
        """The session of that name, or a new one under a name of its own; `Busy` where there are too many."""
        session = self.find(name)
        if session is None:
            if len(self._sessions) >= self.count:
                self._make_room()
            session = Session(secrets.token_urlsafe(16), self.each, self._clock())
            self._sessions[session.name] = session
        return session

    def keep(self, session: Session, thing: object, size: int) -> str:
        """`Session.keep` within the bytes of all; `Busy` where all have too much and all are there."""
        while self.bytes + size > self.total and self.bytes > session.bytes:
            self._make_room(session)
        return session.keep(thing, size)

    def forget(self, session: Session) -> None:
        self._sessions.pop(session.name, None)

    def sweep(self) -> None:
        """Forget who has been idle for too long."""
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if self._clock() - oldest.used < self.seconds:
                break
            self.forget(oldest)

    def _make_room(self, but: Session | None = None) -> None:
        """Forget who has been idle for longest, or say that nobody has been for long."""
        idle = next((session for session in self._sessions.values() if session is not but), None)
        if idle is None or self._clock() - idle.used < SETTLED:
            raise Busy("the studio holds as many photos as it may: ask again in a minute", SETTLED)
        self.forget(idle)
