"""Sheets: many pictures of one size laid out as one picture."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from facesmith.errors import FacesmithError
from facesmith.files import replacing

Colour = tuple[int, int, int]

BACKGROUND: Colour = (24, 26, 31)
_FONT_SIZES = (13, 12, 11, 10, 9)
_LINE = 1.35  # height of a line of text over the size of its font


def sheet(
    images: NDArray[np.uint8],
    columns: int | None = None,
    labels: Sequence[str] | None = None,
    gap: int = 2,
    scale: int = 1,
    background: Colour = BACKGROUND,
) -> Image.Image:
    """Lay out uint8 pictures of shape (N, H, W, 3) row by row, ``gap`` pixels apart and around them.

    ``columns`` defaults to a near-square sheet. ``scale`` enlarges every picture by a whole number, each pixel
    staying a sharp square. ``labels`` (one a picture, a newline begins a second line) are written underneath, in a
    smaller font and then cut short where they would not fit. Raises `ValueError` for another shape or type, for no
    pictures, and for a number of labels that is not N.
    """
    _check(images, labels, columns, gap, scale)
    if scale > 1:
        images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width, _ = images.shape
    columns = min(columns or math.ceil(math.sqrt(count)), count)
    rows = math.ceil(count / columns)
    font, lines, band = _lettering(labels, width)
    step = (width + gap, height + band + gap)
    canvas = Image.new("RGB", (columns * step[0] + gap, rows * step[1] + gap), background)
    draw = ImageDraw.Draw(canvas)
    for index, picture in enumerate(images):
        left = gap + index % columns * step[0]
        top = gap + index // columns * step[1]
        canvas.paste(Image.fromarray(picture), (left, top))
        if lines:
            text = "\n".join(lines[index])
            draw.text((left + 1, top + height + 2), text, font=font, fill=_ink(background), spacing=2)
    return canvas


def fit(images: NDArray[np.uint8], side: int, enlarge: bool = True) -> NDArray[np.uint8]:
    """Pictures (N, H, W, 3) resized smoothly so that the longer side is ``side`` pixels, or at most that."""
    _, height, width, _ = images.shape
    if max(height, width) == side or (max(height, width) < side and not enlarge):
        return images
    factor = side / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.stack([np.asarray(Image.fromarray(p).resize(size, Image.Resampling.LANCZOS)) for p in images])


def save_image(image: Image.Image, path: Path) -> None:
    """Write a picture whole or not at all, in the format of the ending of ``path`` (.png, .jpg, .webp, ...)."""
    if path.suffix.lower() not in Image.registered_extensions():
        raise FacesmithError(f"{path} does not say in which format to save the picture: let its name end in .png")
    with replacing(path) as beside:
        image.save(beside)


def _check(images: NDArray[np.uint8], labels: Sequence[str] | None, columns: int | None, gap: int, scale: int) -> None:
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8 or 0 in images.shape:
        raise ValueError(f"a sheet takes uint8 pictures of shape (N, H, W, 3), not {images.dtype} {images.shape}")
    if labels is not None and len(labels) != len(images):
        raise ValueError(f"{len(labels)} labels were given for {len(images)} pictures")
    if scale < 1 or gap < 0 or (columns is not None and columns < 1):
        raise ValueError("scale and columns are at least 1 and gap is at least 0")


def _lettering(
    labels: Sequence[str] | None, width: int
) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, list[list[str]], int]:
    """The largest font in which every label fits ``width``, the lines of each label, and the height they need."""
    texts = [label.split("\n") for label in labels or ()]
    for size in _FONT_SIZES:
        font = ImageFont.load_default(size)
        if all(font.getlength(line) <= width - 2 for lines in texts for line in lines):
            break
    texts = [[_cut(line, font, width - 2) for line in lines] for lines in texts]
    most = max((len(lines) for lines in texts), default=0)
    return font, texts, round(most * size * _LINE) + (3 if most else 0)


def _cut(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Leave out the middle of a line that is too long: names of files differ at their ends."""
    if font.getlength(line) <= width:
        return line
    for kept in range(len(line) - 1, 1, -1):
        text = line[: kept // 2] + "…" + line[len(line) - (kept - kept // 2) :]
        if font.getlength(text) <= width:
            return text
    return ""


def _ink(background: Colour) -> Colour:
    return (232, 234, 238) if sum(background) < 384 else (28, 30, 34)
