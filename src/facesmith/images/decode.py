"""Decode image files: formats, EXIF orientation, colour profiles, transparency, bit depth, cropping and resizing."""

import os
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

# Importing these plug-ins here keeps Pillow from loading its forty others to open a WebP. Only these formats are
# opened, so that no file reaches a decoder that runs a program (EPS) or that is not tested here.
from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageCms,
    ImageOps,
    Jpeg2KImagePlugin,  # noqa: F401
    JpegImagePlugin,
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from facesmith.arrays import ImageArray
from facesmith.errors import FacesmithError, ImageError
from facesmith.images.crop import FILTERS, Box, CropSpec
from facesmith.images.provenance import Marks, marks_in

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "AVIF", "JPEG2000", "HEIF")
SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".avif",
    ".avifs", ".heic", ".heif", ".hif", ".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc", ".mpo",
)  # fmt: skip
FORMAT_NAMES = "JPEG, PNG, WebP, AVIF, HEIC, JPEG 2000, BMP, GIF and TIFF"
# The first bytes of each format, from which it is recognised where the ending of a name does not tell it.
SIGNATURES = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF8": "GIF", b"II*\0": "TIFF", b"MM\0*": "TIFF",
    b"\0\0\0\x0cjP  ": "JPEG2000", b"\xff\x4f\xff\x51": "JPEG2000",
}  # fmt: skip
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
LFS_POINTER = b"version https://git-lfs"  # a small text in the place of a file that was not downloaded
SIGNATURE_BYTES = 64
MAX_PIXELS = 100_000_000
ORIENTATION = 0x0112  # the EXIF tag


def decode(file: str | bytes, spec: CropSpec) -> ImageArray:
    """Decode an image file (a path, or its bytes), and crop and resize it: uint8 of shape (height, width, 3), RGB.

    EXIF rotation is undone, transparency is composited on white, 16 bits a channel are scaled to 8, and the first frame
    of an animation is taken. Raises `ImageError` for a file that cannot be read or is smaller than the crop.
    """
    return decode_with_marks(file, spec)[0]


def decode_with_marks(file: str | bytes, spec: CropSpec) -> tuple[ImageArray, Marks | None]:
    """Decode an image file as `decode` does, and return its marks too."""
    with _open(file) as (image, orientation):
        marks = marks_in(image)
        width, height = image.size if orientation not in (5, 6, 7, 8) else image.size[::-1]
        box = spec.box(width, height)
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            _reduce_while_decoding(image, box, spec)
        image = _load_upright(image, orientation)
        x, y = image.width / width, image.height / height  # below 1 if the JPEG decoder reduced the image
        return np.asarray(_crop_and_resize(image, (box[0] * x, box[1] * y, box[2] * x, box[3] * y), spec)), marks


def decode_full_size(file: str | bytes) -> ImageArray:
    """Decode a whole image file at its own size, with the same conversions as `decode`."""
    with _open(file) as (image, orientation):
        image = _load_upright(image, orientation)
        return np.asarray(_guard(lambda: _to_rgb(image)))


@contextmanager
def open_image(file: str | bytes) -> Iterator[Image.Image]:
    """Yield an image file, a path or its bytes, as an image of Pillow that is not decoded yet. Raises `ImageError`."""
    with _open(file) as (image, _):
        yield image


def read_marks(file: str | bytes) -> Marks | None:
    """Return the marks of an image file, a path or its bytes; None without marks. Raises `ImageError`."""
    with open_image(file) as image:
        return marks_in(image)


def image_size(file: str | bytes) -> tuple[int, int]:
    """Return the width and height of an image file before its EXIF orientation, without decoding it."""
    with _open(file) as (image, _):
        return image.width, image.height


def crop_and_resize(image: ImageArray, spec: CropSpec, box: Box | None = None) -> ImageArray:
    """Crop and resize RGB pixels as `decode` does, to the specified part or to the part ``box``."""
    height, width = image.shape[:2]
    return np.asarray(_crop_and_resize(Image.fromarray(image), box or spec.box(width, height), spec))


def read_photo(photo: str | Path | bytes | ImageArray) -> ImageArray:
    """Return the upright pixels of a photo, uint8 of shape (height, width, 3), RGB.

    ``photo`` is a path, the bytes of a file, or such an array. Raises `FacesmithError` that names the photo.
    """
    if isinstance(photo, np.ndarray):
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
            raise FacesmithError(
                f"invalid photo array {photo.dtype} {photo.shape}: expected RGB uint8 of shape (height, width, 3)"
            )
        return photo
    try:
        return decode_full_size(photo if isinstance(photo, bytes) else str(photo))
    except ImageError as error:
        reason, _, advice = str(error).partition(": ")
        raise FacesmithError(
            f"{photo_name(photo)} cannot be used ({reason}): {advice or 'use a different photo'}"
        ) from None


def photo_name(photo: str | Path | bytes | ImageArray) -> str:
    return str(photo) if isinstance(photo, (str, Path)) else "the photo"


def image_format(file: str | bytes) -> str | None:
    """Return the format of an image file, a path or its bytes, by its first bytes; None for any other file."""
    head = file[:SIGNATURE_BYTES] if isinstance(file, bytes) else _read_head(file)
    if head[4:8] == b"ftyp":
        brands = {head[at : at + 4] for at in range(8, len(head), 4)}
        return "AVIF" if brands & {b"avif", b"avis"} else "HEIF" if brands & set(HEIF_BRANDS) else None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "BMP"
    return next((kind for signature, kind in SIGNATURES.items() if head.startswith(signature)), None)


def _read_head(path: str) -> bytes:
    if stat.S_ISFIFO(os.stat(path).st_mode):  # noqa: PTH116 (for each photo: Path costs more than the call)
        raise ImageError("not a regular file")  # reading would wait for a writer
    with open(path, "rb") as file:  # noqa: PTH123 (for each photo: Path costs more than open)
        return file.read(SIGNATURE_BYTES)


@contextmanager
def _open(file: str | bytes) -> Iterator[tuple[Image.Image, int]]:
    """Open an image file without decoding it; yields it and its EXIF orientation."""
    if not file:
        raise ImageError("empty file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about files that it reads correctly
        with _guard(lambda: _open_image(file)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ImageError(f"too large, {image.width}x{image.height} pixels")
            yield image, _guard(lambda: image.getexif().get(ORIENTATION, 1))


def _open_image(file: str | bytes) -> Image.Image:
    kind = image_format(file)
    if kind == "HEIF" and not _can_read_heif():
        raise ImageError("a HEIC image: install facesmith[heic], or convert it to JPEG")
    try:
        formats = [name for name in FORMATS if name in Image.OPEN]
        return Image.open(file if isinstance(file, str) else BytesIO(file), formats=formats)
    except UnidentifiedImageError:
        if kind == "HEIF":
            raise ImageError("an unreadable HEIC image: convert it to JPEG") from None
        if (file[:SIGNATURE_BYTES] if isinstance(file, bytes) else _read_head(file)).startswith(LFS_POINTER):
            raise ImageError("a Git LFS pointer: run git lfs pull") from None
        raise


@lru_cache(maxsize=1)
def _can_read_heif() -> bool:
    try:
        import_module("pillow_heif").register_heif_opener(thumbnails=False)
    except ImportError:
        return False
    return True


def _load_upright(image: Image.Image, orientation: int) -> Image.Image:
    _guard(image.load)
    upright: Image.Image = image if orientation == 1 else _guard(lambda: ImageOps.exif_transpose(image))
    return upright


def _crop_and_resize(image: Image.Image, box: Box, spec: CropSpec) -> Image.Image:
    # Crop before converting and resizing: this is cheaper, and pixels outside the crop do not bleed into its edge.
    left, top = int(box[0]), int(box[1])
    right, bottom = min(image.width, -int(-box[2] // 1)), min(image.height, -int(-box[3] // 1))
    if (left, top, right, bottom) != (0, 0, *image.size):
        image = image.crop((left, top, right, bottom))
    part = (box[0] - left, box[1] - top, min(box[2] - left, image.width), min(box[3] - top, image.height))
    image = _guard(lambda: _to_rgb(image))
    return image.resize((spec.width, spec.height), FILTERS[spec.resize], box=part)


def _reduce_while_decoding(image: JpegImagePlugin.JpegImageFile, box: Box, spec: CropSpec) -> None:
    """Let the JPEG decoder reduce the image while the crop stays at least four times the target size."""
    spare = min(box[2] - box[0], box[3] - box[1]) / (4 * max(spec.width, spec.height))
    factor = next((factor for factor in (8, 4, 2) if spare >= factor), None)
    if factor:
        image.draft(image.mode, (image.width // factor, image.height // factor))


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert to 8-bit sRGB: colour profiles are applied, and transparency is composited on white."""
    profile = image.info.get("icc_profile")
    if image.mode == "RGB" and "transparency" not in image.info and not profile:
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _to_8_bits(image).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        opaque = _to_srgb(rgba.convert("RGB"), profile)
        return Image.composite(opaque, Image.new("RGB", rgba.size, "white"), rgba.getchannel("A"))
    if image.mode not in ("L", "CMYK", "LAB"):
        image = image.convert("RGB")
    return _to_srgb(image, profile).convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an opaque image from its colour profile; one without a usable profile stays as it is."""
    transform = _srgb_transform(profile, image.mode) if profile else None
    return image if transform is None else transform.apply(image)


@lru_cache(maxsize=16)
def _srgb_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the conversion to sRGB, or None for sRGB itself and for a profile that does not fit the mode."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if mode == "RGB" and "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(source, srgb, mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
    except (ImageCms.PyCMSError, ImportError, OSError, ValueError, TypeError):
        return None


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale a deep grey image to 8 bits: a 16-bit one by its full range, any other by the range of its values."""
    values = np.asarray(image).astype(np.float32)
    if not np.isfinite(values).all():
        raise ImageError("non-finite pixel values")
    low, high = float(values.min()), float(values.max())
    if image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0, 1
    elif image.mode != "F" and low >= 0 and high <= 65535:
        low, high = 0, 65535
    scaled = (values - low) * (255 / max(high - low, 1e-12))
    return Image.fromarray((scaled + 0.5).astype(np.uint8))


def _guard(read: Callable[[], Any]) -> Any:
    """Run one step of a decoder, and turn whatever a malformed file raises into an `ImageError` with a short reason."""
    try:
        return read()
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError("not an image") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError("a decompression bomb") from None
    except FileNotFoundError:
        raise ImageError("not found") from None
    except IsADirectoryError:
        raise ImageError("a folder") from None
    except PermissionError:
        raise ImageError("permission denied") from None
    except MemoryError:
        raise ImageError("out of memory") from None
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, zlib.error, EOFError, ...
        text = str(error).lower()
        truncated = isinstance(error, EOFError) or "truncated" in text or "not enough image data" in text
        raise ImageError("truncated" if truncated else "damaged") from None
