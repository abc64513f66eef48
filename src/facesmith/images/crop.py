"""What --size, --crop and --resize mean: which part of an image is kept, at which size, through which filter.

`facesmith.images.decode` crops the pixels of a photo; `facesmith.images.face_crop` finds and aligns a face first.
"""

import re
from dataclasses import dataclass
from typing import Any

from PIL import Image

from facesmith.errors import FacesmithError, ImageError

FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.BOX,
}

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class CropSpec:
    """How an image of any size becomes one of ``width`` x ``height``."""

    width: int
    height: int
    crop: str
    resize: str

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def box(self, width: int, height: int) -> Box:
        """Return the part of an upright image of this size that is kept, in pixels; `ImageError` if it is too small."""
        left, top, right, bottom = _crop_box(self.crop, width, height, self.width / self.height)
        if left < 0 or top < 0 or right > width or bottom > height:
            needed = f"{right - left:g}x{bottom - top:g} at {left:g},{top:g}" if "box" in self.crop else self.crop[7:]
            raise ImageError(f"smaller than the crop, {width}x{height} instead of {needed}")
        return left, top, right, bottom


def parse_crop_spec(size: str, crop: str, resize: str) -> CropSpec:
    """Parse the three options of an import, or raise `FacesmithError`.

    ``size`` is "64" or "80x100" (width x height). ``crop`` is ``fit``, ``none``, ``center:SIDE`` or ``box:X,Y,W,H``.
    ``resize`` is lanczos, bicubic, bilinear or box.
    """
    sides = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", str(size).strip().lower())
    width, height = (int(sides[1]), int(sides[2] or sides[1])) if sides else (0, 0)
    if not (4 <= width <= 4096 and 4 <= height <= 4096):
        raise FacesmithError(
            f"invalid size {size!r}: expected 4 to 4096 pixels, for example 64 or 80x100 (width x height)"
        )
    if resize not in FILTERS:
        raise FacesmithError(f"invalid resize filter {resize!r}: expected one of {', '.join(FILTERS)}")
    if not re.fullmatch(r"fit|none|center:[1-9]\d{0,4}|box:\d{1,5},\d{1,5},[1-9]\d{0,4},[1-9]\d{0,4}", crop):
        raise FacesmithError(
            f"invalid crop {crop!r}: expected fit, none, center:SIDE (center:178) or box:X,Y,W,H (box:49,90,80,100)"
        )
    return CropSpec(width, height, crop, resize)


def card_crop_spec(card: dict[str, Any]) -> CropSpec:
    """Return the crop specification with which the dataset with this card was imported."""
    width, height = card["size"]
    return parse_crop_spec(f"{width}x{height}", str(card["crop"]), str(card["resize"]))


def _crop_box(crop: str, width: int, height: int, aspect: float) -> Box:
    kind, _, numbers = crop.partition(":")
    if kind == "none":
        return 0.0, 0.0, float(width), float(height)
    if kind == "box":
        x, y, box_width, box_height = map(float, numbers.split(","))
        return x, y, x + box_width, y + box_height
    if kind == "center":
        side = int(numbers)
        x, y = float((width - side) // 2), float((height - side) // 2)
        return x, y, x + side, y + side
    # Use whole pixels wherever possible, so that a square from 178x218 is exactly the middle 178x178.
    w, h = min(width, height * aspect), min(height, width / aspect)
    left, top = (width - w) / 2, (height - h) / 2
    if w == int(w) and h == int(h):
        left, top = float(int(left)), float(int(top))
    return left, top, left + w, top + h
