"""Charts as PNG: matplotlib's objects on an Agg canvas, so that no window, backend or global state is touched."""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesmith.extras import require

Series = Mapping[str, tuple[ArrayLike, ArrayLike]]

# Okabe and Ito's palette: told apart by every common kind of colour vision. Its yellow is left out, too pale on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#4D4D4D")
_INK, _GRID, _BLANK = "#2b2f36", "#dfe3e8", "#c9cdd3"
_DPI = 120
_DRAWN_POINTS = 4000  # a line of more points is thinned to its extremes: nobody can see more, and Agg has a limit


def curves(
    series: Series,
    title: str,
    xlabel: str,
    ylabel: str,
    smooth: int | None = None,
    ylimits: tuple[float, float] | None = None,
    marks: Sequence[float] = (),
    spreads: Mapping[str, ArrayLike] | None = None,
) -> bytes:
    """Lines over x: each as a thin raw line under a bold smoothed one.

    ``series`` maps a name to (xs, ys) of one length; points that are NaN or infinite are left out. ``smooth`` is the
    width in points of the centred moving average (default: a fortieth of the line; 1 draws the raw line alone).
    ``marks`` draws a dotted vertical line at each x given. ``spreads`` maps a name to how far each of its points may
    be off, drawn as a band. Where a few points lie far beyond all others, axis and average are of the others and the
    chart says so.
    """
    figure, axes = _chart(title, (9.0, 4.2))
    lines = {name: _finite(xs, ys) for name, (xs, ys) in series.items()}
    everything = np.concatenate([np.empty(0), *(y for _, y in lines.values())])
    low, high = _reach(everything) if ylimits is None else (-np.inf, np.inf)
    handles: dict[str, Any] = {}
    for index, (name, (x, y)) in enumerate(lines.items()):
        colour, style = COLOURS[index % len(COLOURS)], ("-", "--", "-.")[index // len(COLOURS) % 3]
        width = max(1, len(y) // 40) if smooth is None else smooth
        if width > 1:
            axes.plot(*_thinned(x, y), color=colour, alpha=0.28, linewidth=0.8)
        inside = (y >= low) & (y <= high)  # one far point would lift the average of its whole neighbourhood
        marker = "o" if inside.sum() == 1 else None
        drawn = _thinned(x[inside], moving_average(y[inside], width))
        handles[_plain(name)] = axes.plot(*drawn, style, color=colour, linewidth=2.0, marker=marker)[0]
        if spreads is not None and name in spreads:
            (xs, ys), spread = (np.asarray(each, np.float64) for each in series[name]), np.asarray(spreads[name])
            axes.fill_between(xs, ys - spread, ys + spread, color=colour, alpha=0.16, linewidth=0)
    for mark in marks:
        axes.axvline(mark, color="#888c94", linewidth=1.0, linestyle=":")
    if ylimits is not None:
        axes.set_ylim(*ylimits)
    elif np.isfinite(high):
        _cut_axis(axes, everything, low, high)
    if not len(everything):
        axes.text(0.5, 0.5, "nothing measured yet", transform=axes.transAxes, ha="center", va="center", color=_INK)
    axes.set_xlabel(_plain(xlabel))
    axes.set_ylabel(_plain(ylabel))
    axes.margins(x=0.01)
    if len(handles) > 1:
        figure.legend(
            list(handles.values()), list(handles), loc="outside lower center", ncols=min(len(handles), 5), frameon=False
        )
    return _png(figure)


def bars(
    names: Sequence[str],
    values: ArrayLike,
    title: str,
    xlabel: str = "",
    texts: Sequence[str] | None = None,
    limit: float | None = None,
) -> bytes:
    """Horizontal bars, the first name at the top; ``texts`` (default: the values) stand at their ends."""
    lengths = np.asarray(values, np.float64)
    texts = [f"{value:g}" for value in lengths] if texts is None else texts
    figure, axes = _chart(title, (9.0, 1.3 + 0.235 * max(1, len(names))))
    places = np.arange(len(names))
    drawn = axes.barh(places, np.nan_to_num(lengths), color=COLOURS[0], height=0.72)
    axes.bar_label(drawn, labels=[_plain(text) for text in texts], padding=4, fontsize=8, color=_INK)
    axes.set_yticks(places, [_plain(_short(name)) for name in names], fontsize=8.5)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, limit if limit is not None else max(1e-9, float(np.nanmax(lengths, initial=0))) * 1.14)
    axes.set_xlabel(_plain(xlabel))
    axes.grid(False, axis="y")
    return _png(figure)


def heatmap(matrix: ArrayLike, names: Sequence[str], title: str, vmin: float = -1, vmax: float = 1) -> bytes:
    """A square matrix in colour, blue below the middle of vmin..vmax and red above it; NaN is grey.

    Up to 14 names the values are written in as well.
    """
    colormaps = require("matplotlib", "explore", "drawing charts").colormaps
    cells = np.asarray(matrix, np.float64)
    count = len(names)
    side = 2.6 + 0.21 * max(8, count)
    figure, axes = _chart(title, (side + 0.9, side))
    colours = colormaps["RdBu_r"].with_extremes(bad=_BLANK)
    drawn = axes.imshow(np.ma.masked_invalid(cells), cmap=colours, vmin=vmin, vmax=vmax, interpolation="nearest")
    labels = [_plain(_short(name)) for name in names]
    axes.set_xticks(np.arange(count), labels, rotation=90, fontsize=8)
    axes.set_yticks(np.arange(count), labels, fontsize=8)
    axes.grid(False)
    if count <= 14:
        middle, reach = (vmin + vmax) / 2, (vmax - vmin) / 2
        for row, column in np.argwhere(np.isfinite(cells)):
            value = cells[row, column]
            colour = "white" if abs(value - middle) > 0.6 * reach else _INK
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=colour)
    figure.colorbar(drawn, ax=axes, shrink=0.7, aspect=30)
    return _png(figure)


def histogram(
    counts: Mapping[str, ArrayLike],
    edges: ArrayLike,
    title: str,
    xlabel: str,
    ylabel: str = "images",
    colours: Sequence[str] = COLOURS,
) -> bytes:
    """Filled steps: ``counts`` maps a name to n counts between the n + 1 ``edges``; one name alone has no legend."""
    figure, axes = _chart(title, (9.0, 3.4))
    places = np.asarray(edges, np.float64)
    handles = {}
    for index, (name, heights) in enumerate(counts.items()):
        colour = colours[index % len(colours)]
        tall = np.asarray(heights, np.float64)
        axes.stairs(tall, places, fill=True, color=colour, alpha=0.85 if len(counts) == 1 else 0.18)
        if len(counts) > 1:
            handles[_plain(name)] = axes.stairs(tall, places, color=colour, linewidth=1.6)
    axes.set_xlim(places[0], places[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(_plain(xlabel))
    axes.set_ylabel(_plain(ylabel))
    if handles:
        figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=5, frameon=False)
    return _png(figure)


def moving_average(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The mean of the ``width`` points around each point, of fewer at both ends; all finite."""
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
        # A name in a script that the chart's font lacks is drawn as boxes; the tables beside the chart have it right.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        canvas.print_png(file, metadata={"Software": None})
    return file.getvalue()


def _finite(xs: ArrayLike, ys: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(xs, np.float64), np.asarray(ys, np.float64)
    kept = np.isfinite(x) & np.isfinite(y)
    return x[kept], y[kept]


def _reach(values: NDArray[np.float64]) -> tuple[float, float]:
    """Between what the values lie, but for a few so far out that they would flatten the rest; else all there is."""
    if len(values) < 50:
        return -np.inf, np.inf
    low, high = (float(edge) for edge in np.percentile(values, (0.5, 99.5)))
    reach = max(high - low, 1e-9)
    low, high = low - reach, high + reach
    return (low, high) if values.min() < low or values.max() > high else (-np.inf, np.inf)


def _cut_axis(axes: Any, values: NDArray[np.float64], low: float, high: float) -> None:
    inside = values[(values >= low) & (values <= high)]
    margin = 0.06 * max(float(np.ptp(inside)), 1e-9)
    axes.set_ylim(float(inside.min()) - margin, float(inside.max()) + margin)
    text = f"{len(values) - len(inside)} points beyond the axis, all between {values.min():.3g} and {values.max():.3g}"
    axes.text(0.995, 0.98, text, transform=axes.transAxes, ha="right", va="top", fontsize=8, color="#5b616b")


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most about `_DRAWN_POINTS` points: of each stretch of the line its lowest and its highest."""
    stretch = -(-2 * len(y) // _DRAWN_POINTS)
    if stretch <= 2:
        return x, y
    whole = len(y) // stretch * stretch
    grid = y[:whole].reshape(-1, stretch)
    starts = np.arange(0, whole, stretch)
    kept = np.unique(np.concatenate([starts + grid.argmin(1), starts + grid.argmax(1), np.arange(whole, len(y))]))
    return x[kept], y[kept]


def _plain(text: str) -> str:
    """Text that matplotlib draws as it stands: no formula between two dollars, no name hidden by its underscore."""
    text = text.replace("$", r"\$")
    return " " + text if text.startswith("_") else text


def _short(name: str, longest: int = 34) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"
