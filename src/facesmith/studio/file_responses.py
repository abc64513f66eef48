"""Responses of files in run, dataset and map folders: cached by their version, and pages in a sandbox."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import Query, Response
from fastapi.responses import HTMLResponse

from facesmith.studio.errors import NotFound

# Pages written by facesmith contain their styles, images and scripts. In a sandbox they have no origin, so they cannot
# send requests to this server.
_POLICY = (
    "default-src 'none'; img-src data: blob:; media-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; "
)
STATIC_PAGE_POLICY = _POLICY + "sandbox"
SCRIPTED_PAGE_POLICY = _POLICY + "script-src 'unsafe-inline'; sandbox allow-scripts allow-downloads allow-forms"
Theme = Annotated[Literal["light", "dark"] | None, Query(description="theme of the page; default: the system's theme")]


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


async def page_response(
    path: Path, policy: str, version: str | None, theme: str | None, missing: str, read: Callable[[], str] | None = None
) -> Response:
    """Return a page that facesmith wrote, in a theme, under a policy. ``read`` returns its text, by default the file's.

    Raises `NotFound` with the message ``missing``.
    """
    if not file_version(path):
        raise NotFound(missing)
    text = await asyncio.to_thread(read or (lambda: path.read_text(encoding="utf-8")))
    headers = cache_headers(version, path) | {"Content-Security-Policy": policy}
    return HTMLResponse(_with_theme(text, theme), headers=headers)


def _with_theme(page: str, theme: str | None) -> str:
    """Return a page that follows the system's theme with one theme instead; a frame cannot ask for another."""
    if theme is None:
        return page
    media = "all" if theme == "dark" else "not all"
    for pair in (
        ("@media (prefers-color-scheme: dark)", f"@media {media}"),
        ("color-scheme: light dark", f"color-scheme: {theme}"),
        ('name="color-scheme" content="light dark"', f'name="color-scheme" content="{theme}"'),
    ):
        page = page.replace(*pair)
    return page
