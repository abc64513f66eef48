"""The pages: one index.html for all of their addresses, the files it loads, and the page that documents the API."""

import hashlib
import mimetypes
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from facesmith.studio.api_reference import reference

WEB = Path(str(files("facesmith.studio") / "web"))
PAGES = ("/", "/watch", "/photo", "/makeover", "/arithmetic", "/map", "/data", "/compare", "/about")
_METHODS = ["GET", "HEAD"]  # who wants to know what a link leads to asks for its head
_NOT_KEPT, _KEPT = "no-cache", "public, max-age=31536000, immutable"


def install(app: FastAPI, api: str) -> None:
    """Serve index.html at `PAGES`, web/ at /static, and the documentation at ``api``/docs."""
    mimetypes.add_type("text/javascript", ".js")  # some systems say text/plain, which browsers refuse

    def page() -> HTMLResponse:
        text = (WEB / "index.html").read_text(encoding="utf-8")
        text = text.replace('"/static/', f'"/static/{_version()}/')
        return HTMLResponse(text, headers={"Cache-Control": _NOT_KEPT})

    def docs() -> HTMLResponse:
        text = reference(app.openapi()).replace('"/static/', f'"/static/{_version()}/')
        return HTMLResponse(text, headers={"Cache-Control": _NOT_KEPT})

    for path in PAGES:
        app.add_api_route(path, page, methods=_METHODS, include_in_schema=False)
    app.add_api_route(f"{api}/docs", docs, methods=_METHODS, include_in_schema=False)
    app.mount("/static", _Files(directory=WEB))


class _Files(StaticFiles):
    """Files under /static/VERSION/ may be kept for ever, since their address changes with any of them.

    Modules import each other by relative addresses, and so stay within a version. Without it, or with another than
    there is now, a file is asked for anew each time, and answered 304 by its ETag.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        version, _, rest = path.partition("/")
        named = version.startswith("v-")
        response = await super().get_response(rest if named else path, scope)
        response.headers["Cache-Control"] = _KEPT if version == _version() else _NOT_KEPT
        return response


def _version() -> str:
    """What changes with any of the files: read anew each time, so that who writes pages need not start again."""
    said = hashlib.sha256()
    for file in sorted(WEB.rglob("*")):
        found = file.stat()
        said.update(f"{file.relative_to(WEB)} {found.st_mtime_ns} {found.st_size}\n".encode())
    return f"v-{said.hexdigest()[:12]}"
