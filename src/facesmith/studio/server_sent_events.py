"""Server-sent events: their format, and responses that stream them."""

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse

EVENT_STREAM = "text/event-stream"


def format_event(kind: str, data: dict[str, Any], event_id: str = "") -> bytes:
    """Return one event. A client that reconnects sends the ``event_id`` of the last one as Last-Event-ID."""
    line = f"id: {event_id}\n" if event_id else ""
    return f"{line}event: {kind}\ndata: {json.dumps(data, allow_nan=False)}\n\n".encode()


def heartbeat() -> bytes:
    """Return a comment that clients ignore and that keeps proxies from closing the connection."""
    return b": still here\n\n"


def event_response(events: AsyncIterator[bytes], headers: dict[str, str] | None = None) -> StreamingResponse:
    """Return a response that streams events without caching or buffering."""
    no_buffering = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type=EVENT_STREAM, headers=no_buffering | (headers or {}))


async def await_first(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Wait for the first part, so that an error before it still gets an error status; return all parts."""
    first = await anext(parts)

    async def all_parts() -> AsyncIterator[bytes]:
        yield first
        async for part in parts:
            yield part

    return all_parts()
