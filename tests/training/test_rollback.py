import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import facesmith
from facesmith import FacesmithError
from facesmith.data.dataset import Dataset
from facesmith.data.importer import import_dataset
from facesmith.runs.checkpoints import list_checkpoints, read_metadata
from facesmith.runs.health import COLLAPSED, DIVERGED, HEALTHY, MODE_COLLAPSE
from facesmith.training import collapse

pytestmark = pytest.mark.usefixtures("without_report")

SMALL = ("generator_width=4", "discriminator_width=4", "batch_size=16", "threads=1", "precision=float32",
         "memory_format=channels_last")  # fmt: skip
STEPS, PICTURES = 40, 16
# The learning rate grows until training diverges, and rollbacks reduce it.
CLIMBS = ("learning_rate_end=3", "anneal_kimg=0.64", "rollbacks=8", "log_steps=4", "watch_steps=8",
          "checkpoint_kimg=0.08", "tick_kimg=0.1")  # fmt: skip


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """64 built-in faces at 16x16: a step takes milliseconds."""
    return import_dataset("builtin:64", tmp_path_factory.mktemp("faces") / "faces", size="16", quiet=True)


def train(
    data: Dataset, run: Path, *settings: str, kimg: float = STEPS * PICTURES / 1000, resume: bool = False
) -> Path:
    return facesmith.train("tiny", data, run, settings=(*SMALL, *settings), kimg=kimg, resume=resume, quiet=True)


@dataclass
class Story:
    """Reads the files of a run folder."""

    run: Path

    @property
    def card(self) -> dict[str, Any]:
        return dict(json.loads((self.run / "run.json").read_text()))

    @property
    def rollbacks(self) -> list[dict[str, Any]]:
        """Return the first event after each rollback, which says where the run returned to."""
        first: dict[int, dict[str, Any]] = {}
        for event in self.card["health_events"]:
            first.setdefault(event["rollbacks"], event)
        return [first[number] for number in sorted(first) if number]

    def lines(self, part: str = ".") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.run / part / "metrics.jsonl").read_text().splitlines()]

    def newest(self) -> dict[str, np.ndarray]:
        return load_file(list_checkpoints(self.run / "checkpoints")[-1])


@pytest.fixture(scope="module")
def recovered(faces: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Story:
    return Story(train(faces, tmp_path_factory.mktemp("runs") / "healed", *CLIMBS))


def test_diverged_run_rolls_back_and_finishes(recovered: Story) -> None:
    card, rollbacks = recovered.card, recovered.rollbacks
    assert (card["status"], card["step"], card["health"]) == ("finished", STEPS, HEALTHY)
    assert rollbacks
    assert [event["lr_scale"] for event in rollbacks] == [0.25 ** (1 + number) for number in range(len(rollbacks))]
    assert {event["health"] for event in rollbacks} == {HEALTHY}
    assert max(event["step"] for event in rollbacks) > 0, "it went back to a checkpoint, not only to the beginning"
    progress = read_metadata(list_checkpoints(recovered.run / "checkpoints")[-1])
    assert (progress["step"], progress["rollbacks"]) == (STEPS, len(rollbacks))
    assert all(np.isfinite(tensor).all() for tensor in recovered.newest().values())


def test_rolled_back_records_are_archived(recovered: Story) -> None:
    assert [line["step"] for line in recovered.lines()] == list(range(4, STEPS + 1, 4))
    assert not {line["health"] for line in recovered.lines()} & set(COLLAPSED)
    folders = sorted(path.name for path in (recovered.run / "rolled_back").iterdir())
    assert folders == [str(event["rollbacks"]) for event in recovered.rollbacks]
    for event in recovered.rollbacks:
        undone = recovered.lines(f"rolled_back/{event['rollbacks']}")
        assert undone[0]["step"] > event["step"]
        assert undone[-1]["health"] == DIVERGED
        timing = (recovered.run / "rolled_back" / str(event["rollbacks"]) / "timing.jsonl").read_text().splitlines()
        assert [json.loads(line)["step"] for line in timing] == [line["step"] for line in undone]
        for sheet in (recovered.run / "rolled_back" / str(event["rollbacks"])).glob("*.png"):
            assert float(sheet.stem) > event["kimg"]
    assert list((recovered.run / "rolled_back").glob("*/*.png"))
    assert "Rollback 1: returned to" in (recovered.run / "report.html").read_text()


def test_resume_after_a_rollback_is_exact(recovered: Story, faces: Dataset, tmp_path: Path) -> None:
    collapses = [event["step"] for event in recovered.card["health_events"] if event["health"] in COLLAPSED]
    stop_step = collapses[0] + 1  # in the middle of a line, where no checkpoint is due, with more rollbacks to come
    run = Story(train(faces, tmp_path / "run", *CLIMBS, kimg=stop_step * PICTURES / 1000))
    assert run.card["step"] == stop_step
    assert len(run.rollbacks) >= 1
    train(faces, run.run, *CLIMBS, resume=True)
    assert (run.run / "metrics.jsonl").read_bytes() == (recovered.run / "metrics.jsonl").read_bytes()
    resumed_weights, unbroken_weights = run.newest(), recovered.newest()
    assert resumed_weights.keys() == unbroken_weights.keys()
    assert all(np.array_equal(resumed_weights[name], unbroken_weights[name]) for name in resumed_weights)


def test_run_fails_when_rollbacks_are_used_up(faces: Dataset, tmp_path: Path) -> None:
    story = Story(tmp_path / "run")
    with pytest.raises(FacesmithError, match="stopped after 1 rollbacks: diverged since step 10"):
        train(faces, story.run, "learning_rate=1e30", "rollbacks=1")
    assert (story.card["status"], story.card["health"]) == ("failed", DIVERGED)
    assert story.lines("rolled_back/1")[-1]["health"] == story.lines()[-1]["health"] == DIVERGED
    (checkpoint_path,) = list_checkpoints(story.run / "checkpoints")
    assert (read_metadata(checkpoint_path)["step"], read_metadata(checkpoint_path)["lr_scale"]) == (0, 0.25)
    assert all(np.isfinite(tensor).all() for tensor in load_file(checkpoint_path).values())


FREEZES = ("learning_rate=0.02", "seed=1", "freeze_discriminator_after=0.8", "log_steps=20", "watch_steps=40",
           "ema_kimg=0.1", "checkpoint_kimg=0.8", "tick_kimg=0.8")  # fmt: skip


def test_mode_collapse_warns_or_stops(faces: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small version of the experiment of DIGITS-GAN with checks at every line."""
    monkeypatch.setattr(collapse, "GRACE_KIMG", 0.6)
    story = Story(train(faces, tmp_path / "run", *FREEZES, "on_collapse=warn", kimg=4.0))
    assert (story.card["status"], story.card["health"]) == ("finished", MODE_COLLAPSE)
    shares = {line["d_share"] for line in story.lines() if line["kimg"] <= 0.64}, story.lines()[-1]["d_share"]
    assert shares == ({1.0}, 0.0)
    (event,) = story.card["health_events"]
    assert event["kimg"] > event["since"] * PICTURES / 1000 > 0.8
    assert not (story.run / "rolled_back").exists()

    with pytest.raises(FacesmithError, match=f"stopped: {MODE_COLLAPSE} since step {event['since']}"):
        train(faces, story.run, *FREEZES, "on_collapse=stop", kimg=4.8, resume=True)
    assert story.card["status"] == "failed"
    assert story.card["step"] == 250 + 10, "at the next line"
    assert not (story.run / "rolled_back").exists()
