import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from facesmith.studio.errors import Problem
from facesmith.studio.limits import MAX_TEXT_BYTES, BodyLimit, RateLimit

SCOPE: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "headers": [], "client": ("10.0.0.1", 1)}
END: Message = {"type": "http.request", "body": b"", "more_body": False}


def _body(sent: list[bytes]) -> list[Message]:
    return [{"type": "http.request", "body": part, "more_body": True} for part in sent] + [END]


class _Client:
    """Sends messages, then nothing until it goes; keeps what it gets."""

    def __init__(self, messages: list[Message], goes: bool = False) -> None:
        self.messages, self.goes, self.got = messages, goes, list[Message]()

    async def receive(self) -> Message:
        if self.messages:
            return self.messages.pop(0)
        if not self.goes:
            await asyncio.Event().wait()
        await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.got.append(message)

    @property
    def status(self) -> int:
        return int(self.got[0]["status"])


async def _reading(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with as many bytes as it was sent."""
    read, more = 0, True
    while more:
        message = await receive()
        read += len(message["body"])
        more = message["more_body"]
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
    with pytest.raises(Problem) as refused:
        asyncio.run(BodyLimit(_reading, 10, 1)(_scope((b"transfer-encoding", b"chunked")), client.receive, client.send))
    assert refused.value.status_code == 413
    assert len(client.messages) == 2
    client = _Client(_body([b"x" * 5, b"x" * 5]))
    asyncio.run(BodyLimit(_reading, 10, 1)(_scope((b"transfer-encoding", b"chunked")), client.receive, client.send))
    assert client.got[1]["body"] == b"10"


def test_only_images_may_be_large() -> None:
    for kind, status in ((b"application/json", 413), (b"", 413), (b"Image/PNG", 200)):
        client = _Client(_body([b"x" * (MAX_TEXT_BYTES + 1)]))
        said = _scope((b"content-type", kind), (b"content-length", b"%d" % (MAX_TEXT_BYTES + 1)))
        asyncio.run(BodyLimit(_reading, 10 * MAX_TEXT_BYTES, 1)(said, client.receive, client.send))
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
        assert client.got == []
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    asyncio.run(ask())


@pytest.mark.parametrize("sent", [b"", b"x" * 11])
def test_an_unread_body_causes_no_error(sent: bytes) -> None:
    heard: list[str] = []

    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        heard.append((await receive())["type"])

    client = _Client([{"type": "http.request", "body": sent, "more_body": True}] if sent else [])
    asyncio.run(BodyLimit(streaming, 10, 0.05)(_scope((b"content-length", b"9")), client.receive, client.send))
    assert heard == ["http.disconnect"]


def test_a_slow_body_is_refused() -> None:
    client = _Client([{"type": "http.request", "body": b"x", "more_body": True}])
    with pytest.raises(Problem) as refused:
        asyncio.run(BodyLimit(_reading, 10, 0.05)(_scope((b"content-length", b"5")), client.receive, client.send))
    assert refused.value.status_code == 408


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
        client = _Client([{"type": "http.request", "body": b"x" * len(headers), "more_body": False}], goes=True)
        await BodyLimit(working, 10, 1)(_scope(*headers), client.receive, client.send)
        assert client.got == []
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
    heard: list[str] = []

    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append((await receive())["type"])
        try:
            heard.append((await receive())["type"])
        except asyncio.CancelledError:
            heard.append("cancelled")

    client = _Client([END], goes=True)
    asyncio.run(BodyLimit(streaming, 10, 1)(_scope(), client.receive, client.send))
    assert heard[0] == "http.request"
    assert heard[1] in ("http.disconnect", "cancelled")


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

    async def all_of_them() -> list[int]:
        many = [await ask("/", f"2001:db8:1:2::{number}") for number in range(5)]
        assert dict(many[-1].got[0]["headers"])[b"retry-after"] == b"1"
        return [*(one.status for one in many), (await ask("/healthz", "2001:db8:1:2::1")).status]

    rate = RateLimit(_reading, 1, lambda: 0.0)
    assert asyncio.run(all_of_them()) == [200, 200, 200, 200, 429, 200]
