"""How objects are shown in notebooks: HTML with a table of facts and images inside."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

from PIL import Image

from facesmith.images.provenance import encode_image

MAX_IMAGE_WIDTH = 900  # pixels on the page


def object_html(title: str, facts: Mapping[str, object], images: Sequence[Image.Image | bytes] = ()) -> str:
    """Return the HTML of an object: its title, its facts as a table without empty values, and images (PNG if bytes)."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(str(value))}</td></tr>"
        for name, value in facts.items()
        if value not in (None, "", [])
    )
    pictures = "".join(
        f"<img src='{_uri(image)}' style='max-width:min(100%, {MAX_IMAGE_WIDTH}px)'>" for image in images
    )
    return f"<div><strong>{escape(title)}</strong><table>{rows}</table>{pictures}</div>"


def _uri(image: Image.Image | bytes) -> str:
    content = image if isinstance(image, bytes) else encode_image(image, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
