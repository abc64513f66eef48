"""Encode images as PNG, JPEG or WebP, with metadata that marks them as synthetic or edited."""

import base64
import io
import json
import math
import struct
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from PIL import Image
from PIL.ExifTags import Base

from facesmith.arrays import ImageArray
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.version import __version__

MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
VIDEO_MEDIA_TYPES = {"gif": "image/gif", "mp4": "video/mp4"}
# Chosen by speed: a sheet of 512x512 is encoded whenever a slider moves. JPEG keeps full colour resolution, because
# small faces have little else. WebP is lossless.
_OPTIONS: dict[str, dict[str, Any]] = {
    "jpeg": {"quality": 92, "subsampling": 0},
    "webp": {"lossless": True, "quality": 0, "method": 0},
}
_PNG_HEADER_BYTES = 33  # the signature and the IHDR chunk; text chunks may follow
_MAX_SIDES = {"jpeg": 65_500, "webp": 16_383}  # limits of the encoders, in pixels
SYNTHETIC = "A synthetic face, made by a computer: it shows nobody."
EDITED = "An edited photo: a computer has changed the face."
UNCHANGED = "An uploaded picture: a computer has at most cropped and scaled it."
UNCHANGED_METADATA: dict[str, Any] = {"unchanged": True}


def image_metadata(model: str, digest: str, *, edited: bool = False, **facts: object) -> dict[str, Any]:
    """Return the metadata of an image: its model, and how it was generated from a seed or edited from a photo."""
    return {"synthetic": True, "edited": edited, "model": model, "digest": digest, **facts}


def image_description(metadata: Mapping[str, Any]) -> str:
    """Return one sentence on what an image with this metadata is."""
    if metadata.get("unchanged"):
        return UNCHANGED
    return EDITED if metadata.get("edited") else SYNTHETIC


def tile(images: ImageArray, columns: int | None = None, scale: int = 1) -> ImageArray:
    """Arrange images (N x H x W x 3) row by row without gaps, black after the last: one image (H x W x 3).

    ``columns`` defaults to a nearly square sheet. ``scale`` enlarges every pixel to a square.
    """
    count, height, width, _ = images.shape
    columns = min(columns or math.ceil(math.sqrt(count)), count)
    rows = math.ceil(count / columns)
    if columns * rows > count:
        images = np.concatenate([images, np.zeros((columns * rows - count, height, width, 3), np.uint8)])
    sheet = images.reshape(rows, columns, height, width, 3).transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(rows * height, columns * width, 3)  # a view for a single face
    return sheet if scale == 1 else sheet.repeat(scale, axis=0).repeat(scale, axis=1)


def encode_image(image: ImageArray, form: str, metadata: Mapping[str, Any]) -> bytes:
    """Encode an image (H x W x 3, uint8) as "png", "jpeg" or "webp" with metadata; PNG and WebP are lossless.

    PNG has the text chunks Software, Description and facesmith (JSON). The others have the EXIF fields Software, and
    ImageDescription, which ends with the JSON. Raises `FacesmithError` for a side that JPEG or WebP cannot have.
    """
    if max(image.shape[:2]) > _MAX_SIDES.get(form, max(image.shape)):
        raise FacesmithError(f"a {form} has at most {_MAX_SIDES[form]:,} pixels a side: request png instead")
    software, facts = f"facesmith {__version__}", json.dumps(metadata)
    if form == "png":
        return _png(image, {"Software": software, "Description": image_description(metadata), "facesmith": facts})
    exif = Image.Exif()
    exif[Base.ImageDescription], exif[Base.Software] = f"{image_description(metadata)} {facts}", software
    out = io.BytesIO()
    Image.fromarray(image).save(out, form.upper(), exif=exif, **_OPTIONS[form])
    return out.getvalue()


def data_url(image: ImageArray) -> str:
    """Return an unchanged image as a PNG in a data: URL."""
    return f"data:image/png;base64,{base64.b64encode(encode_image(image, 'png', UNCHANGED_METADATA)).decode()}"


def _png(image: ImageArray, texts: Mapping[str, str]) -> bytes:
    """Return a PNG with these text chunks (ASCII).

    OpenCV encodes it: Pillow tries five filters per row and a deeper zlib search, which takes five times as long for a
    few percent fewer bytes.
    """
    cv2 = _opencv()
    png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
    chunks = b"".join(_chunk(b"tEXt", f"{key}\0{text}".encode("ascii")) for key, text in texts.items())
    return bytes(png[:_PNG_HEADER_BYTES] + chunks + png[_PNG_HEADER_BYTES:])


@cache
def _opencv() -> Any:
    return require("cv2", "photos", "writing a PNG")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
