"""Pictures of faces beside each other: a table with names at its sides, and a series as a sheet, a GIF or a film."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from facesmith.errors import FacesmithError
from facesmith.files import refuse_existing
from facesmith.images import video
from facesmith.images.grid import BACKGROUND, make_grid, save_image

SIDE = 128  # pixels that a face of a table has at least, where enlarging by whole numbers makes it so
FILMS = (".gif", ".mp4")
HOLD = 0.5  # seconds that the last face of a film stands, unless it leads on to the first
_GAP, _MARGIN, _LINE = 2, 8, 17
_FONT = 13
_INK = (232, 234, 238)

Pictures = NDArray[np.uint8]


def enlargement(height: int) -> int:
    """By how much small faces are enlarged, each pixel staying a sharp square."""
    return max(1, SIDE // height)


def table(pictures: Pictures, rows: Sequence[str], columns: Sequence[str]) -> Image.Image:
    """Faces (rows x columns x H x W x 3, uint8) with the rows' names at the left and the columns' above.

    A row's name may have several lines. Names of columns that are wider than a face are cut short.
    """
    _, _, height, width, _ = pictures.shape
    scale = enlargement(height)
    faces = make_grid(pictures.reshape(-1, height, width, 3), len(columns), gap=_GAP, scale=scale)
    font = ImageFont.load_default(_FONT)
    left = _MARGIN + round(max(font.getlength(line) for name in rows for line in name.split("\n"))) + _MARGIN
    top = _LINE + _MARGIN
    canvas = Image.new("RGB", (left + faces.width, top + faces.height), BACKGROUND)
    canvas.paste(faces, (left, top))
    draw = ImageDraw.Draw(canvas)
    for index, name in enumerate(columns):
        text, middle = _cut(name, font, width * scale), left + _GAP + index * (width * scale + _GAP) + width * scale / 2
        draw.text((middle, _MARGIN / 2), text, _INK, font, anchor="ma")
    for index, name in enumerate(rows):
        lines = name.count("\n") + 1
        middle = top + _GAP + index * (height * scale + _GAP) + height * scale / 2
        draw.multiline_text((_MARGIN, middle - lines * _LINE / 2), name, _INK, font, spacing=_LINE - _FONT)
    return canvas


def save_table(pictures: Pictures, rows: Sequence[str], columns: Sequence[str], path: Path) -> None:
    """Write a `table` as a picture, in the format of the ending of ``path``."""
    save_image(table(pictures, rows, columns), path)


def save_series(pictures: Pictures, path: Path, *, fps: int, loop: bool, columns: int | None = None) -> None:
    """Write faces (N x H x W x 3) as a film (.gif or .mp4, by the ending of ``path``), or as a sheet of them all.

    A film that does not ``loop`` holds its last face for a moment. A sheet has ``columns``, or is near-square.
    """
    scale = enlargement(pictures.shape[1])
    if path.suffix.lower() not in FILMS:
        save_image(make_grid(pictures, columns, scale=scale), path)
        return
    write = video.write_gif if path.suffix.lower() == ".gif" else video.write_mp4
    write(list(pictures), path, fps, 0 if loop else HOLD, scale=scale)


def check_series(path: Path) -> None:
    """Refuse a name that nothing can be written to, before the work is done."""
    refuse_existing(path, "picture")
    if path.suffix.lower() not in (*FILMS, *Image.registered_extensions()):
        raise FacesmithError(f"{path} does not say what to make: let its name end in .png, .gif or .mp4")


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """Leave out the middle of a name that is too long: names of files differ at their ends."""
    for kept in range(len(text), 1, -1):
        short = text if kept == len(text) else text[: kept // 2] + "…" + text[len(text) - (kept - kept // 2) :]
        if font.getlength(short) <= width:
            return short
    return ""
