import io
import subprocess
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import ArrayLike
from PIL import Image

from facesmith.reports import charts
from facesmith.reports.chart_options import chart_options
from facesmith.reports.charts import bars, curves, heatmap, histogram, moving_average
from facesmith.runs.charts import Curve


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
    return curves(chart_options("Losses", "loss", series_list, "kimg", smooth=True, marks=marks))


def test_each_line_has_its_own_colour() -> None:
    x = np.arange(200)
    pixels = read(lines({"D": (x, np.sin(x / 9)), "G": (x, np.cos(x / 9))}))
    assert amount(pixels, charts.COLOURS[0]) > 300
    assert amount(pixels, charts.COLOURS[1]) > 300
    assert amount(pixels, charts.COLOURS[2]) == 0


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
    names = ["$x^$", "_hidden", "名前", "a" * 80]
    read(bars(names, [1, 2, 3, 4], "Counts $", "n"))
    read(heatmap(np.full((4, 4), np.nan), names, "Nothing"))
    read(lines({"_D": ([0, 1], [0, 1]), "$": ([0, 1], [1, 0])}))


def test_bars_grow_with_their_number_and_survive_none() -> None:
    few, many = (read(bars([f"n{i}" for i in range(n)], np.arange(n), "Counts")) for n in (3, 40))
    assert many.shape[0] > few.shape[0] + 500
    read(bars([], [], "Nothing"))


def test_a_constant_row_of_a_heatmap_is_grey_and_the_ends_differ_in_colour() -> None:
    matrix = np.array([[1.0, -1.0, np.nan], [-1.0, 1.0, np.nan], [np.nan] * 3])
    pixels = read(heatmap(matrix, ["a", "b", "c"], "Together"))
    assert amount(pixels, "#c9cdd3") > 1000
    assert amount(pixels, "#67001f") > 1000
    assert amount(pixels, "#053061") > 1000


def test_histograms_of_one_and_of_three() -> None:
    one = read(histogram({"all": [1, 5, 2]}, [0, 1, 2, 3], "One", "x"))
    assert (one < 200).any()
    read(histogram({"r": [0, 0], "g": [1, 1], "b": [0, 3]}, [0, 1, 2], "Three", "x"))


def test_moving_average_is_centred_and_shorter_at_the_ends() -> None:
    np.testing.assert_allclose(moving_average(np.array([0.0, 3, 6, 9]), 3), [1.5, 3, 6, 7.5])
    np.testing.assert_allclose(moving_average(np.array([1.0, 2]), 1), [1, 2])


def test_charts_leave_pyplot_out() -> None:
    code = (
        "import sys; from facesmith.reports.charts import bars; bars(['a'], [1], 't'); "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
