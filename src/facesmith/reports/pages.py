"""Self-contained HTML pages from the templates of this package: images are inside, nothing is fetched from any host."""

import base64
import hashlib
import io
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from PIL import Image

from facesmith.extras import require
from facesmith.images.provenance import encode_image, marks_in
from facesmith.reports.chart_options import newest_values

_TEMPLATES = Path(__file__).parent / "templates"
_CHARTS = Path(str(files("facesmith") / "web" / "charts"))  # the files that the studio uses too
_TYPES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"'  # of the template of charts
_MAX_IMAGE_BYTES = 1_500_000  # a larger still image goes into the page smaller and as JPEG
_MAX_IMAGE_SIDE = 1600


def render(template: str, **values: Any) -> str:
    """Return a page made from a template; every value is escaped. A page with ``charts`` includes their script."""
    page: str = environment().get_template(template).render(values)
    return page


@cache
def environment() -> Any:
    """Return the Jinja2 environment of the templates."""
    jinja2 = require("jinja2", "explore", "writing a page")
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader([_TEMPLATES, _CHARTS]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "image_uri": image_uri,
        "video_uri": video_uri,
        "number_columns": number_columns,
        "newest_values": newest_values,
    }
    script = "\n".join(path.read_text("utf-8") for path in (_CHARTS / "chart-svg.js", _TEMPLATES / "charts.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    markup = require("markupsafe", "explore", "writing a page").Markup
    templates.globals |= {"chart_script": markup(script), "chart_script_hash": markup(f"'sha256-{digest}'")}
    return templates


def image_uri(image: bytes | Path) -> str:
    """Return a PNG, JPEG, GIF, WebP or SVG image as a data URI; large still images are reduced."""
    content = image if isinstance(image, bytes) else image.read_bytes()
    if content.startswith(_SVG):
        return _data_uri("image/svg+xml", content)
    kind = next((kind for start, kind in _TYPES.items() if content.startswith(start)), None)
    if kind is None:
        raise ValueError("expected a PNG, JPEG, GIF or WebP image")
    if len(content) > _MAX_IMAGE_BYTES and kind != "image/gif":
        with Image.open(io.BytesIO(content)) as picture:
            small, marks = picture.convert("RGB"), marks_in(picture)
        small.thumbnail((_MAX_IMAGE_SIDE, _MAX_IMAGE_SIDE), Image.Resampling.LANCZOS)
        kind, content = "image/jpeg", encode_image(small, "JPEG", marks, quality=90)
    return _data_uri(kind, content)


def video_uri(file: Path) -> str:
    """Return an MP4 file as a data URI."""
    return _data_uri("video/mp4", file.read_bytes())


def number_columns(rows: Sequence[Sequence[str]]) -> set[int]:
    """Return which columns hold only numbers."""
    return {place for place, column in enumerate(zip(*rows, strict=True)) if all(map(_is_number, column))}


def _is_number(text: str) -> bool:
    return text == "" or (text.lstrip("-−+")[:1].isdigit() and all(c.isdigit() or c in " -−+.,%/×" for c in text))


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
