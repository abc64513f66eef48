"""The web pages: one index.html for all their addresses, static files, and the API reference."""

import hashlib
import mimetypes
import re
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from facesmith.studio.api_reference import render_api_reference
from facesmith.studio.settings import API

WEB = Path(str(files("facesmith.studio") / "web"))
SHARED_WEB = Path(str(files("facesmith") / "web"))  # files that reports use too
PAGE_PATHS = ("/", "/watch", "/photo", "/makeover", "/arithmetic", "/map", "/data", "/compare", "/about")
_NO_CACHE, _IMMUTABLE = "no-cache", "public, max-age=31536000, immutable"


def add_pages(app: FastAPI, root_path: str) -> None:
    """Serve index.html at `PAGE_PATHS`, `WEB` and `SHARED_WEB` at /static, and the API reference at /api/v1/docs.

    Addresses in the pages begin with ``root_path``.
    """
    mimetypes.add_type("text/javascript", ".js")  # some systems map it to text/plain, which browsers refuse

    def html(text: str) -> HTMLResponse:
        text = text.replace('"/static/', f'"/static/{_version()}/')
        text = re.sub('(href|src)="/', rf'\1="{root_path}/', text)
        return HTMLResponse(text, headers={"Cache-Control": _NO_CACHE})

    def page() -> HTMLResponse:
        return html((WEB / "index.html").read_text(encoding="utf-8"))

    def docs() -> HTMLResponse:
        return html(render_api_reference(app.openapi()))

    for path in PAGE_PATHS:
        app.add_api_route(path, page, include_in_schema=False)
    app.add_api_route(f"{API}/docs", docs, include_in_schema=False)
    app.mount("/static", _VersionedFiles(directory=WEB, packages=[("facesmith", "web")]))


class _VersionedFiles(StaticFiles):
    """Static files. Those under /static/VERSION/ may be cached forever: the version changes with any of them.

    Modules import each other by relative addresses, and so stay within a version. Without the current version in its
    address, a file is revalidated on each request by its ETag.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        version, _, file = path.partition("/")
        response = await super().get_response(file if version.startswith("v-") else path, scope)
        response.headers["Cache-Control"] = _IMMUTABLE if version == _version() else _NO_CACHE
        return response


def _version() -> str:
    """Return a digest of all files' sizes and times. It is computed on each call, so that edits show on reload."""
    digest = hashlib.sha256()
    for file in sorted([*WEB.rglob("*"), *SHARED_WEB.rglob("*")]):
        stat = file.stat()
        digest.update(f"{file} {stat.st_mtime_ns} {stat.st_size}\n".encode())
    return f"v-{digest.hexdigest()[:12]}"
