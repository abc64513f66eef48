"""Pictures as bytes: what PNG, JPEG and WebP are made of, true or not, to send what no encoder writes.

A picture is as large as it is asked to be, and of noise, so that nothing of it can be left out unseen.
"""

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO
from itertools import chain
from random import Random

from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
Chunk = tuple[bytes, bytes]  # of a PNG or a WebP: its kind and what it holds


def noise(draw: Random, width: int = 48, height: int = 40, mode: str = "RGB") -> Image.Image:
    """A picture of this size that no encoder makes small."""
    size = {"1": -(-width // 8) * height, "I;16": 2 * width * height, "F": 4 * width * height}
    return Image.frombytes(
        mode, (width, height), draw.randbytes(size.get(mode, Image.getmodebands(mode) * width * height))
    )


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def png(chunks: Sequence[Chunk]) -> bytes:
    """A PNG of these chunks, the sums of all of them right."""
    parts = ((struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(kind + data)))
             for kind, data in chunks)  # fmt: skip
    return PNG + b"".join(chain.from_iterable(parts))


def chunks(data: bytes) -> list[Chunk]:
    """What `png` made a PNG of."""
    found, place = list[Chunk](), len(PNG)
    while place < len(data):
        (size,) = struct.unpack_from(">I", data, place)
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    return found


def head(width: int, height: int, depth: int = 8, colour: int = 2, interlaced: int = 0) -> Chunk:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)


def flat_png(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """A whole PNG of one colour: a thousandth of the bytes of its pixels."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + -(-width * samples * depth // 8))
    press = zlib.compressobj(1)
    rows = b"".join([*(press.compress(row * 64) for _ in range(height // 64)), press.compress(row * (height % 64))])
    palette = [(b"PLTE", bytes(6))] if colour == 3 else []
    return png([head(width, height, depth, colour), *palette, (b"IDAT", rows + press.flush()), (b"IEND", b"")])


def segments(jpeg: bytes) -> list[bytes]:
    """The segments of a JPEG, each with its marker; a scan has its data with it."""
    found, place = list[bytes](), 2
    while place < len(jpeg) - 2:
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4])
        if jpeg[place + 1] == 0xDA:
            while end < len(jpeg) - 1 and not (jpeg[end] == 0xFF and jpeg[end + 1] not in (0, *range(0xD0, 0xD8))):
                end += 1
        found.append(jpeg[place:end])
        place = end
    return found


def jpeg(parts: Sequence[bytes]) -> bytes:
    """A JPEG of these segments."""
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xd9"


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data


def resized(data: bytes, width: int, height: int) -> bytes:
    """A JPEG that says it is of another size."""
    place = data.index(b"\xff\xc2" if b"\xff\xc2" in data else b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def webp(parts: Sequence[Chunk]) -> bytes:
    """A WebP of these chunks."""
    body = b"".join(kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def canvas(width: int, height: int, flags: int = 0) -> Chunk:
    """What an extended WebP begins with. Flags: 2 animation, 4 XMP, 8 EXIF, 16 transparency, 32 ICC."""
    return b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def exif(*entries: tuple[int, int, int, bytes], following: int = 0) -> bytes:
    """EXIF with one directory: tag, type, count and the four bytes of each entry, and where the next directory is."""
    body = b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + struct.pack("<I", following)
