"""Draw many faces as one image: a table with labels, or a series as a sheet, a GIF or an MP4."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from facesmith.arrays import Images
from facesmith.errors import FacesmithError
from facesmith.files import refuse_existing
from facesmith.images import video
from facesmith.images.grid import BACKGROUND, make_grid, save_image

MIN_SIDE = 128  # pixels of a face in a table, if a whole enlargement reaches it
VIDEO_SUFFIXES = (".gif", ".mp4")
HOLD = 0.5  # seconds that a video shows its last face, unless it loops
_GAP, _MARGIN, _LINE = 2, 8, 17
_FONT_SIZE = 13
_TEXT_COLOUR = (232, 234, 238)


def enlargement(height: int) -> int:
    """Return the factor by which small faces are enlarged without smoothing."""
    return max(1, MIN_SIDE // height)


def make_table(images: Images, rows: Sequence[str], columns: Sequence[str]) -> Image.Image:
    """Return faces (rows x columns x H x W x 3, uint8) as a table with labels at the left and above.

    The label of a row may have several lines. Labels of columns are shortened to the width of a face.
    """
    _, _, height, width, _ = images.shape
    scale = enlargement(height)
    faces = make_grid(images.reshape(-1, height, width, 3), len(columns), gap=_GAP, scale=scale)
    font = ImageFont.load_default(_FONT_SIZE)
    left = _MARGIN + round(max(font.getlength(line) for label in rows for line in label.split("\n"))) + _MARGIN
    top = _LINE + _MARGIN
    canvas = Image.new("RGB", (left + faces.width, top + faces.height), BACKGROUND)
    canvas.paste(faces, (left, top))
    draw = ImageDraw.Draw(canvas)
    for index, label in enumerate(columns):
        centre = left + _GAP + index * (width * scale + _GAP) + width * scale / 2
        draw.text((centre, _MARGIN / 2), _shorten(label, font, width * scale), _TEXT_COLOUR, font, anchor="ma")
    for index, label in enumerate(rows):
        lines = label.count("\n") + 1
        centre = top + _GAP + index * (height * scale + _GAP) + height * scale / 2
        origin = (_MARGIN, centre - lines * _LINE / 2)
        draw.multiline_text(origin, label, _TEXT_COLOUR, font, spacing=_LINE - _FONT_SIZE)
    return canvas


def save_table(images: Images, rows: Sequence[str], columns: Sequence[str], path: Path) -> None:
    """Write a `make_table` as an image, in the format of the suffix of ``path``."""
    save_image(make_table(images, rows, columns), path)


def save_series(images: Images, path: Path, *, fps: int, loop: bool, columns: int | None = None) -> None:
    """Write faces (N x H x W x 3) as a video (.gif or .mp4, by the suffix of ``path``), or as a sheet.

    A video that does not ``loop`` shows its last face for `HOLD` seconds. A sheet has ``columns``, or is near-square.
    """
    scale, suffix = enlargement(images.shape[1]), path.suffix.lower()
    if suffix not in VIDEO_SUFFIXES:
        save_image(make_grid(images, columns, scale=scale), path)
        return
    write = video.write_gif if suffix == ".gif" else video.write_mp4
    write(list(images), path, fps, 0 if loop else HOLD, scale=scale)


def check_series_path(path: Path) -> None:
    """Refuse an existing file and an unknown suffix, before any work is done."""
    refuse_existing(path, "image")
    if path.suffix.lower() not in (*VIDEO_SUFFIXES, *Image.registered_extensions()):
        raise FacesmithError(f"invalid output {str(path)!r}: expected a name that ends in .png, .gif or .mp4")


def _shorten(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """Omit the middle of a label that is too wide: file names differ at their ends."""
    for length in range(len(text), 1, -1):
        end = len(text) - (length - length // 2)
        short = text if length == len(text) else f"{text[: length // 2]}…{text[end:]}"
        if font.getlength(short) <= width:
            return short
    return ""
