from pathlib import Path

import numpy as np

from facesmith.runs.metrics import read_columns, read_metrics, unreadable_lines


def test_columns_are_of_one_length_with_nan_for_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 1, "loss_D": 0.5, "note": "text", "on": true}\n\n{"step": 2, "loss_D": null, "r1": 3}\n'
    )
    columns = read_metrics(tmp_path)
    assert list(columns) == ["step", "loss_D", "r1"]
    np.testing.assert_array_equal(columns["loss_D"], [0.5, np.nan])
    np.testing.assert_array_equal(columns["r1"], [np.nan, 3])


def test_a_line_cut_off_by_a_crash_is_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2, "lo{"step": 3}\n{"step": 4}\n\xff\xfe\n{"step": 5, "los')
    np.testing.assert_array_equal(read_columns(path)["step"], [1, 4])
    assert unreadable_lines(path) == 3


def test_steps_measured_again_after_a_resume_count_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(f'{{"step": {step}, "v": {n}}}\n' for n, step in enumerate([1, 2, 3, 4, 3, 4, 5])))
    columns = read_columns(path)
    np.testing.assert_array_equal(columns["step"], [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(columns["v"], [0, 1, 4, 5, 6])


def test_a_file_that_is_not_there_has_no_columns(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == {}
    assert unreadable_lines(tmp_path / "metrics.jsonl") == 0
