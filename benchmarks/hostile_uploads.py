"""Hostile, damaged and unsuitable uploads: any number, drawn from a seed, so that they are reproducible.

A kind is a function that draws one upload. `uploads` cycles through the kinds, so that a few uploads cover all of them.
Images contain noise and have the requested size, so that no decoder can skip a part unnoticed. ``pixels`` is the
largest image that the server accepts.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from random import Random
from typing import NamedTuple

from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
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
OTHER_FORMATS = ("BMP", "ICO", "PPM", "TGA", "PCX", "SGI", "TIFF", "GIF", "DDS", "MSP", "XBM", "PDF", "EPS", "JPEG2000")
UNUSUAL_MODES = (("I;16", "PNG"), ("1", "PNG"), ("LA", "PNG"), ("RGBA", "PNG"), ("RGBA", "WEBP"), ("P", "PNG"),
                 ("L", "JPEG"), ("CMYK", "JPEG"))  # fmt: skip
HEADERS = (
    b"8BPS\0\1\0\0\0\0\0\0\0\3\xff\xff\xff\xff\xff\xff\xff\xff\0\x08\0\3",  # Photoshop, of the largest size
    b"\0\0\0\x18ftypavif\0\0\0\0", b"\0\0\0\x18ftypheic\0\0\0\0", b"SIMPLE  =                    T", b"%PDF-1.7\n",
    b"\x7fELF\2\1\1", b"MZ\x90", b"PK\3\4", b"\x1f\x8b\x08", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"RIFF\xff\xff\xff\xffWAVE",
    b"RIFF\xff\xff\xff\xffWEBPVP8L", b"\xff\xd8\xff", PNG, b"GIF89a\xff\xff\xff\xff", b"II*\0\x08\0\0\0", b"BM",
)  # fmt: skip
CONTENTS = (
    b"", b" ", b"\0", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xd9", PNG[:4], PNG, b"GIF89a", b"RIFF\4\0\0\0WEBP",
    b"<svg xmlns='http://www.w3.org/2000/svg' width='1e9' height='1e9'><script>alert(1)</script></svg>",
    b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><svg>&b;</svg>",
    b"<!doctype html><script>alert(1)</script>", b'{"photo": "../../etc/passwd"}', b"<?php system('id'); ?>",
    b"data:image/png;base64,iVBORw0KGgo=", b"#define x_width 99999\n#define x_height 99999\nstatic char x[] = {",
)  # fmt: skip
MEDIA_TYPES = ("text/html", "application/json", "", "multipart/form-data; boundary=x", "image", "video/mp4", "*/*",
               "image/", "IMAGE/PNG",
               "application/x-www-form-urlencoded", "image/svg+xml", "image/png; charset=utf-7")  # fmt: skip

Chunk = tuple[bytes, bytes]  # of a PNG or a WebP: its kind and its data


def noise(rng: Random, width: int = 48, height: int = 40, mode: str = "RGB") -> Image.Image:
    """Return an image of this size that no encoder can compress."""
    size = {"1": -(-width // 8) * height, "I;16": 2 * width * height, "F": 4 * width * height}
    return Image.frombytes(
        mode, (width, height), rng.randbytes(size.get(mode, Image.getmodebands(mode) * width * height))
    )


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def png(chunks: Sequence[Chunk]) -> bytes:
    """Return a PNG of these chunks, with valid checksums."""
    parts = ((struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(kind + data)))
             for kind, data in chunks)  # fmt: skip
    return PNG + b"".join(chain.from_iterable(parts))


def chunks(data: bytes) -> list[Chunk]:
    """Return the chunks of a PNG that `png` can write."""
    result, place = list[Chunk](), len(PNG)
    while place < len(data):
        (size,) = struct.unpack_from(">I", data, place)
        result.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    return result


def head(width: int, height: int, depth: int = 8, colour: int = 2, interlaced: int = 0) -> Chunk:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)


def flat_png(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """Return a PNG of one colour, a thousandth of the bytes of its pixels."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + -(-width * samples * depth // 8))
    press = zlib.compressobj(1)
    rows = b"".join([*(press.compress(row * 64) for _ in range(height // 64)), press.compress(row * (height % 64))])
    palette = [(b"PLTE", bytes(6))] if colour == 3 else []
    return png([head(width, height, depth, colour), *palette, (b"IDAT", rows + press.flush()), (b"IEND", b"")])


def segments(jpeg: bytes) -> list[bytes]:
    """Return the segments of a JPEG, each with its marker; a scan includes its data."""
    result, place = list[bytes](), 2
    while place < len(jpeg) - 2:
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4])
        if jpeg[place + 1] == 0xDA:
            while end < len(jpeg) - 1 and not (jpeg[end] == 0xFF and jpeg[end + 1] not in (0, *range(0xD0, 0xD8))):
                end += 1
        result.append(jpeg[place:end])
        place = end
    return result


def jpeg(parts: Sequence[bytes]) -> bytes:
    """Return a JPEG of these segments."""
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xd9"


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data


def resized(data: bytes, width: int, height: int) -> bytes:
    """Return a JPEG that declares another size."""
    place = data.index(b"\xff\xc2" if b"\xff\xc2" in data else b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def webp(parts: Sequence[Chunk]) -> bytes:
    """Return a WebP of these chunks."""
    body = b"".join(kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def canvas(width: int, height: int, flags: int = 0) -> Chunk:
    """What an extended WebP begins with. Flags: 2 animation, 4 XMP, 8 EXIF, 16 transparency, 32 ICC."""
    return b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def exif(*entries: tuple[int, int, int, bytes], following: int = 0) -> bytes:
    """EXIF with one directory: tag, type, count and the four bytes of each entry, and where the next directory is."""
    body = b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + struct.pack("<I", following)


def _declared_huge(rng: Random, pixels: int) -> bytes:
    """A few bytes that declare a larger image than accepted."""
    side = int(pixels**0.5)
    width, height = rng.choice(((pixels + 1, 1), (1, pixels + 1), (side, side + 2), (65_500, 65_500), (2**31 - 1,) * 2))
    small, form = encoded(noise(rng), "JPEG"), rng.choice(("png", "jpeg", "webp", "gif"))
    if form == "png":
        return png([head(width, height), (b"IDAT", zlib.compress(bytes(9))), (b"IEND", b"")])
    if form == "jpeg":
        return resized(small, min(width, 65_500), min(height, 65_500))
    if form == "webp":
        inner = encoded(noise(rng), "WEBP")[12:]
        return webp([canvas(min(width, 2**24), min(height, 255 if width > 2**24 else 2**24)), (b"VP8 ", inner[8:])])
    return b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b",\0\0\0\0\xff\xff\xff\xff\0\2\0;"


def _bomb(rng: Random, pixels: int) -> bytes:
    """An image of the largest accepted size, compressed to a thousandth."""
    side = int(pixels**0.5)
    form = rng.choice(("PNG", "PNG", "PNG", "JPEG", "WEBP"))
    if form == "PNG":
        width, height = rng.choice(((side, side), (pixels, 1), (1, pixels), (65_500, pixels // 65_500)))
        return flat_png(width, height, *rng.choice(((1, 0), (8, 0), (8, 2), (8, 6), (16, 0), (16, 2), (16, 6), (1, 3))))
    flat = Image.new("RGB", (min(side, 16_383), min(side, 16_383)), (9, 99, 199))
    return encoded(flat, form, **{"progressive": True} if form == "JPEG" else {"lossless": True, "method": 0})


def _many_scans(rng: Random, pixels: int) -> bytes:
    """A JPEG with very many scans."""
    side = int((pixels / rng.choice((1, 100, 10_000))) ** 0.5)
    parts = segments(encoded(Image.new("L", (max(16, side), max(16, side)), 99), "JPEG", progressive=True))
    return jpeg([*parts, *[parts[-1]] * rng.choice((20, 40, 70, 3000))])


def _inflating_metadata(rng: Random, pixels: int) -> bytes:
    """A PNG with metadata that decompresses to 100 MB."""
    press = zlib.compressobj(9)
    large = b"".join([*(press.compress(bytes(1 << 20)) for _ in range(100)), press.flush()])
    note = rng.choice(((b"zTXt", b"k\0\0" + large), (b"iTXt", b"k\0\1\0\0\0" + large), (b"iCCP", b"k\0\0" + large),
                        (b"IDAT", large)))  # fmt: skip
    whole = chunks(encoded(noise(rng), "PNG"))
    return png([whole[0], *[note] * rng.choice((1, 20)), *whole[1:]])


def _many_segments(rng: Random, pixels: int) -> bytes:
    """Thousands of chunks or segments."""
    count = rng.choice((1_000, 50_000))
    if rng.random() < 0.5:
        whole = chunks(encoded(noise(rng), "PNG"))
        return png([whole[0], *[rng.choice(((b"tEXt", b"k\0v"), (b"IDAT", b""), (b"abCd", b"")))] * count, *whole[1:]])
    whole_jpeg = segments(encoded(noise(rng), "JPEG"))
    return jpeg([*[segment(rng.choice((0xE1, 0xE2, 0xED, 0xFE, 0xDB)), b"Exif\0\0II")] * count, *whole_jpeg])


def _animation(rng: Random, pixels: int) -> bytes:
    """An animation of thousands of frames."""
    form = rng.choice(("GIF", "PNG", "WEBP", "TIFF"))
    frames = [noise(rng, 4, 4, "L") for _ in range(rng.choice((50, 2_000)))]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], **{"loop": 0} if form != "TIFF" else {})


def _thin(rng: Random, pixels: int) -> bytes:
    """An image of one or a few columns or rows."""
    side = rng.choice((2, 999, min(65_500, pixels), min(65_500, pixels // 600)))
    form, size = rng.choice(("PNG", "JPEG", "WEBP")), (1 if side > pixels // 600 else rng.choice((1, 2, 600)), side)
    width, height = size[:: rng.choice((1, -1))]
    if form == "WEBP":
        width, height = min(width, 16_383), min(height, 16_383)
    return encoded(Image.new("RGB", (width, height), "red"), form)


Draw = Callable[[Random, int], bytes]


class Upload(NamedTuple):
    """A request body and its Content-Type."""

    kind: str
    media: str
    data: bytes


def uploads(count: int, seed: int = 0, pixels: int = 40_000_000) -> Iterator[Upload]:
    """Yield uploads, one kind after the other."""
    for number in range(count):
        kind = list(KINDS)[number % len(KINDS)]
        rng = Random(f"{seed} {number}")
        media = (
            rng.choice(MEDIA_TYPES) if kind == "wrong type" else rng.choice(("image/png", "image/jpeg", "image/webp"))
        )
        yield Upload(kind, media, KINDS[kind](rng, pixels))


def _plain(form: str, rng: Random, pixels: int) -> bytes:
    width, height = rng.choice(((48, 40), (64, 64), (178, 218), (1, 1), (3, 700), (700, 3), (300, 200)))
    return encoded(noise(rng, width, height), form.split()[0], **FORMS[form])


def _truncated(form: str, rng: Random, pixels: int) -> bytes:
    whole = _plain(form, rng, pixels)
    return whole[: rng.randrange(rng.choice((2, 64, len(whole))))]


def _flipped(form: str, rng: Random, pixels: int) -> bytes:
    whole = bytearray(_plain(form, rng, pixels))
    for _ in range(rng.choice((1, 4, 64))):
        whole[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
    return bytes(whole)


def _flipped_with_checksums(rng: Random, pixels: int) -> bytes:
    """A PNG with flipped bits and valid checksums, so that the bits reach the decoder."""
    parts = chunks(_plain("PNG", rng, pixels))
    place = rng.randrange(len(parts) - 1)
    data = bytearray(parts[place][1])
    for _ in range(rng.choice((1, 4, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    parts[place] = parts[place][0], bytes(data)
    return png(parts)


def _odd_png(rng: Random, pixels: int) -> bytes:
    """A PNG with inconsistent chunks."""
    parts = chunks(encoded(noise(rng).quantize(7), "PNG", transparency=bytes(7)))
    colour, depth = rng.choice((0, 1, 2, 3, 4, 6, 255)), rng.choice((0, 1, 2, 4, 8, 16, 32))
    odd = [head(48, 40, depth, colour, rng.choice((0, 1, 2))), (b"PLTE", rng.randbytes(rng.randrange(800))),
           (b"tRNS", rng.randbytes(rng.randrange(300))), (b"acTL", struct.pack(">II", 2**31 - 1, 0)),
           (b"gAMA", b"\0\0\0\0"), (b"pHYs", b"\xff" * 9), (b"IEND", b""), (b"????", b"x")]  # fmt: skip
    for _ in range(rng.randrange(1, 4)):
        parts.insert(rng.randrange(len(parts)), rng.choice(odd))
        del parts[rng.randrange(len(parts))]
    return png(parts)


def _odd_jpeg(rng: Random, pixels: int) -> bytes:
    """A JPEG with missing, invalid or repeated segments."""
    parts = segments(encoded(noise(rng), "JPEG", progressive=rng.random() < 0.5))
    odd = [segment(0xDB, rng.randbytes(65)), segment(0xC4, rng.randbytes(60)), segment(0xDD, b"\0\1"), b"\xff\xd0",
           segment(rng.randrange(0xC0, 0xD0), struct.pack(">BHHB", 8, 0, 48, 3) + rng.randbytes(9)), b"\xff\xda\0\0",
           segment(0xDA, rng.randbytes(10)), segment(0xEE, b"Adobe\0\x64\0\0\0\0" + rng.randbytes(1)),
           segment(0xE2, b"MPF\0" + exif((0xB001, 4, 1, b"\xff" * 4))), b"\xff\xfe\xff\xff"]  # fmt: skip
    for _ in range(rng.randrange(1, 4)):
        parts.insert(rng.randrange(len(parts)), rng.choice(odd))
        del parts[rng.randrange(len(parts))]
    return jpeg(parts)


def _metadata(rng: Random, pixels: int) -> bytes:
    """An image with invalid EXIF data and an invalid colour profile."""
    value = rng.randrange(12)
    entries = [(ORIENTATION, rng.choice((0, 2, 3, 3, 3, 4, 5, 12, 99)), rng.choice((0, 1, 1, 9, 2**32 - 1)),
                struct.pack("<HH", value, 0))] * rng.choice((1, 2, 9))  # fmt: skip
    entries += [(rng.choice((0x8769, 0x8825, 0xA005)), 4, 1, struct.pack("<I", rng.choice((8, 2**31, 0))))]
    notes = rng.choice((rng.randbytes(40), exif(*entries), exif(*entries, following=8), b"MM\0*\0\0\0\x08", b""))
    profile = rng.choice((rng.randbytes(200), b"", bytes(128) + b"\xff" * 40, rng.randbytes(70_000)))
    form = rng.choice(("PNG", "JPEG", "WEBP"))
    return encoded(noise(rng), form, exif=b"Exif\0\0" + notes, icc_profile=profile)


def _unusual_mode(rng: Random, pixels: int) -> bytes:
    """A valid image with an unusual mode or bit depth."""
    mode, form = rng.choice(UNUSUAL_MODES)
    if rng.random() < 0.3:
        return flat_png(rng.randrange(1, 90), rng.randrange(1, 90), 16, rng.choice((0, 2, 4, 6)))
    return encoded(noise(rng, rng.choice((1, 48, 178)), rng.choice((1, 40, 218)), mode), form)


def _other(rng: Random, pixels: int) -> bytes:
    """An image of a format that is not accepted."""
    form = rng.choice(OTHER_FORMATS)
    return encoded(noise(rng, 32, 32, "1" if form in ("MSP", "XBM") else "RGB"), form)


def _polyglot(rng: Random, pixels: int) -> bytes:
    """Two files in one."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../x", "x")
    first = _plain(rng.choice(("PNG", "JPEG", "WEBP")), rng, pixels)
    second = rng.choice(
        (packed.getvalue(), b"<script>alert(1)</script>", first, _plain("GIF", rng, pixels), bytes(10**6))
    )
    return rng.choice((first + second, PNG + first[8:], b"GIF89a/*" + first + b"*/=1;", b"%PDF-1.7\n" + first))


def _multi_picture(rng: Random, pixels: int) -> bytes:
    """A JPEG of several images, complete, truncated or with a changed index."""
    whole = encoded(noise(rng), "MPO", save_all=True, append_images=[noise(rng) for _ in range(rng.choice((1, 60)))])
    return rng.choice((whole, whole[: rng.randrange(len(whole))], whole.replace(b"MPF\0MM", b"MPF\0II")))


def _odd_webp(rng: Random, pixels: int) -> bytes:
    """A WebP with inconsistent chunks."""
    kind = rng.choice((b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"EXIF", b"ICCP", b"XMP "))
    parts = [canvas(48, 40, rng.randrange(256)), (kind, rng.randbytes(rng.randrange(80))),
             (b"VP8 ", encoded(noise(rng), "WEBP")[20:])]  # fmt: skip
    rng.shuffle(parts)
    return webp(parts)


def _file_header(rng: Random, pixels: int) -> bytes:
    return rng.choice(HEADERS) + rng.randbytes(rng.choice((0, 30, 5000)))


def _text(rng: Random, pixels: int) -> bytes:
    return rng.choice(CONTENTS)


KINDS: dict[str, Draw] = {
    "photo": partial(_plain, "JPEG"),
    "text": _text,
    "wrong type": partial(_plain, "PNG"),
    "file header": _file_header,
    "other format": _other,
    **{f"truncated {form}": partial(_truncated, form) for form in FORMS},
    **{f"flipped bits {form}": partial(_flipped, form) for form in FORMS},
    "flipped bits with valid checksums": _flipped_with_checksums,
    "odd PNG": _odd_png,
    "odd JPEG": _odd_jpeg,
    "odd WebP": _odd_webp,
    "declared huge": _declared_huge,
    "bomb": _bomb,
    "many scans": _many_scans,
    "inflating metadata": _inflating_metadata,
    "many segments": _many_segments,
    "metadata": _metadata,
    "animation": _animation,
    "unusual mode": _unusual_mode,
    "thin": _thin,
    "polyglot": _polyglot,
    "multi-picture": _multi_picture,
}
