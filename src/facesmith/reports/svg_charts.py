"""Bars, heat maps and histograms as SVG files, which follow the colour scheme of the page that shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from facesmith.reports.pages import render

BLUE, RED, GREY = "#3b8bd0", "#d9534a", "#8a9099"
_COLOURS = (BLUE, "#e07b28", "#2f9e77")
_WIDTH, _TOP, _LETTER = 900, 36, 6.7  # the mean width of a letter
_MAX_LETTERS = 34
_MAX_NUMBERED_CELLS = 14  # names of a heat map whose cells show their values


def bars(
    names: Sequence[str], values: ArrayLike, title: str, xlabel: str = "", texts: Sequence[str] | None = None
) -> bytes:
    """Draw horizontal bars, the first name at the top, with ``texts`` (default: the values) at their ends."""
    lengths = np.nan_to_num(np.asarray(values, np.float64))
    texts = [f"{value:g}" for value in lengths] if texts is None else texts
    row, left = 18, _label_width(names)
    right = left + (_WIDTH - left) * 0.82  # the space after the longest bar is for its text
    scale = (right - left) / max(float(lengths.max(initial=0)), 1e-9)
    shapes: dict[str, list[Any]] = {"rectangles": [], "texts": []}
    for place, (name, length, text) in enumerate(zip(names, lengths, texts, strict=True)):
        y, end = _TOP + place * row, round(left + scale * length, 1)
        shapes["rectangles"].append((left, y, round(end - left, 1), row - 4, BLUE, 1))
        shapes["texts"] += [(left - 8, y + 11, _short(name), "end", 0), (end + 6, y + 11, text, "start", 0)]
    bottom = _TOP + len(names) * row
    shapes["texts"].append((left, bottom + 16, xlabel, "start", 0))
    return _svg(title, _WIDTH, bottom + 26, **shapes)


def heatmap(matrix: ArrayLike, names: Sequence[str], title: str) -> bytes:
    """Draw a square matrix of values from -1 (blue) over 0 (the colour of the page) to 1 (red); NaN is grey."""
    cells = np.asarray(matrix, np.float64)
    side, left = 34 if len(names) <= _MAX_NUMBERED_CELLS else 16, _label_width(names)
    bottom = _TOP + side * len(names)
    rectangles, texts = [], []
    for (row, column), value in np.ndenumerate(cells):
        known = bool(np.isfinite(value))
        x, y = left + column * side, _TOP + row * side
        colour = GREY if not known else RED if value > 0 else BLUE
        rectangles.append((x, y, side - 1, side - 1, colour, f"{abs(value) if known else 0.35:.3f}"))
        if known and len(names) <= _MAX_NUMBERED_CELLS:
            texts.append((x + side / 2, y + side / 2 + 4, f"{value:.2f}", "middle", 0))
    for place, name in enumerate(names):
        middle = place * side + side / 2 + 4
        texts += [
            (left - 6, _TOP + middle, _short(name), "end", 0),
            (left + middle, bottom + 6, _short(name), "end", -90),
        ]
    width = round(left + side * len(names) + 8)
    return _svg(title, max(width, 240), round(bottom + left), rectangles=rectangles, texts=texts)


def histogram(
    counts: Mapping[str, ArrayLike],
    edges: ArrayLike,
    title: str,
    xlabel: str,
    ylabel: str = "images",
    colours: Sequence[str] = _COLOURS,
) -> bytes:
    """Draw filled steps: ``counts`` maps a name to n counts between the n + 1 ``edges``. One name has no legend."""
    xs, left, height = np.asarray(edges, np.float64), 64, 300
    columns = {name: np.asarray(column, np.float64) for name, column in counts.items()}
    highest = max(float(max(column.max(initial=0) for column in columns.values())), 1e-9)
    bottom, right = height - 44, _WIDTH - 16
    x = left + (xs - xs[0]) / (xs[-1] - xs[0]) * (right - left)
    shapes: dict[str, list[Any]] = {"lines": [], "texts": [], "areas": [], "rectangles": []}
    for value in _ticks(0, highest):
        y = round(bottom - value / highest * (bottom - _TOP), 1)
        shapes["lines"].append((left, y, right, y))
        shapes["texts"].append((left - 6, y + 4, f"{value:g}", "end", 0))
    for value in _ticks(xs[0], xs[-1]):
        place = round(left + (value - xs[0]) / (xs[-1] - xs[0]) * (right - left), 1)
        shapes["texts"].append((place, bottom + 16, f"{value:g}", "middle", 0))
    for number, (name, column) in enumerate(columns.items()):
        tops = bottom - column / highest * (bottom - _TOP)
        outline = np.stack([np.repeat(x, 2), [bottom, *np.repeat(tops, 2), bottom]], 1)
        points, colour = " ".join(f"{a:.1f},{b:.1f}" for a, b in outline), colours[number % len(colours)]
        shapes["areas"].append((points, colour, "area" if len(columns) > 1 else "filled"))
        if len(columns) > 1:
            key = left + 110 * number
            shapes["rectangles"].append((key, height - 16, 12, 12, colour, 1))
            shapes["texts"].append((key + 18, height - 6, name, "start", 0))
    shapes["texts"] += [(right, height - 6, xlabel, "end", 0), (18, (_TOP + bottom) / 2, ylabel, "middle", -90)]
    return _svg(title, _WIDTH, height, **shapes)


def _svg(title: str, width: int, height: int, **shapes: list[Any]) -> bytes:
    shapes = {"lines": [], "rectangles": [], "areas": [], "texts": []} | shapes
    return render("chart.svg", title=title, width=width, height=height, **shapes).encode()


def _ticks(low: float, high: float) -> list[float]:
    """Return up to about eight round numbers from low to high."""
    rough = (high - low) / 8
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [float(f"{value:.9g}") for value in np.arange(np.ceil(low / step), np.floor(high / step + 1e-9) + 1) * step]


def _label_width(names: Sequence[str]) -> int:
    return round(24 + _LETTER * max((len(_short(name)) for name in names), default=0))


def _short(name: str) -> str:
    return name if len(name) <= _MAX_LETTERS else name[: _MAX_LETTERS - 1] + "…"
