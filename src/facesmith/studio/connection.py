"""A connection of the server: what its requests begin with is bounded, in bytes and in seconds."""

import asyncio
import json

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MOST_HEAD = 64 * 1024  # bytes of a request's first line and headers; browsers send a tenth of it
HEAD_SECONDS = 20.0  # for them to arrive, and for a connection to begin with them


class Connection(HttpToolsProtocol):
    """uvicorn's own, which would take headers without end into memory, and wait for the end of them without end."""

    _read = 0  # bytes since this head began, but for those that came with its beginning
    _late: asyncio.TimerHandle | None = None  # set while a head is awaited

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._read += len(data)
        super().data_received(data)
        if self._late is None and self._idle:  # not only where a request begins: blank lines may go before it
            self._await_head()
        if self._late is not None and self._read >= MOST_HEAD and not self.transport.is_closing():
            self._refuse(431, "the address or the headers are too long")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._read = 0
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_is_here()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "that is no request of HTTP/1.1")

    @property
    def _idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_is_here(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late, self._read = None, 0

    def _refuse(self, status: int, sentence: str) -> None:
        """Say why, unless another answer is on its way, and close."""
        if self._idle:
            body = json.dumps({"error": sentence}).encode()
            head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head.encode() + body)
        self.transport.close()
