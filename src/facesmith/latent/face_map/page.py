"""Build map.html: one page without external resources, from the files in web/."""

import base64
import json
import re
from html import escape, unescape
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.latent.face_map.layouts import METHODS, Layout, gaps

# Concatenated in this order into one module: code that runs at once needs what stands before it.
SCRIPTS = ("data", "camera", "drawing", "picking", "colours", "pointer", "labels", "region", "faces", "studio", "main")
_MAX_COORDINATE = 32767  # positions are 16-bit integers: a hundredth of a pixel on a map zoomed to 600 pixels


def map_page(title: str, data: dict[str, Any]) -> str:
    """Return the page; ``data`` is what web/data.js reads."""
    web = files("facesmith.latent.face_map") / "web"
    script = "\n".join((web / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    parts = {
        "TITLE": escape(title),
        "STYLE": (web / "page.css").read_text(encoding="utf-8"),
        "DATA": text.replace("<", "\\u003c"),  # so that no file name can end the script element
        "SCRIPT": script,
    }
    page = (web / "page.html").read_text(encoding="utf-8")
    # One pass, because a part may itself contain a placeholder.
    return re.sub("@(TITLE|STYLE|DATA|SCRIPT)@", lambda match: parts[match[1]], page)


def current_page(page: str) -> str:
    """Return a page that any version has written, with the scripts of this one; another page unchanged."""
    title = re.search("<title>(.*?)</title>", page, re.DOTALL)
    data = re.search('<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return map_page(unescape(title[1]), json.loads(data[1])) if title and data else page


def encode_layout(layout: Layout) -> dict[str, Any]:
    """Return a layout as the page reads it: points, then photos, as int16, and each point's gap as float32."""
    points = np.concatenate([layout.points, layout.photos]).clip(-1, 1)
    return {
        "space": layout.space,
        "method": METHODS[layout.method],
        "shape": layout.shape,
        "points": to_base64(np.rint(points * _MAX_COORDINATE).astype("<i2")),
        "gaps": to_base64(gaps(layout).astype("<f4")),
    }


def to_base64(values: NDArray[Any]) -> str:
    """Return the bytes of an array in base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
