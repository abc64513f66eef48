"""Numbers that no machine can train with, clocks that jump, and disks that fill end in one sentence, or not at all."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import facesmith
from facesmith import FacesmithError
from facesmith.data.dataset import Dataset
from facesmith.training import recorder, session

pytestmark = pytest.mark.usefixtures("without_report")

SMALL = ("generator_width=4", "discriminator_width=4", "batch_size=4", "precision=float32",
         "memory_format=channels_last")  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("threads=9999", "invalid threads=9999: this machine has .* cores"),
        ("threads=-1", "at least 0"),
        ("batch_size=1000000000", "need at least .* GB of memory"),
        (f"batch_size={10**30}", "at most 9223372036854775807"),
        ("generator_width=100000000", "do not fit in memory"),
        ("latent_size=4000000000000000000", "do not fit in memory"),
        ("seed=-1", "at least 0"),
        ("seed=18446744073709551616", "at most 9223372036854775807"),
        (f"seed={'9' * 5000}", "invalid seed=999.*…: expected a whole number"),
        ("beta1=1", r"at most 0\.999999"),
        ("beta2=2", r"at most 0\.999999"),
        ("kimg=0", r"at least 0\.001"),
        ("kimg=nan", r"at least 0\.001"),
        ("kimg=inf", "at most"),
        ("kimg=1e300", "at most"),
        ("family=dcgan\x00", "unknown network family"),
    ],
)
def test_numbers_out_of_range_are_refused(
    builtin_dataset: Dataset, tmp_path: Path, setting: str, sentence: str
) -> None:
    with pytest.raises(FacesmithError, match=sentence):
        facesmith.train("tiny", builtin_dataset, tmp_path / "run", settings=(*SMALL, setting), quiet=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_minutes_are_positive_and_finite(builtin_dataset: Dataset, tmp_path: Path, minutes: float) -> None:
    with pytest.raises(FacesmithError, match="invalid --minutes"):
        facesmith.train("tiny", builtin_dataset, tmp_path / "run", settings=SMALL, minutes=minutes, quiet=True)


@pytest.mark.parametrize("seed", [2**32, 2**63 - 1])
def test_long_seeds_train(builtin_dataset: Dataset, tmp_path: Path, seed: int) -> None:
    settings = (*SMALL, "threads=1", f"seed={seed}")
    run = facesmith.train("tiny", builtin_dataset, tmp_path / "run", settings=settings, kimg=0.008, quiet=True)
    assert f"seed = {seed}\n" in (run / "recipe.toml").read_text()


@pytest.mark.parametrize("jump", [-1e6, 1e9, None])
def test_a_clock_that_jumps_or_stands_still_ends_no_run(
    builtin_dataset: Dataset, tmp_path: Path, jump: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock jumps after the third reading, or never moves."""

    def readings() -> Iterator[float]:
        yield from [0.0] * 3
        while True:
            yield 0.0 if jump is None else jump + time.monotonic()

    reading = readings()
    clock: Any = SimpleNamespace(monotonic=lambda: next(reading))
    monkeypatch.setattr(session, "time", clock)
    monkeypatch.setattr(recorder, "time", clock)
    settings = (*SMALL, "threads=1", "log_steps=2")
    run = facesmith.train(
        "tiny", builtin_dataset, tmp_path / "run", settings=settings, kimg=0.08, minutes=5, quiet=True
    )
    card = json.loads((run / "run.json").read_text())
    assert (card["status"], card["kimg"]) == ("finished", 0.08)
    assert 0 <= card["seconds"] < 300


def test_a_full_disk_is_recorded_in_the_card(
    builtin_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder, "append_line", fail)
    settings = (*SMALL, "threads=1", "log_steps=2")
    with pytest.raises(FacesmithError, match="No space left on device.*free up disk space"):
        facesmith.train("tiny", builtin_dataset, tmp_path / "run", settings=settings, kimg=0.08, quiet=True)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"
    monkeypatch.undo()
    facesmith.train("tiny", builtin_dataset, tmp_path / "run", kimg=0.08, resume=True, quiet=True)
