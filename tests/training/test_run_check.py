"""A run is resumed only by one process, and only if its files belong together."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import facesmith
from facesmith import FacesmithError
from facesmith.data.dataset import Dataset
from facesmith.files import lock
from facesmith.runs.checkpoints import list_checkpoints
from facesmith.training.loop import train_until_end

pytestmark = pytest.mark.usefixtures("without_report")

SMALL = ("generator_width=4", "discriminator_width=4", "batch_size=16", "threads=1", "precision=float32",
         "memory_format=channels_last", "tick_kimg=0.2", "checkpoint_kimg=0.16", "log_steps=4")  # fmt: skip


def train(data: Dataset, run: Path, *settings: str, kimg: float = 0.4, branch: Path | None = None) -> Path:
    is_old = run.exists()
    return facesmith.train("tiny", data, run, settings=(*(() if is_old else SMALL), *settings), kimg=kimg,
                           resume=is_old, branch=branch, quiet=True)  # fmt: skip


@pytest.fixture(scope="module")
def finished(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of 20 steps with checkpoints at 0.16 and 0.32 kimg; read it only."""
    return train(builtin_dataset, tmp_path_factory.mktemp("runs") / "finished", kimg=0.32)


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "run")


def contents(run: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def edit_card(run: Path, **changes: object) -> None:
    card = json.loads((run / "run.json").read_text()) | changes
    (run / "run.json").write_text(json.dumps(card))


def test_a_run_that_another_process_trains_is_refused(builtin_dataset: Dataset, run: Path) -> None:
    with lock(run), pytest.raises(FacesmithError, match="another process is writing"):
        train(builtin_dataset, run)
    train(builtin_dataset, run)


@pytest.mark.parametrize("kind", ["new", "resumed", "branch"])
def test_a_run_is_locked_while_it_trains(
    builtin_dataset: Dataset, run: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = {"new": tmp_path / "new", "resumed": run, "branch": tmp_path / "branch"}[kind]

    def try_twice(*arguments: object, **options: bool) -> str | None:
        with pytest.raises(FacesmithError, match="another process is writing"):
            facesmith.train("tiny", builtin_dataset, path, resume=True, kimg=0.5, quiet=True)
        return train_until_end(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("facesmith.tasks.train.train_until_end", try_twice)
    train(builtin_dataset, run if kind == "branch" else path, branch=path if kind == "branch" else None)


@pytest.mark.parametrize("is_recorded", [True, False])
def test_removed_checkpoints_are_an_error_and_never_a_restart(
    builtin_dataset: Dataset, run: Path, is_recorded: bool
) -> None:
    if not is_recorded:  # as version 0.1 wrote the card
        card = json.loads((run / "run.json").read_text())
        del card["checkpoint"]
        (run / "run.json").write_text(json.dumps(card))
    for path in list_checkpoints(run / "checkpoints"):
        path.unlink()
    before = contents(run)
    with pytest.raises(FacesmithError, match=r"had a checkpoint at 0\.32 kimg, but .*checkpoints has none"):
        train(builtin_dataset, run)
    assert contents(run) == before


def test_a_run_killed_before_its_first_checkpoint_starts_again(builtin_dataset: Dataset, run: Path) -> None:
    for path in list_checkpoints(run / "checkpoints"):
        path.unlink()
    edit_card(run, status="running", kimg=0.1, checkpoint=None)
    train(builtin_dataset, run)
    assert json.loads((run / "run.json").read_text())["sessions"][-1]["from_kimg"] == 0


def test_an_older_checkpoint_is_resumed_with_a_message(
    builtin_dataset: Dataset, finished: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    list_checkpoints(run / "checkpoints")[-1].unlink()
    train(builtin_dataset, run, kimg=0.32)
    assert "checkpoint at 0.32 kimg is missing: the run resumes at 0.16 kimg" in capsys.readouterr().err
    assert (run / "metrics.jsonl").read_bytes() == (finished / "metrics.jsonl").read_bytes()


def remove_metrics(run: Path) -> None:
    (run / "metrics.jsonl").unlink()


def shorten_metrics(run: Path) -> None:
    lines = (run / "metrics.jsonl").read_text().splitlines(True)
    (run / "metrics.jsonl").write_text("".join(lines[:-1]))


def change_metrics(run: Path) -> None:
    path = run / "metrics.jsonl"
    path.write_text(path.read_text().replace('"kimg": 0.32', '"kimg": 0.64'))


def rename_checkpoint(run: Path) -> None:
    path = list_checkpoints(run / "checkpoints")[-1]
    path.rename(path.with_name("000000.480.safetensors"))


def cut_checkpoint(run: Path) -> None:
    path = list_checkpoints(run / "checkpoints")[-1]
    path.write_bytes(path.read_bytes()[:-10])


def remove_name(run: Path) -> None:
    path = run / "recipe.toml"
    path.write_text(path.read_text().replace('name = "tiny"\n', ""))


def remove_dataset(run: Path) -> None:
    path = run / "recipe.toml"
    path.write_text(path.read_text().split("[run]")[0])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (remove_metrics, r"metrics\.jsonl .*step 20.* step 0.*--branch"),
        (shorten_metrics, "ends at step 16"),
        (change_metrics, r"records 0\.64 kimg at that step instead of 0\.32"),
        (rename_checkpoint, r"was renamed .*0\.32 kimg"),
        (cut_checkpoint, "cannot be read as a checkpoint"),
        (remove_name, r"run/recipe\.toml .*has no name"),
        (remove_dataset, r"recipe\.toml was edited .*no count under \[run\]"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    builtin_dataset: Dataset, run: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    damage(run)
    before = contents(run)
    with pytest.raises(FacesmithError, match=sentence):
        train(builtin_dataset, run)
    assert contents(run) == before


def test_a_branch_continues_without_lost_metrics(builtin_dataset: Dataset, run: Path, tmp_path: Path) -> None:
    remove_metrics(run)
    branch = train(builtin_dataset, run, branch=tmp_path / "branch")
    assert json.loads((branch / "run.json").read_text())["status"] == "finished"


def test_a_checkpoint_of_other_networks_is_refused(builtin_dataset: Dataset, run: Path, tmp_path: Path) -> None:
    other = train(builtin_dataset, tmp_path / "other", "generator_width=8", kimg=0.32)
    name = list_checkpoints(run / "checkpoints")[-1].name
    shutil.copy2(other / "checkpoints" / name, run / "checkpoints" / name)
    with pytest.raises(FacesmithError, match="does not match the networks"):
        train(builtin_dataset, run)
