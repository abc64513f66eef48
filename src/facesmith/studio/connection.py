"""The connection class of the server, which limits the bytes and the seconds of a request's head."""

import asyncio
import json

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024  # of a request's first line and headers; browsers send a tenth of it
HEAD_SECONDS = 20.0  # for the head to arrive, and for a new connection to send its first byte


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with limits. uvicorn itself would read headers of any length, and wait for them forever."""

    _size = 0  # bytes of this head, without those that arrived in the same packet as its start
    _timeout: asyncio.TimerHandle | None = None  # set while a head is awaited

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timeout()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._size += len(data)
        super().data_received(data)
        if self._timeout is None and self._is_idle:  # blank lines may precede a request
            self._start_timeout()
        if self._timeout is not None and self._size >= MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, "the URL or the headers are too long: shorten them")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._size = 0
        self._start_timeout()

    def on_headers_complete(self) -> None:
        self._stop_timeout()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "not an HTTP/1.1 request")

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_timeout(self) -> None:
        if self._timeout is None:
            self._timeout = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
        self._timeout, self._size = None, 0

    def _refuse(self, status: int, message: str) -> None:
        """Send an error, unless another response is being sent, and close the connection."""
        if self._is_idle:
            body = json.dumps({"error": message}).encode()
            head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head.encode() + body)
        self.transport.close()
