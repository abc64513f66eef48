import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

import facesmith
from facesmith import FacesmithError
from facesmith.data.dataset import Dataset
from facesmith.runs.checkpoints import list_checkpoints, read_metadata
from facesmith.tasks.recipes import RECIPES
from facesmith.training.schedules import next_due
from facesmith.training.session import is_out_of_memory

pytestmark = pytest.mark.usefixtures("without_report")

SMALL = ("generator_width=4", "discriminator_width=4", "batch_size=16", "threads=1", "precision=float32",
         "memory_format=channels_last", "tick_kimg=0.2", "checkpoint_kimg=0.15", "anneal_fraction=0")  # fmt: skip


def train(
    data: Dataset, run: Path, *settings: str, kimg: float = 0.64, resume: bool = False, branch: Path | None = None
) -> Path:
    return facesmith.train(
        "tiny", data, run, settings=(*SMALL, *settings), kimg=kimg, resume=resume, branch=branch, quiet=True
    )


def weights(run: Path) -> dict[str, np.ndarray]:
    return load_file(list_checkpoints(run / "checkpoints")[-1])


def have_equal_weights(a: Path, b: Path) -> bool:
    first, second = weights(a), weights(b)
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


@pytest.fixture(scope="module")
def unbroken(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(builtin_dataset, tmp_path_factory.mktemp("runs") / "unbroken")


def test_run_writes_all_its_files(unbroken: Path) -> None:
    for name in ("recipe.toml", "run.json", "metrics.jsonl", "timing.jsonl", "progress.mp4", "progress.gif",
                 "real_beside_generated.png", "report.html"):  # fmt: skip
        assert (unbroken / name).stat().st_size > 0, name
    assert list((unbroken / "tensorboard").glob("events*"))
    sheets = sorted(path.name for path in (unbroken / "samples").iterdir())
    assert sheets[0] == "000000.000.png"
    assert sheets[-1] == "000000.640.png"
    for name in sheets:
        with Image.open(unbroken / "samples" / name) as picture:
            assert picture.size == (8 * 66 + 2, 8 * 66 + 2)
    card = json.loads((unbroken / "run.json").read_text())
    assert (card["status"], card["kimg"], card["step"]) == ("finished", 0.64, 40)
    lines = [json.loads(line) for line in (unbroken / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [10, 20, 30, 40]
    assert {"loss_D", "loss_G", "accuracy_real", "accuracy_fake", "r1", "r2"} <= lines[0].keys()


def test_training_depends_on_the_seed_only(builtin_dataset: Dataset, unbroken: Path, tmp_path: Path) -> None:
    assert have_equal_weights(unbroken, train(builtin_dataset, tmp_path / "again"))
    assert not have_equal_weights(unbroken, train(builtin_dataset, tmp_path / "other", "seed=1"))


def test_reading_from_disk_gives_the_same_result(builtin_dataset: Dataset, unbroken: Path, tmp_path: Path) -> None:
    assert have_equal_weights(unbroken, train(builtin_dataset, tmp_path / "disk", "data=disk"))


def test_resume_is_exact(builtin_dataset: Dataset, unbroken: Path, tmp_path: Path) -> None:
    run = train(builtin_dataset, tmp_path / "run", kimg=0.272)  # 17 steps: in the middle of a line of the metrics
    train(builtin_dataset, run, resume=True)
    assert have_equal_weights(unbroken, run)
    assert (run / "metrics.jsonl").read_bytes() == (unbroken / "metrics.jsonl").read_bytes()


def test_partial_files_of_a_killed_run_are_removed(builtin_dataset: Dataset, unbroken: Path, tmp_path: Path) -> None:
    run = train(builtin_dataset, tmp_path / "run", kimg=0.32)
    partial_paths = [
        run / "samples" / ".000000.208.77.partial.png",
        run / "checkpoints" / ".000000.320.77.partial.safetensors",
    ]
    for path in partial_paths:
        path.write_bytes(b"half")
    assert facesmith.report(run).exists()
    train(builtin_dataset, run, resume=True)
    assert not any(path.exists() for path in partial_paths)
    assert have_equal_weights(unbroken, run)


COMMAND = [sys.executable, "-m", "facesmith", "train", "tiny"]


def start(data: Dataset, run: Path, *arguments: str) -> subprocess.Popen[bytes]:
    options = [word for setting in SMALL for word in ("--set", setting)]
    command = [*COMMAND, str(data.path), str(run), *options, "--kimg", "0.64", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for(path: Path, pattern: str) -> None:
    for _ in range(1200):
        if list(path.glob(pattern)):
            return
        time.sleep(0.05)
    raise AssertionError(f"{path / pattern} did not appear")


def test_resume_after_a_kill_is_exact(builtin_dataset: Dataset, unbroken: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start(builtin_dataset, run)
    wait_for(run / "checkpoints", "000000.[1-9]*.safetensors")
    process.kill()
    process.communicate()
    assert json.loads((run / "run.json").read_text())["status"] == "running"
    process = start(builtin_dataset, run, "--resume", "--quiet")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    assert have_equal_weights(unbroken, run)
    assert (run / "metrics.jsonl").read_bytes() == (unbroken / "metrics.jsonl").read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="signals are posix's")
def test_sigterm_saves_and_writes_the_report(builtin_dataset: Dataset, unbroken: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start(builtin_dataset, run, "--set", "kimg=1000", "--kimg", "1000")
    wait_for(run / "samples", "000000.2*.png")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    card = json.loads((run / "run.json").read_text())
    assert card["status"] == "interrupted"
    assert card["sessions"][0]["reason"] == "SIGTERM"
    assert (run / "report.html").exists()
    assert read_metadata(list_checkpoints(run / "checkpoints")[-1])["step"] == card["step"]


def test_resume_refuses_another_recipe(builtin_dataset: Dataset, unbroken: Path) -> None:
    with pytest.raises(FacesmithError, match=rf"learning_rate {RECIPES['tiny'].learning_rate} -> 0\.1.*--branch"):
        train(builtin_dataset, unbroken, "learning_rate=0.1", resume=True)
    with pytest.raises(FacesmithError, match="recipe tiny, not celebrity"):
        facesmith.train("celebrity", builtin_dataset, unbroken, resume=True, quiet=True)


def edit_recipe(run: Path, pattern: str, text: str) -> None:
    recipe = run / "recipe.toml"
    recipe.write_text(re.sub(pattern, text, recipe.read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("branch", [None, "branch"])
def test_resume_refuses_an_edited_recipe_file(
    builtin_dataset: Dataset, unbroken: Path, tmp_path: Path, branch: str | None
) -> None:
    run = shutil.copytree(unbroken, tmp_path / "run")
    edit_recipe(run, "^batch_size = 16$", "batch_size = 4")
    with pytest.raises(FacesmithError, match=r"recipe\.toml was edited \(batch_size 16 -> 4\)"):
        train(builtin_dataset, run, kimg=0.7, resume=True, branch=tmp_path / branch if branch else None)


def test_resume_takes_the_default_of_a_missing_setting(
    builtin_dataset: Dataset, unbroken: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(unbroken, tmp_path / "run")
    edit_recipe(run, "^hold_out = .*\n", "")
    train(builtin_dataset, run, kimg=0.7, resume=True)
    assert "hold_out = false" in (run / "recipe.toml").read_text()


def test_resume_accepts_a_run_without_recorded_settings(
    builtin_dataset: Dataset, unbroken: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(unbroken, tmp_path / "run")
    card = json.loads((run / "run.json").read_text())
    del card["recipe"]
    (run / "run.json").write_text(json.dumps(card))
    train(builtin_dataset, run, kimg=0.7, resume=True)
    assert json.loads((run / "run.json").read_text())["recipe"]["record"]["kimg"] == 0.7


def test_resume_refuses_another_dataset(unbroken: Path, tmp_path: Path) -> None:
    other_dataset = facesmith.import_dataset("builtin:40", tmp_path / "other", size="32", quiet=True)
    with pytest.raises(FacesmithError, match="count 256 -> 40"):
        train(other_dataset, unbroken, resume=True)


def test_finished_run_is_not_trained_again(builtin_dataset: Dataset, unbroken: Path) -> None:
    with pytest.raises(FacesmithError, match="--resume"):
        train(builtin_dataset, unbroken)
    before = (unbroken / "recipe.toml").read_bytes()
    for kimg in (0.64, 0.1):
        with pytest.raises(FacesmithError, match="higher --kimg"):
            train(builtin_dataset, unbroken, kimg=kimg, resume=True)
    assert (unbroken / "recipe.toml").read_bytes() == before


def test_branch_continues_with_a_changed_recipe(builtin_dataset: Dataset, unbroken: Path, tmp_path: Path) -> None:
    before = (unbroken / "metrics.jsonl").read_bytes()
    branch = tmp_path / "branch"
    train(builtin_dataset, unbroken, "learning_rate=0.0001", kimg=0.8, resume=True, branch=branch)
    assert (unbroken / "metrics.jsonl").read_bytes() == before
    assert (branch / "metrics.jsonl").read_bytes().startswith(before)
    assert json.loads((branch / "run.json").read_text())["step"] == 50
    with pytest.raises(FacesmithError, match="networks .* cannot change"):
        train(builtin_dataset, unbroken, "generator_width=8", resume=True, branch=tmp_path / "wider")


def test_divergence_is_an_error(builtin_dataset: Dataset, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(FacesmithError, match="diverged"):
        train(builtin_dataset, run, "learning_rate=1e30", kimg=5)
    assert json.loads((run / "run.json").read_text())["status"] == "failed"


def test_out_of_memory_is_recognised() -> None:
    with pytest.raises(RuntimeError) as memory_error:
        torch.empty(1 << 50)
    assert is_out_of_memory(memory_error.value)
    with pytest.raises(RuntimeError) as shape_error:
        torch.ones(2) @ torch.ones(3)
    assert not is_out_of_memory(shape_error.value)


def test_time_limit_ends_a_run(builtin_dataset: Dataset, tmp_path: Path) -> None:
    start_time = time.monotonic()
    run = facesmith.train("tiny", builtin_dataset, tmp_path / "run", settings=SMALL, minutes=0.02, quiet=True)
    assert time.monotonic() - start_time < 30
    assert 0 < json.loads((run / "run.json").read_text())["kimg"] < 400


def test_due_intervals_grow_with_the_run() -> None:
    assert [next_due(2.0, images_seen) for images_seen in (0, 1999, 2000, 3999)] == [2000, 2000, 4000, 4000]
    late = next_due(2.0, 1_000_000)
    assert 1_000_000 < late <= 1_020_001
    assert next_due(2.0, int(late) - 1) == late


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
def test_full_disk_is_an_error(builtin_dataset: Dataset, tmp_path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from facesmith.cli import main; main()"
    )
    options = [word for setting in SMALL for word in ("--set", setting)]
    command = [sys.executable, "-c", code, "train", "tiny", str(builtin_dataset.path), str(tmp_path / "run"), *options]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert process.returncode == 2
    assert "Traceback" not in process.stderr
    assert process.stderr.strip().splitlines()[-1].startswith("facesmith: ")
