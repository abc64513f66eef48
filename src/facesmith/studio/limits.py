"""Middleware that limits the rate of requests, the size and duration of bodies, and work for clients that left."""

import asyncio
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facesmith.studio.errors import Problem, send_error

FILE_TYPES = ("image/", "video/", "application/octet-stream", "multipart/form-data")  # of bodies that may be large
PROBE_PATHS = ("/healthz", "/readyz")  # requested often by machines, and without a token
MAX_TEXT_BYTES = 200_000  # of any other body: the longest table of edits has a quarter of them
_MAX_CLIENTS = 10_000  # whose rate is remembered


class RateLimit:
    """A token bucket per client, refilled at ``rate`` requests a second, with a capacity of four seconds."""

    def __init__(self, app: ASGIApp, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.app, self.rate, self.capacity, self._clock = app, rate, max(4 * rate, 1.0), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # (level, time), least recently used first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait = 0.0 if scope["path"] in PROBE_PATHS else self.wait(client_network((scope.get("client") or ("",))[0]))
        if wait > 0:
            retry = {"retry-after": str(math.ceil(wait))}
            await send_error(429, "too many requests: send fewer per second", scope, receive, send, retry)
        else:
            await self.app(scope, receive, send)

    def wait(self, client: str) -> float:
        """Return the seconds until this client may send a request; 0 takes one out of its bucket."""
        now = self._clock()
        level, since = self._buckets.pop(client, (self.capacity, now))
        level = min(self.capacity, level + (now - since) * self.rate)
        is_allowed = level >= 1
        self._buckets[client] = (level - 1 if is_allowed else level, now)
        if len(self._buckets) > _MAX_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if is_allowed else (1 - level) / self.rate


class BodyLimit:
    """Limits the bytes and the seconds of a request body, and cancels the work for a client that disconnects.

    A body whose Content-Length is too large is refused before it is read. Only files may exceed `MAX_TEXT_BYTES`. Once
    the whole request has arrived, the next message can only be the disconnect: the app is then cancelled, and with it
    the faces that wait to be computed.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float) -> None:
        self.app, self.max_bytes, self.seconds = app, max_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length, max_bytes = header(scope, b"content-length"), self.max_bytes
        if not header(scope, b"content-type").lower().startswith(FILE_TYPES):
            max_bytes = min(max_bytes, MAX_TEXT_BYTES)
        too_large = f"the body is larger than {max_bytes:,} bytes: send a smaller one"
        if length and (not length.isdecimal() or len(length) > 18 or int(length) > max_bytes):
            await send_error(413, too_large, scope, receive, send, {"connection": "close"})
            return
        empty = not length and not header(scope, b"transfer-encoding")  # such a request has arrived completely
        task = asyncio.current_task()
        assert task is not None
        disconnected = asyncio.Event()
        size, deadline, complete, started, finished = 0, time.monotonic() + self.seconds, False, False, False
        watcher: asyncio.Task[None] | None = None

        def cancel() -> None:
            if not finished:  # a finished response is followed by a disconnect too
                disconnected.set()
                task.cancel()

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            cancel()

        def refuse(status: int, message: str) -> Message:
            if started:  # the response has begun, so its status cannot be changed any more
                return {"type": "http.disconnect"}
            raise Problem(status, message, {"connection": "close"})

        async def limited_receive() -> Message:
            nonlocal size, complete, watcher
            if complete:
                await disconnected.wait()
                return {"type": "http.disconnect"}
            try:
                if empty:
                    message = await receive()
                else:
                    async with asyncio.timeout(deadline - time.monotonic()):
                        message = await receive()
            except TimeoutError:
                return refuse(408, "the body did not arrive in time: retry")
            if message["type"] == "http.disconnect":
                cancel()
                await asyncio.sleep(0)  # the cancellation takes effect here
                return message
            size += len(message.get("body", b""))
            if size > max_bytes:
                return refuse(413, too_large)
            if message["type"] == "http.request" and not message.get("more_body", False):
                complete, watcher = True, asyncio.create_task(watch())
            return message

        async def observed_send(message: Message) -> None:
            nonlocal started, finished
            started = True
            finished = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            if empty:
                await limited_receive()
            await self.app(scope, _after_empty_body(limited_receive) if complete else limited_receive, observed_send)
        except asyncio.CancelledError:
            if not disconnected.is_set():
                raise  # the server is shutting down
            task.uncancel()
        finally:
            if watcher is not None:
                watcher.cancel()


def header(scope: Scope, name: bytes) -> str:
    """Return the first header called ``name`` (lower case), or ""."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _after_empty_body(receive: Receive) -> Receive:
    """Return a ``receive`` that first repeats the empty body, which was received already."""
    is_repeated = False

    async def receive_again() -> Message:
        nonlocal is_repeated
        if is_repeated:
            return await receive()
        is_repeated = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive_again


@lru_cache(_MAX_CLIENTS)
def client_network(address: str) -> str:
    """Return what one client is counted by: an IPv4 address, or the /64 network that one user of IPv6 has."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])  # without the zone of a link-local address
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is None:
        return str(ipaddress.IPv6Network((ip, 64), strict=False))
    return str(getattr(ip, "ipv4_mapped", None) or ip)
