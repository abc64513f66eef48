"""Curves as PNG, drawn by matplotlib on an Agg canvas without pyplot and its global state."""

import io
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from facesmith.arrays import Doubles
from facesmith.extras import require

# Okabe and Ito's palette, which colour-blind readers can tell apart, without its yellow: it is too pale on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#4D4D4D")
_INK, _GRID = "#2b2f36", "#dfe3e8"
_DPI = 120


def draw_curves(options: Mapping[str, Any]) -> bytes:
    """Draw lines from the options of chart-svg.js: a thin raw line and a bold smoothed one for each curve.

    Points with None are left out. If a few points are far from all others, the axis and the average are those of the
    others, and a note says how many are outside.
    """
    figure, axes = _chart(options["title"], (9.0, 4.2))
    lines = [_valid(curve) for curve in options["series"]]
    values = np.concatenate([np.empty(0), *(y for _, y, _ in lines)])
    limits = options["limits"]
    low, high = _value_range(values) if limits is None else (-np.inf, np.inf)
    handles: dict[str, Any] = {}
    for curve, (x, y, spread) in zip(options["series"], lines, strict=True):
        colour, style = COLOURS[curve["colour"] % len(COLOURS)], ("-", "--", ":")[curve["dash"] % 3]
        width = len(y) // 40 if options["smooth"] else 1
        if width > 1:
            axes.plot(x, y, color=colour, alpha=0.28, linewidth=0.8)
        inside = (y >= low) & (y <= high)  # an outlier would lift the average around it
        marker = "o" if inside.sum() == 1 else None
        smooth = moving_average(y[inside], width)
        (handle,) = axes.plot(x[inside], smooth, style, color=colour, linewidth=2.0, marker=marker)
        handles[_plain(curve["name"])] = handle
        axes.fill_between(x, y - spread, y + spread, color=colour, alpha=0.16, linewidth=0)
    for mark in options["marks"]:
        axes.axvline(mark, color="#888c94", linewidth=1.0, linestyle=":")
    if limits is not None:
        axes.set_ylim(*limits)
    elif np.isfinite(high):
        _cut_axis(axes, values, low, high)
    if not len(values):
        axes.text(0.5, 0.5, "no measurements yet", transform=axes.transAxes, ha="center", va="center", color=_INK)
    axes.set_xlabel(_plain(options["unit"]))
    axes.set_ylabel(_plain(options["ylabel"]))
    axes.margins(x=0.01)
    if len(handles) > 1:
        columns = min(len(handles), 4)
        figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=columns, frameon=False)
    return _png(figure)


def moving_average(values: Doubles, width: int) -> Doubles:
    """Return the mean of the ``width`` points around each point, of fewer at both ends. Values must be finite."""
    if width <= 1 or not len(values):
        return values
    places = np.arange(len(values))
    first = np.maximum(places - width // 2, 0)
    last = np.minimum(places - width // 2 + width, len(values))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray((sums[last] - sums[first]) / (last - first))


def _chart(title: str, size: tuple[float, float]) -> tuple[Any, Any]:
    figures = require("matplotlib.figure", "explore", "drawing charts")
    figure = figures.Figure(figsize=size, dpi=_DPI, layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.14, h_pad=0.12)
    axes = figure.add_subplot(facecolor="white")
    axes.set_title(_plain(title), loc="left", fontsize=12, fontweight="bold", color=_INK, pad=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#9aa0a8")
    axes.tick_params(colors=_INK, labelsize=9)
    axes.grid(True, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _png(figure: Any) -> bytes:
    canvas = require("matplotlib.backends.backend_agg", "explore", "drawing charts").FigureCanvasAgg(figure)
    file = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes. The tables of the page show it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        canvas.print_png(file, metadata={"Software": None})
    return file.getvalue()


def _valid(curve: Mapping[str, Any]) -> tuple[Doubles, ...]:
    """Return x, y and spread of the points of a curve that were measured; an unknown spread is 0."""
    x, y = (np.array(curve[name], np.float64) for name in ("xs", "ys"))
    spread = np.nan_to_num(np.array(curve.get("spread", np.zeros(len(y))), np.float64))
    valid = np.isfinite(x) & np.isfinite(y)
    return x[valid], y[valid], spread[valid]


def _value_range(values: Doubles) -> tuple[float, float]:
    """Return the range without the few outliers that would flatten the rest; infinite without outliers."""
    if len(values) < 50:
        return -np.inf, np.inf
    low, high = (float(edge) for edge in np.percentile(values, (0.5, 99.5)))
    reach = max(high - low, 1e-9)
    low, high = low - reach, high + reach
    return (low, high) if values.min() < low or values.max() > high else (-np.inf, np.inf)


def _cut_axis(axes: Any, values: Doubles, low: float, high: float) -> None:
    inside = values[(values >= low) & (values <= high)]
    margin = 0.06 * max(float(np.ptp(inside)), 1e-9)
    axes.set_ylim(float(inside.min()) - margin, float(inside.max()) + margin)
    outside = len(values) - len(inside)
    text = f"{outside} points outside the axis; all are between {values.min():.3g} and {values.max():.3g}"
    axes.text(0.995, 0.98, text, transform=axes.transAxes, ha="right", va="top", fontsize=8, color="#5b616b")


def _plain(text: str) -> str:
    """Return text that matplotlib draws literally: no formula between dollars, no name hidden by its underscore."""
    text = text.replace("$", r"\$")
    return " " + text if text.startswith("_") else text
