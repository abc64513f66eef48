import shutil
import time
from pathlib import Path

import numpy as np
import pytest

import facesmith
from facesmith import FacesmithError, Run
from facesmith.files import read_json, write_json
from facesmith.runs.json_lines import append_line, cut_lines
from facesmith.runs.status import status_of


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_run, tmp_path / "run", ignore=shutil.ignore_patterns("tensorboard")))


def _append_lines(run: Path, step: int, speed: float = 50.0) -> None:
    """Append the lines of this step, with 32 images per step."""
    kimg = step * 0.032
    losses = {"loss_D": 1.0 / step, "loss_G": 2.0, "accuracy_real": 0.7, "accuracy_fake": 0.8}
    append_line(run / "metrics.jsonl", {"step": step, "kimg": kimg, **losses, "health": "healthy"})
    speeds = {"seconds": step * 0.032 * 1000 / speed, "images_per_second": speed}
    append_line(run / "timing.jsonl", {"step": step, "kimg": kimg, **speeds})


def _card(run: Path, **changes: object) -> None:
    write_json(run / "run.json", read_json(run / "run.json", "card") | changes)


def test_status_of_a_finished_run(run: Path) -> None:
    reader = facesmith.open_run(run)
    status = reader.status
    assert (status.status, status.task, status.recipe, status.health) == ("finished", "gan", "tiny", "healthy")
    assert "finished" in status.sentence
    assert status.kimg == reader.card["kimg"] == 0.512
    assert (status.share, status.seconds_left) == (1.0, None)
    assert status.health_text is not None
    assert status.health_history
    assert [kimg for kimg, _ in reader.sheets] == sorted(kimg for kimg, _ in reader.sheets)
    assert reader.recipe["batch_size"] == 32
    assert {"losses", "speed"} <= set(reader.charts())
    assert "d_steps" not in reader.charts()  # D was trained in every step
    assert not reader.refresh()


def test_refresh_follows_a_training(run: Path) -> None:
    _card(run, status="running", ended=None, goal={"kimg": 3.2, "minutes": None})
    reader = facesmith.open_run(run)
    before = reader.last_steps()
    for step in range(20, 60, 10):
        _append_lines(run, step)
    assert reader.refresh()
    status = reader.status
    assert status.status == "running"
    assert status.kimg == 50 * 0.032  # later than the card, which is written with every sheet
    assert status.share == pytest.approx(0.5)
    assert status.images_per_second == 50
    assert status.seconds_left == pytest.approx(1600 / 50)
    new = reader.curves(before)
    assert new["metrics"]["step"].tolist() == [20, 30, 40, 50]
    assert len(reader.curves(most=2)["metrics"]["step"]) <= 2
    shutil.copy(reader.sheets[-1][1], run / "samples" / "000001.600.png")
    assert reader.refresh()
    assert reader.sheets[-1][0] == 1.6
    _card(run, goal={"kimg": 3.2, "minutes": 1.0})
    reader.refresh()
    assert reader.status.seconds_left == pytest.approx(60 - 32)  # the goal that is nearer


def test_run_that_stops_writing_is_silent(run: Path) -> None:
    _card(run, status="running", ended=None)
    reader = facesmith.open_run(run)
    now = time.time()
    assert status_of(reader.data, now - 60, now).status == "running"
    silent = status_of(reader.data, now - 3600, now)
    assert silent.status == "silent"
    assert "resumed" in silent.sentence
    assert silent.seconds_left is None
    for step in range(20, 60, 10):
        _append_lines(run, step, speed=0.5)  # a line in ten minutes
    reader.refresh()
    assert status_of(reader.data, now - 3600, now).status == "running"


def test_digest_changes_with_the_metrics(run: Path) -> None:
    reader = facesmith.open_run(run)
    for step in (20, 30):
        _append_lines(run, step)
    reader.refresh()
    digest = reader.digest(30)
    assert reader.digest(31) == ""
    cut_lines(run / "metrics.jsonl", 20)
    reader.refresh()
    assert reader.digest(30) == ""
    _append_lines(run, 30)
    reader.refresh()
    assert reader.digest(30) == digest  # a resume writes the same values
    cut_lines(run / "metrics.jsonl", 20)
    append_line(run / "metrics.jsonl", {"step": 30, "kimg": 0.96, "loss_D": 9.0, "loss_G": 2.0})
    reader.refresh()
    assert reader.digest(30) != digest


def test_resume_is_marked(run: Path) -> None:
    session = read_json(run / "run.json", "card")["sessions"][0]
    _card(run, sessions=[session, session | {"from_kimg": 0.32}])
    assert facesmith.open_run(run).marks() == [0.32]


def test_open_run_refuses_another_folder(run: Path, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="not a run folder"):
        facesmith.open_run(tmp_path)
    reader = Run(run)
    shutil.rmtree(run)
    with pytest.raises(FacesmithError, match="not a run folder"):
        reader.refresh()


def test_refresh_equals_reading_again(run: Path) -> None:
    reader = facesmith.open_run(run)
    for step in range(20, 400, 10):
        _append_lines(run, step)
        reader.refresh()
    fresh = facesmith.open_run(run)
    for table, columns in fresh.curves(most=10_000).items():
        for name, column in columns.items():
            assert np.array_equal(reader.curves(most=10_000)[table][name], column, equal_nan=True), (table, name)
    assert reader.status == fresh.status
