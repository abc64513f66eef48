"""Faces → the bytes of a picture, which says of itself that it shows nobody."""

import base64
import io
import json
import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base

import facesmith
from facesmith.errors import FacesmithError
from facesmith.extras import require

Format = Literal["png", "jpeg", "webp"]
Pictures = NDArray[np.uint8]
MEDIA = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
# Chosen by time: a sheet of 512x512 is drawn anew whenever a slider moves. JPEG keeps its colours whole, because small
# faces have little else. WebP loses nothing here.
_OPTIONS: dict[str, dict[str, Any]] = {
    "jpeg": {"quality": 92, "subsampling": 0},
    "webp": {"lossless": True, "quality": 0, "method": 0},
}
_AFTER_SIZE = 33  # bytes of a PNG before it may have texts: its signature, and the chunk that tells its size
_LONGEST = {"jpeg": 65_500, "webp": 16_383}  # pixels of a side, as their encoders take them
SYNTHETIC = "A synthetic face, made by a computer: it shows nobody."
EDITED = "An edited photo: a computer has changed the face."
AS_IT_WAS = "A picture as it was brought here: a computer has at most cut and scaled it."
UNCHANGED: dict[str, Any] = {"unchanged": True}  # what such a picture says of itself


def notes(model: str, digest: str, *, edited: bool = False, **about: object) -> dict[str, Any]:
    """What a picture says of itself: made by which model, from which seed, or edited from a photo."""
    return {"synthetic": True, "edited": edited, "model": model, "digest": digest, **about}


def sentence(about: Mapping[str, Any]) -> str:
    """What a picture with these `notes`, or `UNCHANGED`, is, for people."""
    if about.get("unchanged"):
        return AS_IT_WAS
    return EDITED if about.get("edited") else SYNTHETIC


def tiled(faces: Pictures, columns: int | None = None, scale: int = 1) -> Pictures:
    """Faces (N x H x W x 3) side by side without gaps, row by row, black after the last: one picture (H x W x 3).

    ``columns`` defaults to a near-square sheet; ``scale`` makes a square of sharp pixels of every pixel.
    """
    count, height, width, _ = faces.shape
    across = min(columns or math.ceil(math.sqrt(count)), count)
    down = math.ceil(count / across)
    if across * down > count:
        faces = np.concatenate([faces, np.zeros((across * down - count, height, width, 3), np.uint8)])
    sheet = faces.reshape(down, across, height, width, 3).transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(down * height, across * width, 3)  # of one face no copy
    return sheet if scale == 1 else sheet.repeat(scale, axis=0).repeat(scale, axis=1)


def encoded(picture: Pictures, form: str, about: Mapping[str, Any]) -> bytes:
    """One picture (H x W x 3, uint8) as PNG, JPEG or WebP, with `notes` in text chunks or EXIF; PNG and WebP lose none.

    PNG has the chunks Software, Description and facesmith (JSON); the others have Software, and an ImageDescription
    that ends with the JSON. Raises `FacesmithError` for a side that is too long for JPEG or WebP.
    """
    if max(picture.shape[:2]) > _LONGEST.get(form, max(picture.shape)):
        raise FacesmithError(f"a {form} has at most {_LONGEST[form]:,} pixels a side, and this has more: ask for png")
    software, facts = f"facesmith {facesmith.__version__}", json.dumps(about)
    if form == "png":
        return _png(picture, {"Software": software, "Description": sentence(about), "facesmith": facts})
    exif = Image.Exif()
    exif[Base.ImageDescription], exif[Base.Software] = f"{sentence(about)} {facts}", software
    out = io.BytesIO()
    Image.fromarray(picture).save(out, form.upper(), exif=exif, **_OPTIONS[form])
    return out.getvalue()


def _png(picture: Pictures, texts: Mapping[str, str]) -> bytes:
    """A PNG with these texts (ASCII), by OpenCV as it is.

    Pillow tries five filters for each row, and has zlib look for repetitions, of which faces have few: five times the
    time for some percent fewer bytes.
    """
    cv2 = require("cv2", "photos", "writing a PNG")
    png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
    said = b"".join(_chunk(b"tEXt", f"{key}\0{text}".encode("ascii")) for key, text in texts.items())
    return bytes(png[:_AFTER_SIZE] + said + png[_AFTER_SIZE:])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def within_page(picture: Pictures) -> str:
    """A picture as it was brought, as the address of itself: a PNG in a data: URL."""
    return f"data:image/png;base64,{base64.b64encode(encoded(picture, 'png', UNCHANGED)).decode()}"
