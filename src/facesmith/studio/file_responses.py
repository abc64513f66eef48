"""Responses of files in run, dataset and map folders: cached by their version, and pages in a sandbox."""

from pathlib import Path
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import FileResponse

from facesmith.studio.errors import NotFound

# Pages written by facesmith contain their styles, images and scripts. In a sandbox they have no origin, so they cannot
# send requests to this server.
_POLICY = (
    "default-src 'none'; img-src data: blob:; media-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; "
)
STATIC_PAGE_POLICY = _POLICY + "sandbox"
SCRIPTED_PAGE_POLICY = _POLICY + "script-src 'unsafe-inline'; sandbox allow-scripts allow-downloads"


def file_version(path: Path) -> str:
    """Return a text that changes with a file, or "" if it is missing or empty. It is ``v`` in addresses."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_mtime_ns:x}-{stat.st_size:x}" if stat.st_size else ""


def versioned_address(address: str, path: Path) -> str | None:
    """Return an address (not yet quoted) with the version of its file, or None if the file is missing or empty."""
    version = file_version(path)
    return f"{quote(address)}?v={version}" if version else None


def cache_headers(version: str | None, path: Path) -> dict[str, str]:
    """Return headers that allow caching forever if the request names the current version of the file."""
    lifetime = "max-age=31536000, immutable" if version and version == file_version(path) else "no-cache"
    return {"Cache-Control": f"private, {lifetime}"}


def page_response(path: Path, policy: str, version: str | None, missing: str) -> Response:
    """Return a page that facesmith wrote, under a policy. Raises `NotFound` with the message ``missing``."""
    if not file_version(path):
        raise NotFound(missing)
    headers = cache_headers(version, path) | {"Content-Security-Policy": policy}
    return FileResponse(path, media_type="text/html; charset=utf-8", headers=headers)
