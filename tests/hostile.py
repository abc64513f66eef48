"""Makes a folder of sixty files as people really have them: pictures of every kind, broken ones, and things between."""

import os
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

COLORS = {"red": (220, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 200), "yellow": (240, 220, 40)}


class Hostile(NamedTuple):
    """What was made: the folder, the pictures an import must keep, those it must skip with a word of the reason."""

    folder: Path
    kept: dict[str, Image.Image | None]  # with what the picture shows, upright and in RGB, where that is told
    skipped: dict[str, str]
    ignored: list[str]


def quadrants(width: int = 80, height: int = 80) -> Image.Image:
    """Red, green / blue, yellow: shows at once whether a picture was turned or mirrored."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = COLORS["red"]
    pixels[: height // 2, width // 2 :] = COLORS["green"]
    pixels[height // 2 :, : width // 2] = COLORS["blue"]
    pixels[height // 2 :, width // 2 :] = COLORS["yellow"]
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, depth: int, color: int, rows: bytes) -> bytes:
    """A PNG with any header, true or not."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def make_hostile(folder: Path) -> Hostile:
    folder.mkdir(parents=True)
    kept: dict[str, Image.Image | None] = {}
    skipped: dict[str, str] = {}
    ignored: list[str] = []

    def write(name: str, data: bytes) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def keep(name: str, data: bytes, shows: Image.Image | None = None) -> None:
        write(name, data)
        kept[name] = shows

    def skip(name: str, data: bytes, reason: str) -> None:
        write(name, data)
        skipped[name] = reason

    def ignore(name: str, data: bytes) -> None:
        write(name, data)
        ignored.append(name)

    base = quadrants()
    grey = base.convert("L")
    jpeg, plain = encoded(base, "JPEG", quality=95), encoded(base, "PNG")
    _keep_jpegs(keep, base, jpeg)
    _keep_pngs(keep, base)
    _keep_others(keep, base)
    for name in ("names/with space & #1.png", "names/ünïcødé 顔.png", "names/line\nbreak.png", "UPPER.PNG"):
        keep(name, plain, base)
    keep("really_a_png.jpg", plain, base)
    keep("a/b/c/d/deep.bmp", encoded(base, "BMP"), base)
    keep("thin.png", encoded(Image.new("RGB", (3, 400), "red"), "PNG"), Image.new("RGB", (3, 400), "red"))
    keep("one_pixel.png", encoded(Image.new("RGB", (1, 1), "blue"), "PNG"), Image.new("RGB", (1, 1), "blue"))
    keep("huge.jpg", encoded(quadrants(6000, 4000), "JPEG"), quadrants(6000, 4000))
    (folder / "link.png").symlink_to(folder / "UPPER.PNG")
    kept["link.png"] = base

    skip("truncated.jpg", jpeg[: len(jpeg) * 2 // 3], "truncated")
    skip("truncated.png", encoded(Image.effect_noise((90, 90), 90), "PNG")[:3000], "truncated")
    skip("truncated.webp", encoded(Image.effect_noise((90, 90), 90).convert("RGB"), "WEBP")[:900], "")
    skip("truncated.gif", encoded(Image.effect_noise((90, 90), 90), "GIF")[:1500], "truncated")
    skip("truncated.tif", encoded(base, "TIFF")[:400], "")
    skip("header_only.jpg", jpeg[:30], "")
    skip("photo.heic", b"....ftypheic", "")
    skip("zero.jpg", b"", "empty file")
    skip("text.jpg", b"I am a text file.\n" * 40, "not an image")
    skip("page.png", b"<!DOCTYPE html><html><body>404</body></html>", "not an image")
    skip("vector.png", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "not an image")
    skip("program.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "not an image")
    skip("noise.bmp", np.random.default_rng(0).bytes(5000), "not an image")
    skip("bomb.png", png(50_000, 50_000, 8, 2, b"\0" * 1000), "decompression bomb")
    skip("big.png", png(12_000, 12_000, 8, 2, b"\0" * 1000), "too large")
    skip("wrong_sum.png", _flip_byte(plain, plain.index(b"IDAT") + 10), "")
    skip("no_numbers.tif", encoded(Image.fromarray(np.full((9, 9), np.nan, np.float32)), "TIFF"), "finite")
    (folder / "broken_link.jpg").symlink_to(folder / "nowhere.jpg")
    skipped["broken_link.jpg"] = "unreadable"
    os.mkfifo(folder / "pipe.jpg")
    skipped["pipe.jpg"] = "not a regular file"

    ignore("notes.txt", b"buy milk")
    ignore(".hidden.jpg", jpeg)
    ignore("._mac.jpg", b"\0\5\26\7")
    ignore(".thumbnails/small.jpg", jpeg)
    (folder / "album.jpg").mkdir()  # a folder, whatever its name
    keep("album.jpg/inside.png", encoded(grey, "PNG"), grey.convert("RGB"))
    return Hostile(folder, kept, skipped, ignored)


def _keep_jpegs(keep, base: Image.Image, jpeg: bytes) -> None:  # type: ignore[no-untyped-def]
    keep("plain.jpg", jpeg, base)
    keep("progressive.jpeg", encoded(base, "JPEG", progressive=True, quality=95), base)
    keep("grey.jpg", encoded(base.convert("L"), "JPEG"), base.convert("L").convert("RGB"))
    keep("cmyk.jpg", encoded(base.convert("CMYK"), "JPEG", quality=95), base)
    keep("trailing.jpg", jpeg + b"\0" * 500 + b"trailing", base)
    keep("two_in_one.jpg", encoded(base, "MPO", save_all=True, append_images=[base.rotate(180)], quality=95), base)
    undo = {
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        7: Image.Transpose.TRANSVERSE,
    }
    for orientation, turn in undo.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        keep(f"turned/{orientation}.jpg", encoded(base.transpose(turn), "JPEG", exif=exif, quality=95), base)


def _keep_pngs(keep, base: Image.Image) -> None:  # type: ignore[no-untyped-def]
    alpha = base.convert("RGBA")
    alpha.paste((0, 0, 0, 0), (0, 0, 40, 80))  # black but transparent: must come out white
    shown = base.copy()
    shown.paste("white", (0, 0, 40, 80))
    keep("alpha.png", encoded(alpha, "PNG"), shown)
    keep("palette.png", encoded(base.quantize(16), "PNG"), base)
    keep("palette_alpha.png", encoded(alpha.quantize(16), "PNG"), shown)
    keep("grey_alpha.png", encoded(alpha.convert("LA"), "PNG"), shown.convert("L").convert("RGB"))
    keep("one_bit.png", encoded(Image.new("1", (20, 20), 1), "PNG"), Image.new("RGB", (20, 20), "white"))
    keep("keyed.png", encoded(base, "PNG", transparency=(220, 30, 30)), _replaced(base, "red"))
    deep = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))
    scaled = Image.fromarray((deep / 257 + 0.5).astype(np.uint8)).convert("RGB")
    keep("deep_grey.png", encoded(Image.fromarray(deep), "PNG"), scaled)
    keep("deep_grey.tif", encoded(Image.fromarray(deep), "TIFF"), scaled)
    row = b"\0" + struct.pack(">3H", 65535, 32768, 0) * 16
    keep("deep_rgb.png", png(16, 16, 16, 2, row * 16), Image.new("RGB", (16, 16), (255, 128, 0)))


def _keep_others(keep, base: Image.Image) -> None:  # type: ignore[no-untyped-def]
    other = base.rotate(180)
    keep("lossless.webp", encoded(base, "WEBP", lossless=True), base)
    keep("moving.webp", encoded(base, "WEBP", save_all=True, append_images=[other], lossless=True), base)
    keep("moving.gif", encoded(base, "GIF", save_all=True, append_images=[other]), base)
    keep("packed.tif", encoded(base, "TIFF", compression="tiff_lzw"), base)
    keep("cmyk.tiff", encoded(base.convert("CMYK"), "TIFF"), base)
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    keep("float.tif", encoded(Image.fromarray(ramp), "TIFF"), Image.fromarray((ramp * 255 + 0.5).astype(np.uint8)))


def _replaced(base: Image.Image, color: str) -> Image.Image:
    pixels = np.array(base)
    pixels[(pixels == COLORS[color]).all(-1)] = 255
    return Image.fromarray(pixels)


def _flip_byte(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]
