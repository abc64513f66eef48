"""Uploads that mean harm, are damaged, or are no photos at all: any number, drawn from a seed, the same every time.

A kind is a function that draws one. `uploads` goes round the kinds, so that a few uploads already have one of each.
"""

import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import NamedTuple

import hostile_large
from hostile_bytes import PNG, canvas, chunks, encoded, exif, flat_png, head, jpeg, noise, png, segment, segments, webp

ORIENTATION = 0x0112
FORMS: dict[str, dict[str, object]] = {
    "PNG": {},
    "JPEG": {"quality": 90},
    "JPEG progressive": {"progressive": True},
    "WEBP": {},
    "WEBP lossless": {"lossless": True},
    "GIF": {},
    "TIFF": {"compression": "tiff_lzw"},
}
OTHERS = ("BMP", "ICO", "PPM", "TGA", "PCX", "SGI", "TIFF", "GIF", "DDS", "MSP", "XBM", "PDF", "EPS", "JPEG2000")
DEEP = (("I;16", "PNG"), ("1", "PNG"), ("LA", "PNG"), ("RGBA", "PNG"), ("RGBA", "WEBP"), ("P", "PNG"), ("L", "JPEG"),
        ("CMYK", "JPEG"))  # fmt: skip
BEGINNINGS = (
    b"8BPS\0\1\0\0\0\0\0\0\0\3\xff\xff\xff\xff\xff\xff\xff\xff\0\x08\0\3",  # Photoshop, as large as can be said
    b"\0\0\0\x18ftypavif\0\0\0\0", b"\0\0\0\x18ftypheic\0\0\0\0", b"SIMPLE  =                    T", b"%PDF-1.7\n",
    b"\x7fELF\2\1\1", b"MZ\x90", b"PK\3\4", b"\x1f\x8b\x08", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"RIFF\xff\xff\xff\xffWAVE",
    b"RIFF\xff\xff\xff\xffWEBPVP8L", b"\xff\xd8\xff", PNG, b"GIF89a\xff\xff\xff\xff", b"II*\0\x08\0\0\0", b"BM",
)  # fmt: skip
TEXTS = (
    b"", b" ", b"\0", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xd9", PNG[:4], PNG, b"GIF89a", b"RIFF\4\0\0\0WEBP",
    b"<svg xmlns='http://www.w3.org/2000/svg' width='1e9' height='1e9'><script>alert(1)</script></svg>",
    b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><svg>&b;</svg>",
    b"<!doctype html><script>alert(1)</script>", b'{"photo": "../../etc/passwd"}', b"<?php system('id'); ?>",
    b"data:image/png;base64,iVBORw0KGgo=", b"#define x_width 99999\n#define x_height 99999\nstatic char x[] = {",
)  # fmt: skip
MEDIA = ("text/html", "application/json", "", "multipart/form-data; boundary=x", "image", "video/mp4", "*/*", "image/",
         "IMAGE/PNG", "application/x-www-form-urlencoded", "image/svg+xml", "image/png; charset=utf-7")  # fmt: skip

Draw = Callable[[Random, int], bytes]


class Upload(NamedTuple):
    """A body, and the Content-Type that it comes with."""

    kind: str
    media: str
    data: bytes


def uploads(count: int, seed: int = 0, pixels: int = 40_000_000) -> Iterator[Upload]:
    """So many uploads, one kind after the other, for a server that takes pictures of at most ``pixels``."""
    for number in range(count):
        kind = list(KINDS)[number % len(KINDS)]
        draw = Random(f"{seed} {number}")
        media = draw.choice(MEDIA) if kind == "wrong type" else draw.choice(("image/png", "image/jpeg", "image/webp"))
        yield Upload(kind, media, KINDS[kind](draw, pixels))


def _plain(form: str, draw: Random, pixels: int) -> bytes:
    width, height = draw.choice(((48, 40), (64, 64), (178, 218), (1, 1), (3, 700), (700, 3), (300, 200)))
    return encoded(noise(draw, width, height), form.split()[0], **FORMS[form])


def _cut(form: str, draw: Random, pixels: int) -> bytes:
    whole = _plain(form, draw, pixels)
    return whole[: draw.randrange(draw.choice((2, 64, len(whole))))]


def _flipped(form: str, draw: Random, pixels: int) -> bytes:
    whole = bytearray(_plain(form, draw, pixels))
    for _ in range(draw.choice((1, 4, 64))):
        whole[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
    return bytes(whole)


def _summed(draw: Random, pixels: int) -> bytes:
    """Flipped bits in a PNG whose sums are right, so that its decoder gets to see them."""
    parts = chunks(_plain("PNG", draw, pixels))
    place = draw.randrange(len(parts) - 1)
    data = bytearray(parts[place][1])
    for _ in range(draw.choice((1, 4, 64))):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    parts[place] = parts[place][0], bytes(data)
    return png(parts)


def _odd_png(draw: Random, pixels: int) -> bytes:
    """A PNG of chunks that do not go together."""
    parts = chunks(encoded(noise(draw).quantize(7), "PNG", transparency=bytes(7)))
    colour, depth = draw.choice((0, 1, 2, 3, 4, 6, 255)), draw.choice((0, 1, 2, 4, 8, 16, 32))
    odd = [head(48, 40, depth, colour, draw.choice((0, 1, 2))), (b"PLTE", draw.randbytes(draw.randrange(800))),
           (b"tRNS", draw.randbytes(draw.randrange(300))), (b"acTL", struct.pack(">II", 2**31 - 1, 0)),
           (b"gAMA", b"\0\0\0\0"), (b"pHYs", b"\xff" * 9), (b"IEND", b""), (b"????", b"x")]  # fmt: skip
    for _ in range(draw.randrange(1, 4)):
        parts.insert(draw.randrange(len(parts)), draw.choice(odd))
        del parts[draw.randrange(len(parts))]
    return png(parts)


def _odd_jpeg(draw: Random, pixels: int) -> bytes:
    """A JPEG of segments that are missing, wrong, or too many."""
    parts = segments(encoded(noise(draw), "JPEG", progressive=draw.random() < 0.5))
    odd = [segment(0xDB, draw.randbytes(65)), segment(0xC4, draw.randbytes(60)), segment(0xDD, b"\0\1"), b"\xff\xd0",
           segment(draw.randrange(0xC0, 0xD0), struct.pack(">BHHB", 8, 0, 48, 3) + draw.randbytes(9)), b"\xff\xda\0\0",
           segment(0xDA, draw.randbytes(10)), segment(0xEE, b"Adobe\0\x64\0\0\0\0" + draw.randbytes(1)),
           segment(0xE2, b"MPF\0" + exif((0xB001, 4, 1, b"\xff" * 4))), b"\xff\xfe\xff\xff"]  # fmt: skip
    for _ in range(draw.randrange(1, 4)):
        parts.insert(draw.randrange(len(parts)), draw.choice(odd))
        del parts[draw.randrange(len(parts))]
    return jpeg(parts)


def _notes(draw: Random, pixels: int) -> bytes:
    """A picture with EXIF and a colour profile that are garbage, or nearly right."""
    value = draw.randrange(12)
    entries = [(ORIENTATION, draw.choice((0, 2, 3, 3, 3, 4, 5, 12, 99)), draw.choice((0, 1, 1, 9, 2**32 - 1)),
                struct.pack("<HH", value, 0))] * draw.choice((1, 2, 9))  # fmt: skip
    entries += [(draw.choice((0x8769, 0x8825, 0xA005)), 4, 1, struct.pack("<I", draw.choice((8, 2**31, 0))))]
    notes = draw.choice((draw.randbytes(40), exif(*entries), exif(*entries, following=8), b"MM\0*\0\0\0\x08", b""))
    profile = draw.choice((draw.randbytes(200), b"", bytes(128) + b"\xff" * 40, draw.randbytes(70_000)))
    form = draw.choice(("PNG", "JPEG", "WEBP"))
    return encoded(noise(draw), form, exif=b"Exif\0\0" + notes, icc_profile=profile)


def _deep(draw: Random, pixels: int) -> bytes:
    """Pictures as few have them, and none of them wrong."""
    mode, form = draw.choice(DEEP)
    if draw.random() < 0.3:
        return flat_png(draw.randrange(1, 90), draw.randrange(1, 90), 16, draw.choice((0, 2, 4, 6)))
    return encoded(noise(draw, draw.choice((1, 48, 178)), draw.choice((1, 40, 218)), mode), form)


def _other(draw: Random, pixels: int) -> bytes:
    """A picture of a kind that is not taken."""
    form = draw.choice(OTHERS)
    return encoded(noise(draw, 32, 32, "1" if form in ("MSP", "XBM") else "RGB"), form)


def _both(draw: Random, pixels: int) -> bytes:
    """Two things in one."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../x", "x")
    first = _plain(draw.choice(("PNG", "JPEG", "WEBP")), draw, pixels)
    second = draw.choice(
        (packed.getvalue(), b"<script>alert(1)</script>", first, _plain("GIF", draw, pixels), bytes(10**6))
    )
    return draw.choice((first + second, PNG + first[8:], b"GIF89a/*" + first + b"*/=1;", b"%PDF-1.7\n" + first))


def _twice(draw: Random, pixels: int) -> bytes:
    """A JPEG of several pictures, and what follows of it cut or moved."""
    whole = encoded(noise(draw), "MPO", save_all=True, append_images=[noise(draw) for _ in range(draw.choice((1, 60)))])
    return draw.choice((whole, whole[: draw.randrange(len(whole))], whole.replace(b"MPF\0MM", b"MPF\0II")))


def _odd_webp(draw: Random, pixels: int) -> bytes:
    """A WebP of chunks that do not go together."""
    kind = draw.choice((b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"EXIF", b"ICCP", b"XMP "))
    parts = [canvas(48, 40, draw.randrange(256)), (kind, draw.randbytes(draw.randrange(80))),
             (b"VP8 ", encoded(noise(draw), "WEBP")[20:])]  # fmt: skip
    draw.shuffle(parts)
    return webp(parts)


def _beginning(draw: Random, pixels: int) -> bytes:
    return draw.choice(BEGINNINGS) + draw.randbytes(draw.choice((0, 30, 5000)))


def _text(draw: Random, pixels: int) -> bytes:
    return draw.choice(TEXTS)


KINDS: dict[str, Draw] = {
    "photo": partial(_plain, "JPEG"),
    "text": _text,
    "wrong type": partial(_plain, "PNG"),
    "beginning": _beginning,
    "other format": _other,
    **{f"cut {form}": partial(_cut, form) for form in FORMS},
    **{f"flipped {form}": partial(_flipped, form) for form in FORMS},
    "flipped and summed": _summed,
    "odd PNG": _odd_png,
    "odd JPEG": _odd_jpeg,
    "odd WebP": _odd_webp,
    "said to be huge": hostile_large.said_huge,
    "bomb": hostile_large.bomb,
    "layered": hostile_large.layered,
    "inflating": hostile_large.inflating,
    "many parts": hostile_large.many_parts,
    "notes": _notes,
    "moving": hostile_large.moving,
    "deep": _deep,
    "thin": hostile_large.thin,
    "both": _both,
    "twice": _twice,
}
