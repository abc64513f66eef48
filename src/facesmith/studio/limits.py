"""What a client may ask, how much and how often: middlewares that bound requests, bodies and work for nobody."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facesmith.studio.errors import Problem, header, refuse

PROBES = ("/healthz", "/readyz")  # asked by machines, often and without a token
MOST_WORDS = 200_000  # bytes of a body that is no picture: the longest table of edits has a quarter of them
_MOST_CLIENTS = 10_000  # whose rate is remembered


class Rate:
    """A bucket for each client, filled with ``rate`` requests a second, that holds what four seconds fill."""

    def __init__(self, app: ASGIApp, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.app, self.rate, self.most, self._clock = app, rate, max(4 * rate, 1.0), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how full, when; the longest unused first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait = 0.0 if scope["path"] in PROBES else self.wait(_client(scope))
        if wait > 0:
            retry = {"retry-after": str(math.ceil(wait))}
            await refuse(429, "too many requests: ask less often", scope, receive, send, retry)
        else:
            await self.app(scope, receive, send)

    def wait(self, client: str) -> float:
        """Seconds until this client may ask again; 0 takes one request out of its bucket."""
        now = self._clock()
        full, since = self._buckets.pop(client, (self.most, now))
        full = min(self.most, full + (now - since) * self.rate)
        taken = full >= 1
        self._buckets[client] = (full - 1 if taken else full, now)
        if len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1 - full) / self.rate


class Body:
    """Bounds the bytes and the seconds of a body, and ends the work for a client that has gone.

    A body that says it is too long is refused before any of it is read; only pictures may have more than `MOST_WORDS`.
    Once a request is here as a whole, all that the server can still say is that its client has gone: then, or where it
    goes before, the app is cancelled, and with it what waits to be computed.
    """

    def __init__(self, app: ASGIApp, most: int, seconds: float) -> None:
        self.app, self.most, self.seconds = app, most, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length, most = header(scope, b"content-length"), self.most
        if not header(scope, b"content-type").lower().startswith("image/"):
            most = min(most, MOST_WORDS)
        too_large = f"the body is larger than {most:,} bytes: send less"
        if length and (not length.isdecimal() or len(length) > 18 or int(length) > most):
            await refuse(413, too_large, scope, receive, send, {"connection": "close"})
            return
        empty = not length and not header(scope, b"transfer-encoding")  # and so here already
        task = asyncio.current_task()
        assert task is not None
        gone = asyncio.Event()
        read, until, arrived, begun, answered = 0, time.monotonic() + self.seconds, False, False, False
        watch: asyncio.Task[None] | None = None

        def leave() -> None:
            if not answered:  # the server says the same of a client that has its answer
                gone.set()
                task.cancel()

        async def watching() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            leave()

        def refused(status: int, sentence: str) -> Message:
            if begun:  # by an app that wants no body: all that it can be told
                return {"type": "http.disconnect"}
            raise Problem(status, sentence, {"connection": "close"})

        async def bounded() -> Message:
            nonlocal read, arrived, watch
            if arrived:
                await gone.wait()
                return {"type": "http.disconnect"}
            try:
                if empty:
                    message = await receive()
                else:
                    async with asyncio.timeout(until - time.monotonic()):
                        message = await receive()
            except TimeoutError:
                return refused(408, "the body did not arrive in time")
            if message["type"] == "http.disconnect":
                leave()
                await asyncio.sleep(0)  # here it is cancelled, if it was not answered before
                return message
            read += len(message.get("body", b""))
            if read > most:
                return refused(413, too_large)
            if message["type"] == "http.request" and not message.get("more_body", False):
                arrived, watch = True, asyncio.create_task(watching())
            return message

        async def noted(message: Message) -> None:
            nonlocal begun, answered
            begun = True
            answered = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            if empty:
                await bounded()
            await self.app(scope, _after_empty(bounded) if arrived else bounded, noted)
        except asyncio.CancelledError:
            if not gone.is_set():
                raise  # it is the server that ends
            task.uncancel()
        finally:
            if watch is not None:
                watch.cancel()


def _after_empty(receive: Receive) -> Receive:
    """``receive`` for an app that has yet to hear of the empty body that was received already."""
    told = False

    async def first() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return first


def _client(scope: Scope) -> str:
    """Who asks: an address, or the network of 64 bits that one user of IPv6 has."""
    address: str = (scope.get("client") or ("", 0))[0]
    return ":".join(address.split(":")[:4]) if ":" in address else address
