import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from facesmith.studio.errors import Problem
from facesmith.studio.limits import MAX_TEXT_BYTES, BodyLimit, RateLimit

SCOPE: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "headers": [], "client": ("10.0.0.1", 1)}
END: Message = {"type": "http.request", "body": b"", "more_body": False}


def _body(parts: list[bytes]) -> list[Message]:
    return [{"type": "http.request", "body": part, "more_body": True} for part in parts] + [END]


class _Client:
    """Sends messages, then waits or disconnects; stores received messages."""

    def __init__(self, messages: list[Message], disconnects: bool = False) -> None:
        self.messages, self.disconnects, self.sent = messages, disconnects, list[Message]()

    async def receive(self) -> Message:
        if self.messages:
            return self.messages.pop(0)
        if not self.disconnects:
            await asyncio.Event().wait()
        await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


async def _reading(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond with the number of bytes in the body."""
    read, has_more = 0, True
    while has_more:
        message = await receive()
        read += len(message["body"])
        has_more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % read, "more_body": False})


def _scope(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return SCOPE | {"headers": list(headers)}


def test_a_long_content_length_is_refused_unread() -> None:
    client = _Client(_body([b"x" * 11]))
    asyncio.run(BodyLimit(_reading, 10, 1)(_scope((b"content-length", b"11")), client.receive, client.send))
    assert client.status == 413
    assert len(client.messages) == 2


def test_a_chunked_body_is_refused_at_the_limit() -> None:
    client = _Client(_body([b"x" * 6, b"x" * 6, b"x" * 6]))
    with pytest.raises(Problem) as error:
        asyncio.run(BodyLimit(_reading, 10, 1)(_scope((b"transfer-encoding", b"chunked")), client.receive, client.send))
    assert error.value.status_code == 413
    assert len(client.messages) == 2
    client = _Client(_body([b"x" * 5, b"x" * 5]))
    asyncio.run(BodyLimit(_reading, 10, 1)(_scope((b"transfer-encoding", b"chunked")), client.receive, client.send))
    assert client.sent[1]["body"] == b"10"


def test_only_images_may_be_large() -> None:
    for kind, status in ((b"application/json", 413), (b"", 413), (b"Image/PNG", 200)):
        client = _Client(_body([b"x" * (MAX_TEXT_BYTES + 1)]))
        scope = _scope((b"content-type", kind), (b"content-length", b"%d" % (MAX_TEXT_BYTES + 1)))
        asyncio.run(BodyLimit(_reading, 10 * MAX_TEXT_BYTES, 1)(scope, client.receive, client.send))
        assert client.status == status, kind


@pytest.mark.parametrize("length", [b"9" * 5000, b"-1", b"x", "\xb2".encode("latin-1")])
def test_an_invalid_content_length_is_refused(length: bytes) -> None:
    client = _Client(_body([b"x"]))
    asyncio.run(BodyLimit(_reading, 10, 1)(_scope((b"content-length", length)), client.receive, client.send))
    assert client.status == 413


@pytest.mark.parametrize("begin", [[{"type": "http.request", "body": b"x", "more_body": True}], []])
@pytest.mark.parametrize("headers", [(), ((b"content-length", b"3"),)])
def test_a_disconnect_during_the_body_gets_no_response(
    headers: tuple[tuple[bytes, bytes], ...], begin: list[Message]
) -> None:
    async def ask() -> None:
        client = _Client([*begin, {"type": "http.disconnect"}])
        await BodyLimit(_reading, 10, 1)(_scope(*headers), client.receive, client.send)
        assert client.sent == []
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    asyncio.run(ask())


@pytest.mark.parametrize("body", [b"", b"x" * 11])
def test_an_unread_body_causes_no_error(body: bytes) -> None:
    message_types: list[str] = []

    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        message_types.append((await receive())["type"])

    client = _Client([{"type": "http.request", "body": body, "more_body": True}] if body else [])
    asyncio.run(BodyLimit(streaming, 10, 0.05)(_scope((b"content-length", b"9")), client.receive, client.send))
    assert message_types == ["http.disconnect"]


def test_a_slow_body_is_refused() -> None:
    client = _Client([{"type": "http.request", "body": b"x", "more_body": True}])
    with pytest.raises(Problem) as error:
        asyncio.run(BodyLimit(_reading, 10, 0.05)(_scope((b"content-length", b"5")), client.receive, client.send))
    assert error.value.status_code == 408


@pytest.mark.parametrize("headers", [(), ((b"content-length", b"3"),)])
def test_a_disconnect_cancels_the_work(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    ended: list[str] = []

    async def working(scope: Scope, receive: Receive, send: Send) -> None:
        assert not (await receive())["more_body"]
        try:
            await asyncio.sleep(30)
        finally:
            ended.append("work")

    async def ask() -> None:
        client = _Client([{"type": "http.request", "body": b"x" * len(headers), "more_body": False}], disconnects=True)
        await BodyLimit(working, 10, 1)(_scope(*headers), client.receive, client.send)
        assert client.sent == []
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)

    asyncio.run(ask())
    assert ended == ["work"]


def test_shutdown_cancels_the_work() -> None:
    async def working(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(30)

    async def ask() -> None:
        client = _Client([END])
        task = asyncio.ensure_future(BodyLimit(working, 10, 1)(_scope(), client.receive, client.send))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(ask())


def test_a_stream_ends_when_its_client_disconnects() -> None:
    message_types: list[str] = []

    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        message_types.append((await receive())["type"])
        try:
            message_types.append((await receive())["type"])
        except asyncio.CancelledError:
            message_types.append("cancelled")

    client = _Client([END], disconnects=True)
    asyncio.run(BodyLimit(streaming, 10, 1)(_scope(), client.receive, client.send))
    assert message_types[0] == "http.request"
    assert message_types[1] in ("http.disconnect", "cancelled")


def test_bursts_are_allowed_and_sustained_load_is_not() -> None:
    now = 0.0
    rate = RateLimit(_reading, 10, lambda: now)
    assert [rate.wait("one") for _ in range(40)] == [0.0] * 40
    assert rate.wait("one") == pytest.approx(0.1)
    assert rate.wait("other") == 0
    now = 0.55
    assert [rate.wait("one") == 0 for _ in range(6)] == [True] * 5 + [False]


def test_the_rate_limit_sends_retry_after() -> None:
    async def ask(path: str, address: str) -> _Client:
        client = _Client([END])
        await rate(SCOPE | {"path": path, "client": (address, 1)}, client.receive, client.send)
        return client

    async def send_all() -> list[int]:
        clients = [await ask("/", f"2001:db8:1:2::{number}") for number in range(5)]
        assert dict(clients[-1].sent[0]["headers"])[b"retry-after"] == b"1"
        return [
            *(limited_client.status for limited_client in clients),
            (await ask("/healthz", "2001:db8:1:2::1")).status,
        ]

    rate = RateLimit(_reading, 1, lambda: 0.0)
    assert asyncio.run(send_all()) == [200, 200, 200, 200, 429, 200]
