"""Draw the memorisation sheet: faces on the left, the training faces closest to them on the right."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facesmith.arrays import Images
from facesmith.images.grid import BACKGROUND, Colour, resize_images
from facesmith.metrics.memorisation import NEIGHBOURHOOD, REAL_SHARE, Memorisation, Neighbours

ROWS = 8

# In pixels: side of a face, gap between faces, gap before the neighbours, height of a label.
_SIDE, _GAP, _ARROW_GAP, _LABEL = 96, 6, 30, 20
_MARGIN, _HEADER, _TITLE, _PANEL_GAP = 20, 104, 30, 48
_INK: Colour = (232, 234, 238)
_SOFT: Colour = (160, 167, 178)
_ALARM: Colour = (255, 159, 64)


def memorisation_sheet(result: Memorisation, generated: Images, real: Images, training: Images) -> Image.Image:
    """Return an image of two panels: generated faces on the left, real faces for comparison on the right.

    ``generated`` and ``real`` are the faces selected by `Neighbours.first` with ``ROWS``, uint8 N x H x W x 3;
    ``training`` are all images of the training set.
    """
    panels = [
        _panel("GENERATED faces closest to training faces", "generated", result.generated, generated, training, result),
        _panel("REAL faces closest to training faces, for comparison", "real", result.real, real, training, result),
    ]
    width = 2 * _MARGIN + _PANEL_GAP + sum(panel.width for panel in panels)
    canvas = Image.new("RGB", (width, _HEADER + max(panel.height for panel in panels) + _MARGIN), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    draw.text((_MARGIN, 14), f"Were training faces memorised? {result.conclusion.capitalize()}.", _INK, _font(22))
    for line, text in enumerate(
        (
            f"{result.share:.1%} of the generated faces are closer to a training face than {1 - REAL_SHARE:.0%} of "
            f"real faces are (orange, under {result.threshold:.0%}); {REAL_SHARE:.0%} is expected by chance.",
            f"Each row: a face, then its nearest training faces; 100% is the mean distance of the {NEIGHBOURHOOD} "
            "nearest. Copies appear in the first rows, with much smaller distances.",
        )
    ):
        draw.text((_MARGIN, 48 + 20 * line), text, _SOFT, _font(14))
    left = _MARGIN
    for panel in panels:
        canvas.paste(panel, (left, _HEADER))
        left += panel.width + _PANEL_GAP
    return canvas


def _panel(
    title: str,
    name: str,
    neighbours: Neighbours,
    faces: Images,
    training: Images,
    result: Memorisation,
) -> Image.Image:
    """Draw a row for each face: the face, its nearest training faces and their distances."""
    first = neighbours.first(ROWS)
    pairs = zip(faces, neighbours.rows[first], strict=True)
    rows = [resize_images(np.concatenate([face[None], training[indices]]), _SIDE) for face, indices in pairs]
    height, width = rows[0].shape[1:3]
    columns = len(rows[0])
    size = (columns * (width + _GAP) + _ARROW_GAP - _GAP, _TITLE + len(rows) * (height + _LABEL + _GAP))
    panel = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(panel)
    draw.text((0, 2), title, _INK, _font(15))
    for index, (row, distances) in enumerate(zip(rows, neighbours.distances[first], strict=True)):
        top = _TITLE + index * (height + _LABEL + _GAP)
        labels = [f"{name} {first[index]}", *(f"{distance:.0%}" for distance in distances)]
        for column, (image, label) in enumerate(zip(row, labels, strict=True)):
            left = column * (width + _GAP) + (_ARROW_GAP if column else 0)
            panel.paste(Image.fromarray(image), (left, top))
            is_close = column > 0 and distances[column - 1] < result.threshold
            if is_close:
                draw.rectangle((left - 2, top - 2, left + width + 1, top + height + 1), outline=_ALARM, width=2)
            ink = _ALARM if is_close else _INK if column else _SOFT
            draw.text((left + width / 2, top + height + 3), label, ink, _font(13), anchor="ma")
        _arrow(draw, width + _GAP + _ARROW_GAP // 2 - 3, top + height // 2)
    return panel


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _arrow(draw: ImageDraw.ImageDraw, middle: int, height: int) -> None:
    points: Sequence[tuple[int, int]] = [(middle - 5, height - 7), (middle + 5, height), (middle - 5, height + 7)]
    draw.line(points, _SOFT, 2)
