"""What happened: each request counted and, unless the studio is quiet, a line of JSON on stderr.

A line has when, id, method, path, status, ms, and bytes of the answer. It has no query, no body, no cookie: nothing of
a picture, and no token. A path may have the random id of a face, which is good for its visitor alone.
"""

import json
import secrets
import sys
import time
import traceback
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facesmith.studio.errors import header, refuse
from facesmith.studio.metrics import Figures
from facesmith.studio.settings import API

GONE = 499  # what a client that left before its answer is counted as
DULL = ("/healthz", "/readyz", "/metrics", "/static")  # not worth a line while they go well


class Records:
    """Gives every request an id (its own X-Request-ID, if it has a sound one), counts it, and writes its line."""

    def __init__(self, app: ASGIApp, figures: Figures, quiet: bool) -> None:
        self.app, self.figures, self.quiet = app, figures, quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        given = header(scope, b"x-request-id")
        name = given if 8 <= len(given) <= 64 and given.replace("-", "").isalnum() else secrets.token_hex(8)
        scope["request_id"] = name
        status, size, failed = GONE, 0, None

        async def noted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", name.encode("latin-1"))]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:  # the app has answered by now, unless it could not even do that
            failed = error
            if status == GONE:
                await refuse(500, f"this is a defect of the server, request {name}", scope, receive, noted)
        finally:
            seconds = time.perf_counter() - began
            self.figures.answered(_route(scope), scope["method"], status, seconds)
            if failed is not None or not (self.quiet or (status < 400 and scope["path"].startswith(DULL))):
                self._write(scope, name, status, seconds, size, failed)

    def _write(self, scope: Scope, name: str, status: int, seconds: float, size: int, failed: Exception | None) -> None:
        line: dict[str, object] = {
            "when": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "id": name,
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": round(1000 * seconds, 1),
            "bytes": size,
        }
        if failed is not None:
            line["defect"] = "".join(traceback.format_exception(failed))
        print(json.dumps(line), file=sys.stderr, flush=True)


def _route(scope: Scope) -> str:
    """The address as it was written in the code: there are only so many of these, whatever is asked for."""
    if scope["path"].startswith("/static/"):
        return "/static"
    path = getattr(scope.get("route"), "path", None)
    if not isinstance(path, str):
        return "other"
    # A router's routes do not know under which address it was included; a page may be called as a route of the API is.
    return API + path if scope["path"].startswith(f"{API}/") and not path.startswith(API) else path
