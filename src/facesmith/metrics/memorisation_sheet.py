"""The sheet that shows memorisation: faces at the left, the training faces nearest to them at the right."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from facesmith.images.grid import BACKGROUND, Colour, resize_images
from facesmith.metrics.memorisation import AROUND, NEAR, Memorisation, Neighbours

ROWS = 8

_SIDE, _GAP, _FROM, _LINE = 96, 6, 30, 20  # pixels: of a face, between faces, before the neighbours, of a label
_MARGIN, _HEAD, _TITLE, _BETWEEN = 20, 104, 30, 48
_INK: Colour = (232, 234, 238)
_SOFT: Colour = (160, 167, 178)
_ALARM: Colour = (255, 159, 64)


def memorisation_sheet(
    found: Memorisation, generated: NDArray[np.uint8], real: NDArray[np.uint8], training: NDArray[np.uint8]
) -> Image.Image:
    """One picture of two panels: generated faces, and beside them real ones to show what is usual.

    ``generated`` and ``real`` are the faces that `Neighbours.first` of ``ROWS`` names, uint8 N x H x W x 3;
    ``training`` is every face of the training set.
    """
    panels = [
        _panel("GENERATED faces nearest to training faces", "generated", found.generated, generated, training, found),
        _panel("REAL faces nearest to training faces, to compare", "real", found.real, real, training, found),
    ]
    width = 2 * _MARGIN + _BETWEEN + sum(panel.width for panel in panels)
    canvas = Image.new("RGB", (width, _HEAD + max(panel.height for panel in panels) + _MARGIN), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    draw.text((_MARGIN, 14), f"Were training faces memorised? {found.verdict.capitalize()}.", _INK, _font(22))
    usual = f"{1 - NEAR:.0%} of real faces"
    for line, text in enumerate(
        (
            f"{found.share:.1%} of the generated faces come nearer to a training face than {usual} do (orange, under "
            f"{found.threshold:.0%}); by chance it would be {NEAR:.0%}.",
            f"Each row: a face, then its nearest training faces; 100% is the mean distance of the {AROUND} nearest. "
            "A copy would stand in the first rows, far below all others.",
        )
    ):
        draw.text((_MARGIN, 48 + 20 * line), text, _SOFT, _font(14))
    left = _MARGIN
    for panel in panels:
        canvas.paste(panel, (left, _HEAD))
        left += panel.width + _BETWEEN
    return canvas


def _panel(
    title: str,
    name: str,
    neighbours: Neighbours,
    faces: NDArray[np.uint8],
    training: NDArray[np.uint8],
    found: Memorisation,
) -> Image.Image:
    """A row for each face: itself, its nearest training faces, and how far away these are."""
    first = neighbours.first(ROWS)
    together = zip(faces, neighbours.rows[first], strict=True)
    rows = [resize_images(np.concatenate([face[None], training[near]]), _SIDE) for face, near in together]
    height, width = rows[0].shape[1:3]
    columns = len(rows[0])
    size = (columns * (width + _GAP) + _FROM - _GAP, _TITLE + len(rows) * (height + _LINE + _GAP))
    panel = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(panel)
    draw.text((0, 2), title, _INK, _font(15))
    for index, (row, distances) in enumerate(zip(rows, neighbours.distances[first], strict=True)):
        top = _TITLE + index * (height + _LINE + _GAP)
        labels = [f"{name} {first[index]}", *(f"{distance:.0%}" for distance in distances)]
        for column, (picture, label) in enumerate(zip(row, labels, strict=True)):
            left = column * (width + _GAP) + (_FROM if column else 0)
            panel.paste(Image.fromarray(picture), (left, top))
            near = column > 0 and distances[column - 1] < found.threshold
            if near:
                draw.rectangle((left - 2, top - 2, left + width + 1, top + height + 1), outline=_ALARM, width=2)
            ink = _ALARM if near else _INK if column else _SOFT
            draw.text((left + width / 2, top + height + 3), label, ink, _font(13), anchor="ma")
        _arrow(draw, width + _GAP + _FROM // 2 - 3, top + height // 2)
    return panel


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _arrow(draw: ImageDraw.ImageDraw, middle: int, height: int) -> None:
    points: Sequence[tuple[int, int]] = [(middle - 5, height - 7), (middle + 5, height), (middle - 5, height + 7)]
    draw.line(points, _SOFT, 2)
