"""Image grids: many images of one size laid out as one image."""

import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facesmith.arrays import Images
from facesmith.errors import FacesmithError
from facesmith.files import atomic_file
from facesmith.images.provenance import Marks, save_options

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

BACKGROUND: Colour = (24, 26, 31)
_FONT_SIZES = (13, 12, 11, 10, 9)
_LINE_HEIGHT = 1.35  # in units of the font size
MIN_TABLE_SIDE = 128  # pixels of a face in a table, if a whole enlargement reaches it
MAX_ROW, MAX_SHEET_WIDTH = 8, 1050  # faces in one row by default, and pixels
_TABLE_GAP, _TABLE_MARGIN, _TABLE_LINE, _TABLE_FONT_SIZE = 2, 8, 17, 13
_CAPTION_SIZES, _CAPTION_MARGIN = (18, 16, 14, 12, 10, 9), 4  # of its font, in pixels


def make_grid(
    images: Images,
    columns: int | None = None,
    labels: Sequence[str] | None = None,
    gap: int = 2,
    scale: int = 1,
    background: Colour = BACKGROUND,
) -> Image.Image:
    """Lay out uint8 images (N, H, W, 3) row by row, with ``gap`` pixels between and around them.

    ``columns`` defaults to a nearly square grid. ``scale`` enlarges each image by a whole number without smoothing.
    ``labels``, one an image, are written below; a newline starts a second line, and text that does not fit gets a
    smaller font, then an ellipsis. Raises `ValueError` for another shape or type, no images, or another number of
    labels.
    """
    _check_arguments(images, labels, columns, gap, scale)
    if scale > 1:
        images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width, _ = images.shape
    columns = min(columns or math.ceil(math.sqrt(count)), count)
    rows = math.ceil(count / columns)
    font, lines, label_height = _fit_labels(labels, width)
    step = (width + gap, height + label_height + gap)
    canvas = Image.new("RGB", (columns * step[0] + gap, rows * step[1] + gap), background)
    draw = ImageDraw.Draw(canvas)
    for index, image in enumerate(images):
        left = gap + index % columns * step[0]
        top = gap + index // columns * step[1]
        canvas.paste(Image.fromarray(image), (left, top))
        if lines:
            text = "\n".join(lines[index])
            draw.text((left + 1, top + height + 2), text, font=font, fill=_text_colour(background), spacing=2)
    return canvas


def face_sheet(
    images: Images | Sequence[Image.Image], columns: int | None = None, labels: Sequence[str] | None = None
) -> Image.Image:
    """Return faces as one image, which a notebook shows: a sheet with ``columns`` and ``labels`` as in `make_grid`.

    ``images`` are uint8 of shape (N, height, width, 3), one image of shape (height, width, 3), or PIL images of one
    size. Small faces are enlarged by an integer factor until the sheet is about 1,000 pixels wide. Raises
    `ValueError` for other shapes and types.
    """
    faces = (
        np.stack([np.asarray(image) for image in images]) if isinstance(images, list | tuple) else np.asarray(images)
    )
    faces = faces[None] if faces.ndim == 3 else faces
    _check_arguments(faces, labels, columns, gap=0, scale=1)
    columns = min(columns or (len(faces) if len(faces) <= MAX_ROW else math.ceil(math.sqrt(len(faces)))), len(faces))
    scale = min(enlargement(faces.shape[1]), MAX_SHEET_WIDTH // (columns * faces.shape[2]))
    return make_grid(faces, columns, labels, scale=max(1, scale))


def enlargement(height: int) -> int:
    """Return the factor by which small faces are enlarged without smoothing."""
    return max(1, MIN_TABLE_SIDE // height)


def make_table(images: Images, rows: Sequence[str], columns: Sequence[str]) -> Image.Image:
    """Return faces (rows x columns x H x W x 3, uint8) as a table with labels at the left and above.

    The label of a row may have several lines. Labels of columns are shortened to the width of a face.
    """
    _, _, height, width, _ = images.shape
    scale = enlargement(height)
    faces = make_grid(images.reshape(-1, height, width, 3), len(columns), gap=_TABLE_GAP, scale=scale)
    font = ImageFont.load_default(_TABLE_FONT_SIZE)
    left = (
        _TABLE_MARGIN + round(max(font.getlength(line) for label in rows for line in label.split("\n"))) + _TABLE_MARGIN
    )
    top = _TABLE_LINE + _TABLE_MARGIN
    canvas = Image.new("RGB", (left + faces.width, top + faces.height), BACKGROUND)
    canvas.paste(faces, (left, top))
    draw, colour = ImageDraw.Draw(canvas), _text_colour(BACKGROUND)
    for index, label in enumerate(columns):
        centre = left + _TABLE_GAP + index * (width * scale + _TABLE_GAP) + width * scale / 2
        draw.text((centre, _TABLE_MARGIN / 2), _shorten(label, font, width * scale), colour, font, anchor="ma")
    for index, label in enumerate(rows):
        lines = label.count("\n") + 1
        centre = top + _TABLE_GAP + index * (height * scale + _TABLE_GAP) + height * scale / 2
        origin = (_TABLE_MARGIN, centre - lines * _TABLE_LINE / 2)
        draw.multiline_text(origin, label, colour, font, spacing=_TABLE_LINE - _TABLE_FONT_SIZE)
    return canvas


def save_table(
    images: Images, rows: Sequence[str], columns: Sequence[str], path: Path, marks: Marks | None = None
) -> None:
    """Write a `make_table` as `save_sheet` does; without ``marks``, it has no line either."""
    table = make_table(images, rows, columns)
    if marks is None:
        save_image(table, path)
    else:
        save_sheet(table, path, marks)


def save_sheet(sheet: Image.Image, path: Path, marks: Marks) -> None:
    """Write a sheet of generated or edited faces with ``marks``, and the line that `add_caption` adds."""
    save_image(add_caption(sheet, marks), path, marks)


def add_caption(sheet: Image.Image, marks: Marks, background: Colour = BACKGROUND) -> Image.Image:
    """Return a sheet with a visible line below it: AI-generated or edited with AI, the model and the seed.

    A narrow sheet gets a smaller font, then a shorter line.
    """
    short = "Edited with AI" if marks.is_edited else "AI-generated"
    seed = "" if marks.seed is None else f", seed {marks.seed}"
    texts = [*([f"{short}: {marks.model}{seed}"] if marks.model else []), short, "AI"]
    for text, size in product(texts, _CAPTION_SIZES):
        font = ImageFont.load_default(size)
        if font.getlength(text) <= sheet.width - 2 * _CAPTION_MARGIN:
            break
    canvas = Image.new("RGB", (sheet.width, sheet.height + size + 2 * _CAPTION_MARGIN), background)
    canvas.paste(sheet, (0, 0))
    origin = (_CAPTION_MARGIN, sheet.height + _CAPTION_MARGIN)
    ImageDraw.Draw(canvas).text(origin, text, _text_colour(background), font)
    return canvas


def resize_images(images: Images, side: int, enlarge: bool = True) -> Images:
    """Resize images (N, H, W, 3) smoothly so that the longer side is ``side`` pixels, or at most that."""
    _, height, width, _ = images.shape
    if max(height, width) == side or (max(height, width) < side and not enlarge):
        return images
    factor = side / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.stack([np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)) for image in images])


def image_suffixes() -> set[str]:
    """Return the suffixes of the formats that `save_image` can write."""
    return {suffix for suffix, name in Image.registered_extensions().items() if name in Image.SAVE}


def save_image(image: Image.Image, path: Path, marks: Marks | None = None, **options: Any) -> None:
    """Write an image file with ``marks`` atomically, in the format of the suffix of ``path`` (.png, .jpg, .webp, ...).

    ``options`` are those of Pillow's ``save``. Formats that hold no XMP, such as BMP, get no marks.
    """
    if path.suffix.lower() not in image_suffixes():
        raise FacesmithError(f"invalid image file name '{path}': expected a supported suffix, for example .png")
    if marks is not None:
        options |= save_options(marks, Image.registered_extensions()[path.suffix.lower()])
    with atomic_file(path) as temporary:
        try:
            image.save(temporary, **options)
        except (ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise FacesmithError(f"{path} cannot be written ({error}): use .png instead") from None


def _check_arguments(images: Images, labels: Sequence[str] | None, columns: int | None, gap: int, scale: int) -> None:
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8 or 0 in images.shape:
        raise ValueError(f"expected uint8 images of shape (N, H, W, 3), not {images.dtype} {images.shape}")
    if labels is not None and len(labels) != len(images):
        raise ValueError(f"{len(labels)} labels for {len(images)} images")
    if scale < 1 or gap < 0 or (columns is not None and columns < 1):
        raise ValueError("scale and columns must be at least 1, and gap at least 0")


def _fit_labels(labels: Sequence[str] | None, width: int) -> tuple[Font, list[list[str]], int]:
    """Return the largest font in which every label fits ``width``, the lines of each label, and their height."""
    texts = [label.split("\n") for label in labels or ()]
    for size in _FONT_SIZES:
        font = ImageFont.load_default(size)
        if all(font.getlength(line) <= width - 2 for lines in texts for line in lines):
            break
    texts = [[_shorten(line, font, width - 2) for line in lines] for lines in texts]
    max_lines = max((len(lines) for lines in texts), default=0)
    return font, texts, round(max_lines * size * _LINE_HEIGHT) + (3 if max_lines else 0)


def _shorten(line: str, font: Font, width: float) -> str:
    """Replace the middle of a line that is too long by an ellipsis: file names differ at their ends."""
    if font.getlength(line) <= width:
        return line
    for length in range(len(line) - 1, 1, -1):
        text = line[: length // 2] + "…" + line[len(line) - (length - length // 2) :]
        if font.getlength(text) <= width:
            return text
    return ""


def _text_colour(background: Colour) -> Colour:
    return (232, 234, 238) if sum(background) < 384 else (28, 30, 34)
