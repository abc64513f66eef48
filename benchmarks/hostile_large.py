"""Pictures that are more than they look: of pixels, of layers, of frames, of notes. Each is drawn by its function.

``pixels`` are the most that a server takes.
"""

import struct
import zlib
from random import Random

from hostile_bytes import canvas, chunks, encoded, flat_png, head, jpeg, noise, png, resized, segment, segments, webp
from PIL import Image


def said_huge(draw: Random, pixels: int) -> bytes:
    """A few bytes that say they are a picture larger than is taken."""
    side = int(pixels**0.5)
    width, height = draw.choice(
        ((pixels + 1, 1), (1, pixels + 1), (side, side + 2), (65_500, 65_500), (2**31 - 1,) * 2)
    )
    small, form = encoded(noise(draw), "JPEG"), draw.choice(("png", "jpeg", "webp", "gif"))
    if form == "png":
        return png([head(width, height), (b"IDAT", zlib.compress(bytes(9))), (b"IEND", b"")])
    if form == "jpeg":
        return resized(small, min(width, 65_500), min(height, 65_500))
    if form == "webp":
        inner = encoded(noise(draw), "WEBP")[12:]
        return webp([canvas(min(width, 2**24), min(height, 255 if width > 2**24 else 2**24)), (b"VP8 ", inner[8:])])
    return b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b",\0\0\0\0\xff\xff\xff\xff\0\2\0;"


def bomb(draw: Random, pixels: int) -> bytes:
    """A whole picture, not too large to be taken, of a thousandth of the bytes of its pixels."""
    side = int(pixels**0.5)
    form = draw.choice(("PNG", "PNG", "PNG", "JPEG", "WEBP"))
    if form == "PNG":
        width, height = draw.choice(((side, side), (pixels, 1), (1, pixels), (65_500, pixels // 65_500)))
        return flat_png(
            width, height, *draw.choice(((1, 0), (8, 0), (8, 2), (8, 6), (16, 0), (16, 2), (16, 6), (1, 3)))
        )
    flat = Image.new("RGB", (min(side, 16_383), min(side, 16_383)), (9, 99, 199))
    return encoded(flat, form, **{"progressive": True} if form == "JPEG" else {"lossless": True, "method": 0})


def layered(draw: Random, pixels: int) -> bytes:
    """A JPEG that is drawn again and again."""
    side = int((pixels / draw.choice((1, 100, 10_000))) ** 0.5)
    parts = segments(encoded(Image.new("L", (max(16, side), max(16, side)), 99), "JPEG", progressive=True))
    return jpeg([*parts, *[parts[-1]] * draw.choice((20, 40, 70, 3000))])


def inflating(draw: Random, pixels: int) -> bytes:
    """A PNG whose notes are far larger than they look."""
    press = zlib.compressobj(9)
    large = b"".join([*(press.compress(bytes(1 << 20)) for _ in range(100)), press.flush()])
    note = draw.choice(((b"zTXt", b"k\0\0" + large), (b"iTXt", b"k\0\1\0\0\0" + large), (b"iCCP", b"k\0\0" + large),
                        (b"IDAT", large)))  # fmt: skip
    whole = chunks(encoded(noise(draw), "PNG"))
    return png([whole[0], *[note] * draw.choice((1, 20)), *whole[1:]])


def many_parts(draw: Random, pixels: int) -> bytes:
    """More chunks or segments than anybody needs."""
    count = draw.choice((1_000, 50_000))
    if draw.random() < 0.5:
        whole = chunks(encoded(noise(draw), "PNG"))
        return png([whole[0], *[draw.choice(((b"tEXt", b"k\0v"), (b"IDAT", b""), (b"abCd", b"")))] * count, *whole[1:]])
    whole_jpeg = segments(encoded(noise(draw), "JPEG"))
    return jpeg([*[segment(draw.choice((0xE1, 0xE2, 0xED, 0xFE, 0xDB)), b"Exif\0\0II")] * count, *whole_jpeg])


def moving(draw: Random, pixels: int) -> bytes:
    """Thousands of pictures in one."""
    form = draw.choice(("GIF", "PNG", "WEBP", "TIFF"))
    frames = [noise(draw, 4, 4, "L") for _ in range(draw.choice((50, 2_000)))]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], **{"loop": 0} if form != "TIFF" else {})


def thin(draw: Random, pixels: int) -> bytes:
    """A line."""
    side = draw.choice((2, 999, min(65_500, pixels), min(65_500, pixels // 600)))
    form, size = draw.choice(("PNG", "JPEG", "WEBP")), (1 if side > pixels // 600 else draw.choice((1, 2, 600)), side)
    width, height = size[:: draw.choice((1, -1))]
    if form == "WEBP":
        width, height = min(width, 16_383), min(height, 16_383)
    return encoded(Image.new("RGB", (width, height), "red"), form)
