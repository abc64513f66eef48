"""Server-sent events: what a page is told as it happens."""

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse

MEDIA = "text/event-stream"


def event(kind: str, data: dict[str, Any], name: str = "") -> bytes:
    """One event; a client that comes back says the ``name`` of the last one that it got."""
    said = f"id: {name}\n" if name else ""
    return f"{said}event: {kind}\ndata: {json.dumps(data, allow_nan=False)}\n\n".encode()


def beat() -> bytes:
    """A word that no client hears, so that nothing between takes the line for dead."""
    return b": still here\n\n"


def streamed(parts: AsyncIterator[bytes]) -> StreamingResponse:
    """An answer of events as they come, which nothing between may keep or gather."""
    return StreamingResponse(parts, media_type=MEDIA, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
