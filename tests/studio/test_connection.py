import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from facesmith.studio import connection
from facesmith.studio.connection import MAX_HEAD_BYTES, Connection

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HEAD = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond with the number of bytes in the body."""
    read, has_more = 0, True
    while has_more:
        message = await receive()
        read, has_more = read + len(message.get("body", b"")), message.get("more_body", False)
    body = b"%d" % read
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def _serve(check: Callable[[Callable[[], Awaitable[Line]]], Awaitable[None]]) -> None:
    async def run_server() -> None:
        server = uvicorn.Server(uvicorn.Config(_app, port=0, http=Connection, lifespan="off", log_config=None))
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup()
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            async with asyncio.timeout(10):
                await check(lambda: asyncio.open_connection("127.0.0.1", port))
        finally:
            await server.shutdown()

    asyncio.run(run_server())


async def _read_response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


def test_endless_headers_are_refused() -> None:
    async def ask(connect: Callable[[], Awaitable[Line]]) -> None:
        for header in (b"X-A: b\r\n", b"x"):  # many headers, then one long header
            reader, writer = await connect()
            writer.write(HEAD)
            await asyncio.sleep(0.01)
            for _ in range(8):  # a client that continues to send may not receive the response
                writer.write(header * (MAX_HEAD_BYTES // 8 // len(header)))
                await asyncio.sleep(0.01)
            status, body = await _read_response(reader)
            assert (status, json.loads(body)["error"]) == (
                431,
                "the URL or the headers are too long: shorten them",
            )
            assert await reader.read() == b""
            writer.close()

    _serve(ask)


def test_long_bodies_and_many_requests_are_accepted() -> None:
    async def ask(connect: Callable[[], Awaitable[Line]]) -> None:
        reader, writer = await connect()
        for size in (3 * MAX_HEAD_BYTES, 0, MAX_HEAD_BYTES + 1):
            writer.write(HEAD + b"X-A: " + b"b" * (MAX_HEAD_BYTES // 2) + b"\r\nContent-Length: %d\r\n\r\n" % size)
            writer.write(b"c" * size)
            assert await _read_response(reader) == (200, b"%d" % size)
        writer.close()

    _serve(ask)


@pytest.mark.parametrize("partial_head", [b"", HEAD, b"\r\n", HEAD + b"Content-Length: 0\r\n\r\n" + HEAD])
def test_an_incomplete_head_times_out(partial_head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)

    async def ask(connect: Callable[[], Awaitable[Line]]) -> None:
        reader, writer = await connect()
        writer.write(partial_head)
        data = await reader.read()
        assert data.count(b"HTTP/1.1 ") == partial_head.count(b"\r\n\r\n")
        writer.close()

    _serve(ask)


def test_a_slow_body_does_not_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)

    async def ask(connect: Callable[[], Awaitable[Line]]) -> None:
        reader, writer = await connect()
        writer.write(HEAD + b"Content-Length: 2\r\n\r\na")
        await asyncio.sleep(0.3)
        writer.write(b"b")
        assert await _read_response(reader) == (200, b"2")
        writer.close()

    _serve(ask)


def test_an_invalid_request_gets_a_message() -> None:
    async def ask(connect: Callable[[], Awaitable[Line]]) -> None:
        reader, writer = await connect()
        writer.write(bytes(range(256)))
        status, body = await _read_response(reader)
        assert (status, json.loads(body)["error"]) == (400, "not an HTTP/1.1 request")
        writer.close()

    _serve(ask)
