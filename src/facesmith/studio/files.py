"""Files of the shelf as answers: kept for as long as they stay the same, and pages in a box of their own."""

from pathlib import Path

from fastapi import Response
from fastapi.responses import FileResponse

# A page that facesmith wrote brings its style, its pictures, and maybe its code with it. In a sandbox none of it can
# ask this server for anything: it is nobody's origin.
_BOX = "default-src 'none'; img-src data: blob:; media-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
_BOX += "form-action 'none'; frame-ancestors 'self'; "
STILL = _BOX + "sandbox"
MOVING = _BOX + "script-src 'unsafe-inline'; sandbox allow-scripts allow-downloads"


def version(path: Path) -> str:
    """What changes with a file, "" where there is none: as ``v`` in an address it lets the answer be kept for ever."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_mtime_ns:x}-{found.st_size:x}" if found.st_size else ""


def kept(asked: str | None, path: Path) -> dict[str, str]:
    """The headers of a file, or of what was made of it, that was asked for in this version, or in any."""
    lasting = "max-age=31536000, immutable" if asked and asked == version(path) else "no-cache"
    return {"Cache-Control": f"private, {lasting}"}


def page(path: Path, policy: str, asked: str | None = None) -> Response:
    """A page that facesmith wrote, in its box: `STILL`, or `MOVING` where it brings code."""
    headers = kept(asked, path) | {"Content-Security-Policy": policy}
    return FileResponse(path, media_type="text/html; charset=utf-8", headers=headers)
