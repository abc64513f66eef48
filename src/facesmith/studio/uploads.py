"""What was sent as a photo: refused by its first bytes where decoding it would cost too much."""

import io
import re
import warnings

from PIL import Image, UnidentifiedImageError

from facesmith.studio.errors import Problem

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_SIDE = 65_500  # pixels of a side, as many as a JPEG has; a line of millions takes memory for each of its rows
MOST_SCANS = 60  # of a JPEG: cameras write up to a dozen, and each is as much work as a whole picture
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers that nothing belongs to
_SCAN, _END = 0xDA, 0xD9


def check_photo(data: bytes, most: int) -> tuple[int, int]:
    """Width and height of a photo as it lies in its file; `Problem` for one that is not to be decoded.

    That is what is no JPEG, PNG or WebP, what has more than ``most`` pixels, or half of them where decoding takes twice
    the memory (WebP, transparency, 16 bits), a side too long, and a JPEG of so many scans that only somebody who means
    harm would write it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is wrong with a photo its sender hears, and nobody else
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:  # reads no further than it must
                (width, height), form = image.size, image.format
                heavy = form == "WEBP" or image.has_transparency_data or image.mode.startswith("I")
    except Image.DecompressionBombError:
        raise Problem(413, f"the photo has more than {most:,} pixels: send a smaller one") from None
    except UnidentifiedImageError:
        raise Problem(415, "that is no JPEG, PNG or WebP picture: send one of these") from None
    except Exception:  # decoders raise OSError, SyntaxError, struct.error, ...
        raise Problem(400, "the photo is damaged: send another") from None
    most = most // 2 if heavy else most
    if width * height > most:
        raise Problem(413, f"the photo has {width:,} x {height:,} pixels, and {most:,} are taken: send a smaller one")
    if max(width, height) > MOST_SIDE:
        raise Problem(413, f"the photo has a side of more than {MOST_SIDE:,} pixels: send a part of it")
    if form in ("JPEG", "MPO") and _scans(data) > MOST_SCANS:
        raise Problem(413, f"the photo is written in more than {MOST_SCANS} layers: save it anew, and send that")
    return width, height


def _scans(data: bytes) -> int:
    """How many scans a JPEG has, found as its decoder finds them: past the lengths of what is before each."""
    place, scans = 2, 0
    while found := _MARKER.search(data, place):
        place, marker = found.end(), found[1][0]
        if marker == _END or scans > MOST_SCANS:
            break
        if marker not in _ALONE:
            scans += marker == _SCAN
            place += max(2, int.from_bytes(data[place : place + 2]))
    return scans
