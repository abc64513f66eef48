import io
import subprocess
import sys
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import ArrayLike
from PIL import Image

from facesmith.images.curves import COLOURS, draw_curves, moving_average
from facesmith.reports.svg_charts import BLUE, GREY, RED, bars, heatmap, histogram
from facesmith.runs.charts import Curve, chart_options


def read(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB")).astype(int)


def amount(pixels: np.ndarray, colour: str) -> int:
    target = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return int((np.abs(pixels - target).max(axis=2) < 12).sum())


def lines(series: Mapping[str, tuple[ArrayLike, ArrayLike]], marks: Sequence[float] = ()) -> bytes:
    series_list = [
        Curve(name, np.asarray(x, np.float64), np.asarray(y, np.float64), colour=number)
        for number, (name, (x, y)) in enumerate(series.items())
    ]
    return draw_curves(chart_options("Losses", "loss", series_list, "kimg", smooth=True, marks=marks))


def test_each_line_has_its_own_colour() -> None:
    x = np.arange(200)
    pixels = read(lines({"D": (x, np.sin(x / 9)), "G": (x, np.cos(x / 9))}))
    assert amount(pixels, COLOURS[0]) > 300
    assert amount(pixels, COLOURS[1]) > 300
    assert amount(pixels, COLOURS[2]) == 0


def test_missing_values_and_outliers_do_not_flatten_a_line() -> None:
    x = np.arange(1000)
    y = np.sin(x / 90)
    y[::3] = np.nan
    y[500], y[601] = 1e9, np.inf
    pixels = read(lines({"D": (x, y)}))
    rows = np.flatnonzero((np.abs(pixels - [0, 0x72, 0xB2]).max(axis=2) < 12).any(axis=1))
    assert np.ptp(rows) > 150  # the sine fills the axis and was not flattened by the one huge value


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_a_line_of_any_length_is_drawn(count: int) -> None:
    x = np.arange(count)
    assert read(lines({"D": (x, x % 7.0)}, marks=[1.0])).shape[0] > 300


def test_names_are_text_and_not_formulas() -> None:
    read(lines({"_D": ([0, 1], [0, 1]), "$x^$": ([0, 1], [1, 0]), "名前": ([0, 1], [2, 0])}))


def shapes(svg: bytes, tag: str) -> list[dict[str, str]]:
    """Return the attributes of the elements of one kind."""
    return [element.attrib for element in ElementTree.fromstring(svg).iter(f"{{http://www.w3.org/2000/svg}}{tag}")]


def texts(svg: bytes) -> list[str | None]:
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_bars_are_as_long_as_their_values_and_names_are_escaped() -> None:
    names = ["a", "<b> & c", "x" * 80]
    svg = bars(names, [1, 4, np.nan], "Counts", "n", ["one", "four", "none"])
    assert [float(bar["width"]) for bar in shapes(svg, "rect")] == pytest.approx([145.2, 581, 0], rel=0.2)
    assert {"Counts", "a", "<b> & c", "x" * 33 + "…", "four", "n"} <= set(texts(svg))
    assert shapes(bars([], [], "Nothing"), "rect") == []


def test_a_heatmap_is_blue_red_and_grey_where_nothing_is_known() -> None:
    cells = shapes(heatmap([[1.0, -0.5], [np.nan, 0.0]], ["a", "b"], "Together"), "rect")
    assert [cell["fill"] for cell in cells] == [RED, BLUE, GREY, BLUE]
    assert [float(cell["fill-opacity"]) for cell in cells] == [1, 0.5, 0.35, 0]
    assert "0.50" not in texts(heatmap(np.full((40, 40), 0.5), ["a"] * 40, "Many"))


def test_histograms_have_a_step_for_each_count_and_a_legend_for_several_names() -> None:
    one = shapes(histogram({"all": [1, 5, 2]}, [0, 1, 2, 3], "One", "x"), "polygon")
    heights = sorted({float(point.split(",")[1]) for point in one[0]["points"].split()})
    assert len(heights) == 4  # the axis and three counts
    three = histogram({"r": [0, 0], "g": [1, 1], "b": [0, 3]}, [0, 1, 2], "Three", "x")
    assert len(shapes(three, "polygon")) == 3
    assert {"r", "g", "b", "0", "2"} <= set(texts(three))


def test_moving_average_is_centred_and_shorter_at_the_ends() -> None:
    np.testing.assert_allclose(moving_average(np.array([0.0, 3, 6, 9]), 3), [1.5, 3, 6, 7.5])
    np.testing.assert_allclose(moving_average(np.array([1.0, 2]), 1), [1, 2])


def test_charts_leave_pyplot_out() -> None:
    code = (
        "import sys; from facesmith.images import curves; from facesmith.runs import charts; "
        "curves.draw_curves(charts.chart_options('t', 'y', [], 'kimg')); "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
