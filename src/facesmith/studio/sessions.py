"""Sessions: photos and faces of each visitor, kept in memory only and deleted after a while.

session = sessions.open(None)
item_id = session.store(face, face.nbytes)
session.get(item_id)
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from facesmith.studio.errors import Busy, NotFound

COOKIE, HEADER = "facesmith_session", "X-Session"
MAX_ITEMS = 2_000  # of one session, however small
MIN_IDLE_SECONDS = 60.0  # without a request, before a session may be deleted to make room for another


class Session:
    """The items of one visitor by unguessable ids. Created by `Sessions`; used only in the thread of the event loop.

    It holds at most ``max_bytes``: the least recently used items are deleted to make room.
    """

    def __init__(self, session_id: str, max_bytes: int, now: float) -> None:
        self.id, self.max_bytes, self.last_used, self.bytes = session_id, max_bytes, now, 0
        self._items: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    def store(self, item: object, size: int) -> str:
        """Store an item of ``size`` bytes. Return its id: 128 random bits in 22 characters that are safe in a URL."""
        if size > self.max_bytes:
            raise Busy(
                f"{size:,} bytes exceed the limit of {self.max_bytes:,} bytes per session: delete photos, or send "
                "smaller ones"
            )
        while self._items and (self.bytes + size > self.max_bytes or len(self._items) >= MAX_ITEMS):
            self._remove(next(iter(self._items)))
        item_id = secrets.token_urlsafe(16)
        self._items[item_id] = (item, size)
        self.bytes += size
        return item_id

    def get(self, item_id: str) -> Any:
        """Return an item. Raises `NotFound` for an id of another session, and for a deleted item."""
        if item_id not in self._items:
            raise NotFound("this session has no item with this id, which may have expired: upload the photo again")
        self._items.move_to_end(item_id)
        return self._items[item_id][0]

    def items(self) -> list[tuple[str, Any]]:
        """Return all ids and items, the least recently used first, without using them."""
        return [(item_id, item) for item_id, (item, _) in self._items.items()]

    def delete(self, item_id: str) -> None:
        self.get(item_id)
        self._remove(item_id)

    def _remove(self, item_id: str) -> None:
        self.bytes -= self._items.pop(item_id)[1]


class Sessions:
    """All sessions: at most ``max_count`` with ``total_bytes`` together. See `Settings`."""

    def __init__(
        self,
        max_count: int,
        session_bytes: int,
        total_bytes: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_count, self.session_bytes, self.total_bytes = max_count, session_bytes, total_bytes
        self.seconds, self._clock = seconds, clock
        self._sessions: OrderedDict[str, Session] = OrderedDict()  # longest idle first

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def bytes(self) -> int:
        return sum(session.bytes for session in self._sessions.values())

    def find(self, session_id: str | None) -> Session | None:
        """Return a session and mark it as used; None if it does not exist or has expired."""
        self.expire()
        session = self._sessions.get(session_id or "")
        if session is not None:
            session.last_used = self._clock()
            self._sessions.move_to_end(session.id)
        return session

    def open(self, session_id: str | None) -> Session:
        """Return that session, or a new one with an id of its own. Raises `Busy` if there are too many."""
        session = self.find(session_id)
        if session is None:
            if len(self._sessions) >= self.max_count:
                self._make_room()
            session = Session(secrets.token_urlsafe(16), self.session_bytes, self._clock())
            self._sessions[session.id] = session
        return session

    def store(self, session: Session, item: object, size: int) -> str:
        """Call `Session.store` within the total limit. Raises `Busy` if every other session was used recently."""
        while self.bytes + size > self.total_bytes and self.bytes > session.bytes:
            self._make_room(session)
        return session.store(item, size)

    def delete(self, session: Session) -> None:
        self._sessions.pop(session.id, None)

    def expire(self) -> None:
        """Delete the sessions that have been idle for too long."""
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if self._clock() - oldest.last_used < self.seconds:
                break
            self.delete(oldest)

    def _make_room(self, keep: Session | None = None) -> None:
        """Delete the session that has been idle for longest, or raise `Busy` if it was used recently."""
        idle = next((session for session in self._sessions.values() if session is not keep), None)
        if idle is None or self._clock() - idle.last_used < MIN_IDLE_SECONDS:
            raise Busy("the studio cannot store more photos: retry in a minute", MIN_IDLE_SECONDS)
        self.delete(idle)
