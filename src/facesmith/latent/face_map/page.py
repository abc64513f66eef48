"""map.html: the map as one page that asks nothing of any host. Its code lies in web/ and is put together here."""

import base64
import json
import re
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.latent.face_map.layouts import METHODS, Layout, gaps

# In this order in one module script: what a file uses at once must stand in one before it.
SCRIPTS = ("data", "camera", "drawing", "picking", "colours", "pointer", "labels", "region", "faces", "main")
_STEPS = 32767  # positions go into the page as 16-bit integers: a hundredth of a pixel on a map zoomed to 600 pixels


def map_page(title: str, data: dict[str, Any]) -> str:
    """The whole page; ``data`` is what `page_layout` and `packed` made, and what web/data.js reads."""
    web = files("facesmith.latent.face_map") / "web"
    script = "\n".join((web / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    parts = {
        "TITLE": escape(title),
        "STYLE": (web / "page.css").read_text(encoding="utf-8"),
        "DATA": text.replace("<", "\\u003c"),  # so that no file name can end the element that holds it
        "SCRIPT": script,
    }
    page = (web / "page.html").read_text(encoding="utf-8")
    return re.sub("@(TITLE|STYLE|DATA|SCRIPT)@", lambda found: parts[found[1]], page)  # at once: a part may hold a mark


def page_layout(layout: Layout) -> dict[str, Any]:
    """A layout as the page reads it: points and then photos as int16, each point's gap as float32."""
    together = np.concatenate([layout.points, layout.photos]).clip(-1, 1)
    return {
        "space": layout.space,
        "method": METHODS[layout.method],
        "shape": layout.shape,
        "points": packed(np.rint(together * _STEPS).astype("<i2")),
        "gaps": packed(gaps(layout).astype("<f4")),
    }


def packed(values: NDArray[Any]) -> str:
    """The bytes of an array in base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
