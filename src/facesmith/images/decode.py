"""One picture: from the bytes of a file to the pixels of a dataset."""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

# The plug-ins are named so that Pillow need not load its forty others to open a WebP, and so that no file, whatever its
# name says, reaches a decoder that runs a program (EPS) or that nobody asked for.
from PIL import (
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from facesmith.errors import FacesmithError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF")
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff")
FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.BOX,
}
MOST_PIXELS = 100_000_000
ORIENTATION = 0x0112  # the EXIF tag

Box = tuple[float, float, float, float]


class BadPicture(Exception):
    """A picture that cannot be used; its message is the short reason, without the picture's name."""


@dataclass(frozen=True)
class Frame:
    """How a picture of any size becomes one of ``width`` x ``height``: which part of it, and through which filter."""

    width: int
    height: int
    crop: str
    resize: str

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def box(self, width: int, height: int) -> Box:
        """The part of an upright picture of this size that is kept, as left, top, right, bottom in pixels."""
        left, top, right, bottom = _box(self.crop, width, height, self.width / self.height)
        if left < 0 or top < 0 or right > width or bottom > height:
            needed = f"{right - left:g}x{bottom - top:g} at {left:g},{top:g}" if "box" in self.crop else self.crop[7:]
            raise BadPicture(f"smaller than the crop ({width}x{height}, the crop needs {needed})")
        return left, top, right, bottom


def parse_frame(size: str, crop: str, resize: str) -> Frame:
    """Read the three options of an import, or raise `FacesmithError`.

    ``size`` is "64" or "80x100" (width x height); ``crop`` is ``fit``, ``none``, ``center:SIDE`` or ``box:X,Y,W,H``;
    ``resize`` is one of lanczos, bicubic, bilinear and box.
    """
    sides = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", str(size).strip().lower())
    width, height = (int(sides[1]), int(sides[2] or sides[1])) if sides else (0, 0)
    if not (4 <= width <= 4096 and 4 <= height <= 4096):
        raise FacesmithError(f"size {size!r} is not a size: write 64, or 80x100 for width x height, from 4 to 4096")
    if resize not in FILTERS:
        raise FacesmithError(f"resize {resize!r} is not a filter: choose one of {', '.join(FILTERS)}")
    if not re.fullmatch(r"fit|none|center:[1-9]\d{0,4}|box:\d{1,5},\d{1,5},[1-9]\d{0,4},[1-9]\d{0,4}", crop):
        raise FacesmithError(
            f"crop {crop!r} is not a crop: write fit, none, center:SIDE (center:178) or box:X,Y,W,H (box:49,90,80,100)"
        )
    return Frame(width, height, crop, resize)


def decode(encoded: str | bytes, frame: Frame) -> np.ndarray:
    """Turn a picture file (a path, or its bytes) into uint8 pixels of shape (height, width, 3), RGB.

    EXIF rotation is undone, transparency laid on white, 16 bits a channel scaled to 8, the first frame of an animation
    taken. Raises `BadPicture` for whatever cannot be read and for pictures smaller than the crop.
    """
    with _opened(encoded) as (image, orientation):
        width, height = image.size if orientation not in (5, 6, 7, 8) else image.size[::-1]
        box = frame.box(width, height)
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            _decode_smaller(image, box, frame)
        image = _loaded(image, orientation)
        across, down = image.width / width, image.height / height  # below 1 where the decoder shrank the picture
        return np.asarray(_resized(image, (box[0] * across, box[1] * down, box[2] * across, box[3] * down), frame))


def upright(encoded: str | bytes) -> np.ndarray:
    """All of a picture file at its own size, read as `decode` reads it."""
    with _opened(encoded) as (image, orientation):
        image = _loaded(image, orientation)
        return np.asarray(_guarded(lambda: _rgb(image)))


def framed(pixels: np.ndarray, frame: Frame, box: Box | None = None) -> np.ndarray:
    """The frame's part of RGB pixels, or the part ``box``, as `decode` would have cut and resized it."""
    height, width = pixels.shape[:2]
    return np.asarray(_resized(Image.fromarray(pixels), box or frame.box(width, height), frame))


@contextmanager
def _opened(encoded: str | bytes) -> Iterator[tuple[Image.Image, int]]:
    """A picture file that is opened and not yet decoded, and its EXIF orientation."""
    if not encoded:
        raise BadPicture("zero bytes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a warning about a picture we read is no news, about one we do not a reason
        with _guarded(
            lambda: Image.open(encoded if isinstance(encoded, str) else BytesIO(encoded), formats=FORMATS)
        ) as image:
            if image.width * image.height > MOST_PIXELS:
                raise BadPicture(f"too large ({image.width}x{image.height} pixels)")
            yield image, _guarded(lambda: image.getexif().get(ORIENTATION, 1))


def _loaded(image: Image.Image, orientation: int) -> Image.Image:
    _guarded(image.load)
    turned: Image.Image = image if orientation == 1 else _guarded(lambda: ImageOps.exif_transpose(image))
    return turned


def _resized(image: Image.Image, box: Box, frame: Frame) -> Image.Image:
    # Cut before converting and resizing: cheaper, and pixels outside the crop do not bleed into its edge.
    left, top = int(box[0]), int(box[1])
    right, bottom = min(image.width, -int(-box[2] // 1)), min(image.height, -int(-box[3] // 1))
    if (left, top, right, bottom) != (0, 0, *image.size):
        image = image.crop((left, top, right, bottom))
    within = (box[0] - left, box[1] - top, min(box[2] - left, image.width), min(box[3] - top, image.height))
    image = _guarded(lambda: _rgb(image))
    return image.resize((frame.width, frame.height), FILTERS[frame.resize], box=within)


def _box(crop: str, width: int, height: int, aspect: float) -> Box:
    kind, _, numbers = crop.partition(":")
    if kind == "none":
        return 0.0, 0.0, float(width), float(height)
    if kind == "box":
        x, y, across, down = map(float, numbers.split(","))
        return x, y, x + across, y + down
    if kind == "center":
        side = int(numbers)
        x, y = float((width - side) // 2), float((height - side) // 2)
        return x, y, x + side, y + side
    # Whole pixels wherever they exist, so that a square out of 178x218 is exactly the middle 178x178.
    w, h = min(width, height * aspect), min(height, width / aspect)
    left, top = (width - w) / 2, (height - h) / 2
    if w == int(w) and h == int(h):
        left, top = float(int(left)), float(int(top))
    return left, top, left + w, top + h


def _decode_smaller(image: JpegImagePlugin.JpegImageFile, box: Box, frame: Frame) -> None:
    """Let the JPEG decoder skip detail nobody will see: only while the crop stays four times the target or more."""
    spare = min(box[2] - box[0], box[3] - box[1]) / (4 * max(frame.width, frame.height))
    shrink = next((by for by in (8, 4, 2) if spare >= by), None)
    if shrink:
        image.draft(image.mode, (image.width // shrink, image.height // shrink))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale a deep grey picture to 8 bits: 16-bit ones by their full range, others by the range they use."""
    values = np.asarray(image).astype(np.float32)
    if not np.isfinite(values).all():
        raise BadPicture("has pixels that are no numbers")
    low, high = float(values.min()), float(values.max())
    if image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0, 1
    elif image.mode != "F" and low >= 0 and high <= 65535:
        low, high = 0, 65535
    scaled = (values - low) * (255 / max(high - low, 1e-12))
    return Image.fromarray((scaled + 0.5).astype(np.uint8))


def _guarded(read: Callable[[], Any]) -> Any:
    """Run a step of the decoder: whatever a hostile file makes it raise becomes a `BadPicture` with a short reason."""
    try:
        return read()
    except BadPicture:
        raise
    except UnidentifiedImageError:
        raise BadPicture("not a picture") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadPicture("too large (a decompression bomb)") from None
    except FileNotFoundError:
        raise BadPicture("not found") from None
    except PermissionError:
        raise BadPicture("not readable: permission denied") from None
    except MemoryError:
        raise BadPicture("too large for this machine's memory") from None
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, zlib.error, EOFError, ...
        text = str(error).lower()
        cut = isinstance(error, EOFError) or "truncated" in text or "not enough image data" in text
        raise BadPicture("cut short" if cut else "damaged") from None
