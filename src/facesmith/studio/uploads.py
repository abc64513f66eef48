"""Validation of uploaded photos: those that would cost too much to decode are refused by their first bytes."""

import io
import re
import sys
import warnings
from typing import Any

from fastapi import Request
from PIL import Image, UnidentifiedImageError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from facesmith.studio.errors import Problem
from facesmith.studio.schemas import BINARY

_FORM = {"type": "object", "properties": {"file": BINARY}, "required": ["file"]}
# The body of a route that takes a file. The types of images are accepted too, but generated clients take only one type
# of bytes.
UPLOAD = {
    "requestBody": {
        "content": {"multipart/form-data": {"schema": _FORM}, "application/octet-stream": {"schema": BINARY}},
        "required": True,
    }
}
# The response of such a route to other files.
UNSUPPORTED_TYPE: dict[int | str, dict[str, Any]] = {
    415: {"description": "The Content-Type or the format of the file is not supported"}
}
FORMATS = ("JPEG", "PNG", "WEBP")
MAX_SIDE = 65_500  # pixels, the limit of JPEG; the decoder allocates memory for each row
MAX_SCANS = 60  # of a JPEG: cameras write up to a dozen, and decoding each costs as much as a whole image
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_MARKERS_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


async def read_upload(request: Request) -> bytes:
    """Return the file that a request sends: its body, or the only file of a form. It never touches the disk.

    Raises `Problem` for another Content-Type, and for a form that cannot be read or has no file or several.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith(("image/", "video/")) or kind == "application/octet-stream":
        return await request.body()
    if kind != "multipart/form-data":
        raise Problem(
            415,
            f"invalid Content-Type {kind[:80]!r}: send the image itself, for example as image/jpeg, or a multipart "
            "form with one file",
        )
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=8)
    parser.spool_max_size = sys.maxsize  # larger files would be written to the disk
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Problem(422, f"the form cannot be read ({error.message}): send a multipart form with one file") from None
    try:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        if not files:
            raise Problem(422, "the form has no file: send the photo in the form field 'file'")
        return await files[0].read()
    finally:
        await form.close()


def check_photo(data: bytes, max_pixels: int) -> tuple[int, int]:
    """Return the width and height stored in a photo's file. Raises `Problem` for a photo that must not be decoded.

    Refused are files that are not JPEG, PNG or WebP, more than ``max_pixels`` (half of them if decoding takes twice the
    memory: WebP, transparency, 16 bits), a side that is too long, and a JPEG with more scans than any camera writes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the client gets an error, the log nothing
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:  # reads only the header
                (width, height), form = image.size, image.format
                heavy = form == "WEBP" or image.has_transparency_data or image.mode.startswith("I")
    except Image.DecompressionBombError:
        raise Problem(413, f"the photo has more than {max_pixels:,} pixels: send a smaller one") from None
    except UnidentifiedImageError:
        raise Problem(415, "the file is not a JPEG, PNG or WebP image: send one of these") from None
    except Exception:  # decoders raise OSError, SyntaxError, struct.error, ...
        raise Problem(400, "the photo is damaged: send a different one") from None
    max_pixels = max_pixels // 2 if heavy else max_pixels
    if width * height > max_pixels:
        raise Problem(
            413, f"the photo has {width:,} x {height:,} pixels, which is more than {max_pixels:,}: send a smaller one"
        )
    if max(width, height) > MAX_SIDE:
        raise Problem(413, f"the photo is more than {MAX_SIDE:,} pixels wide or high: crop it")
    if form in ("JPEG", "MPO") and _count_scans(data) > MAX_SCANS:
        raise Problem(413, f"the photo has more than {MAX_SCANS} JPEG scans: save it again in an image editor")
    return width, height


def _count_scans(data: bytes) -> int:
    """Count the scans of a JPEG as its decoder does, skipping the segments before each by their lengths."""
    position, scans = 2, 0
    while match := _MARKER.search(data, position):
        position, marker = match.end(), match[1][0]
        if marker == _END_OF_IMAGE or scans > MAX_SCANS:
            break
        if marker not in _MARKERS_WITHOUT_LENGTH:
            scans += marker == _START_OF_SCAN
            position += max(2, int.from_bytes(data[position : position + 2]))
    return scans
