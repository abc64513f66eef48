import json
from pathlib import Path

import numpy as np
import pytest

from facesmith.runs.json_lines import Columns, JsonLines, append_line, cut_lines, downsample, read_columns

LINES = [
    '{"step": 10, "kimg": 0.6, "loss_D": 1.5, "health": "healthy"}',
    '{"step": 20, "kimg": 1.2, "loss_D": null, "health": "healthy"}',
    '{"step": 30, "kimg": 1.8, "lo',
    '{"step": 20, "kimg": 1.2, "loss_D": 7, "diversity": 0.9, "health": "healthy"}',
    "",
    "[1, 2]",
    '{"step": 30, "kimg": 1.8, "loss_D": 2, "health": "diverged"}',
    '{"step": 25, "kimg": 1.5, "loss_D": 3, "health": "mode collapse"}',
]


def _same(first: Columns, second: Columns) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[key], second[key], equal_nan=True) for key in first
    )


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_incremental_reading_equals_reading_at_once(tmp_path: Path, size: int) -> None:
    path, text = tmp_path / "metrics.jsonl", ("\n".join(LINES) + "\n").encode()
    growing = JsonLines(path)
    assert not growing.refresh()
    for start in range(0, len(text), size):
        with path.open("ab") as file:
            file.write(text[start : start + size])
        growing.refresh()
    assert _same(growing.columns, read_columns(path))
    assert growing.columns["step"].tolist() == [10, 20, 25]
    assert (growing.broken_lines, growing.health) == (2, "mode collapse")
    assert not growing.refresh()


def test_removed_lines_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    growing = JsonLines(path)
    for step in range(10, 60, 10):
        append_line(path, {"step": step, "x": step / 2})
    growing.refresh()
    cut_lines(path, 30)
    append_line(path, {"step": 40, "x": -1.0})
    assert growing.refresh()
    assert growing.columns["x"].tolist() == [5, 10, 15, -1]
    path.unlink()
    assert growing.refresh()
    assert growing.columns == {}


def test_thinning_keeps_extremes_and_ends() -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(1, 10_008.0)
    values = rng.standard_normal(len(steps))
    values[1234], values[5678], values[4000:4400] = 50, -50, np.nan
    table = downsample({"step": steps, "kimg": steps / 10, "x": values, "none": np.full(len(steps), np.nan)}, 1000)
    assert {len(column) for column in table.values()} == {len(table["step"])}
    assert 900 < len(table["step"]) <= 1000
    assert (table["step"][0], table["step"][-1]) == (1, steps[-1])
    assert (np.diff(table["step"]) >= 0).all()
    assert [np.nanmax(table["x"]), np.nanmin(table["x"])] == [50, -50]
    assert abs(table["step"][np.nanargmax(table["x"])] - 1235) < 25
    assert np.isnan(table["x"]).any()
    assert np.isnan(table["none"]).all()
    short = {"step": steps[:1000]}
    assert downsample(short, 1000) is short


def test_line_that_is_not_utf8_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n\xff\xfe\n' + json.dumps({"step": 2}).encode() + b"\n")
    growing = JsonLines(path)
    growing.refresh()
    assert (growing.columns["step"].tolist(), growing.broken_lines) == ([1, 2], 1)


def test_missing_values_are_nan(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 1, "loss_D": 0.5, "note": "text", "on": true}\n\n{"step": 2, "loss_D": null, "r1": 3}\n'
    )
    columns = read_columns(tmp_path / "metrics.jsonl")
    assert list(columns) == ["step", "loss_D", "r1"]
    np.testing.assert_array_equal(columns["loss_D"], [0.5, np.nan])
    np.testing.assert_array_equal(columns["r1"], [np.nan, 3])


def test_incomplete_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2, "lo{"step": 3}\n{"step": 4}\n\xff\xfe\n{"step": 5, "los')
    table = JsonLines(path)
    table.refresh(final=True)
    np.testing.assert_array_equal(table.columns["step"], [1, 4])
    assert table.broken_lines == 3


def test_repeated_steps_count_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(f'{{"step": {step}, "v": {n}}}\n' for n, step in enumerate([1, 2, 3, 4, 3, 4, 5])))
    columns = read_columns(path)
    np.testing.assert_array_equal(columns["step"], [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(columns["v"], [0, 1, 4, 5, 6])


def test_missing_file_has_no_columns(tmp_path: Path) -> None:
    assert read_columns(tmp_path / "metrics.jsonl") == {}
