import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import facesmith
from facesmith import FacesmithError
from facesmith.data.dataset import Dataset
from facesmith.runs.checkpoints import list_checkpoints, read_metadata
from facesmith.training.distributed import ProcessGroup

# Batch norm in both networks, penalties through it and an EMA: everything that two processes must share. Biases before
# a batch norm have only rounding errors as gradients, which Adam turns into steps.
SMALL = ("generator_width=4", "discriminator_width=4", "batch_size=16", "threads=1", "precision=float32", "bias=false",
         "discriminator_norm=true", "memory_format=channels_last", "checkpoint_kimg=0.16", "log_steps=5",
         "watch_steps=5", "anneal_fraction=0")  # fmt: skip
CLOSE = 1e-4  # float32 rounds to 6e-8; sums over parts round differently, and 10 steps amplify it
LOST_PROCESS = "facesmith: another process of this run was lost"

Start = Callable[..., list[subprocess.Popen[str]]]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are posix's")


@pytest.fixture
def two() -> Iterator[Callable[..., list[subprocess.Popen[str]]]]:
    """Return a function that starts two processes that train together, like torchrun."""
    started: list[subprocess.Popen[str]] = []

    def start(data: Path, run: Path, kimg: float, *settings: str) -> list[subprocess.Popen[str]]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "facesmith", "train", "tiny", str(data), str(run), "--kimg", str(kimg)]
        command += ["--quiet", *(word for setting in (*SMALL, *settings) for word in ("--set", setting))]
        meeting = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        for rank in "01":
            environment = os.environ | meeting | {"RANK": rank, "LOCAL_RANK": rank, "OMP_NUM_THREADS": "1"}
            started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
        return started

    yield start
    for process in started:
        process.kill()


def ends(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Return the exit code and stderr of each process."""
    return [(process.returncode, error) for process in processes for error in process.communicate(timeout=90)[1:]]


def wait_for(run: Path, processes: list[subprocess.Popen[str]]) -> None:
    until = time.monotonic() + 90
    while len(list_checkpoints(run / "checkpoints")) < 2:
        assert all(process.poll() is None for process in processes)
        assert time.monotonic() < until
        time.sleep(0.02)


def card(run: Path) -> Any:
    return json.loads((run / "run.json").read_text())


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_two_processes_train_like_a_single_process(builtin_dataset: Dataset, two: Start, tmp_path: Path) -> None:
    group_run, single_run = tmp_path / "together", tmp_path / "alone"
    processes = two(builtin_dataset.path, group_run, 1000)
    wait_for(group_run, processes)
    processes[1].terminate()
    results = ends(processes)
    assert [code for code, _ in results] == [0, 0], results
    (session,) = card(group_run)["sessions"]
    assert (card(group_run)["status"], session["reason"]) == ("interrupted", "SIGTERM")
    assert read_metadata(list_checkpoints(group_run / "checkpoints")[-1])["step"] == card(group_run)["step"]

    facesmith.train("tiny", builtin_dataset, single_run, settings=SMALL, kimg=0.16, quiet=True)
    group_weights, single_weights = (
        load_file(run / "checkpoints" / "000000.160.safetensors") for run in (group_run, single_run)
    )
    assert group_weights.keys() == single_weights.keys()
    for name, weights in single_weights.items():
        assert np.linalg.norm(group_weights[name] - weights) <= CLOSE * np.linalg.norm(weights), name
    for group_line, single_line in zip(lines(group_run), lines(single_run), strict=False):
        assert (group_line.keys(), group_line["health"]) == (single_line.keys(), single_line["health"])
        for name in single_line.keys() - {
            "health",
            "accuracy_real",
            "accuracy_fake",
        }:  # each run samples these separately
            assert group_line[name] == pytest.approx(single_line[name], rel=CLOSE), name


def test_lost_process_stops_the_other_and_run_resumes(builtin_dataset: Dataset, two: Start, tmp_path: Path) -> None:
    run = tmp_path / "run"
    processes = two(builtin_dataset.path, run, 1000)
    wait_for(run, processes)
    processes[1].kill()
    (code, errors), _ = ends(processes)
    assert code == 2
    assert errors.startswith(LOST_PROCESS)
    assert errors.count("\n") == 1
    assert card(run)["status"] == "failed"
    step = read_metadata(list_checkpoints(run / "checkpoints")[-1])["step"]
    goal = (step + 5) * 16 / 1000
    facesmith.train("tiny", builtin_dataset, run, settings=(f"kimg={goal}",), resume=True, quiet=True)
    assert [session["processes"] for session in card(run)["sessions"]] == [2, 1]
    assert [line["step"] for line in lines(run)] == [*range(5, step + 6, 5)]


def test_processes_roll_back_and_fail_together(builtin_dataset: Dataset, two: Start, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for code, errors in ends(two(builtin_dataset.path, run, 1000, "learning_rate=1e30", "rollbacks=1")):
        assert code == 2, errors
        assert "stopped after 1 rollbacks: diverged" in errors
        assert "Traceback" not in errors
    assert (run / "rolled_back" / "1" / "metrics.jsonl").exists()
    assert card(run)["status"] == "failed"


def test_error_before_training_ends_both_processes(builtin_dataset: Dataset, two: Start, tmp_path: Path) -> None:
    for code, errors in ends(two(builtin_dataset.path, tmp_path / "run", 1, "batch_size=15")):
        assert code == 2
        assert errors.startswith("facesmith: a batch of 15 cannot be divided among 2 processes")
        assert errors.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_local_batches_cover_the_batch() -> None:
    parts = [ProcessGroup(rank, 3).local_batch(12) for rank in range(3)]
    assert [i for part in parts for i in range(12)[part]] == list(range(12))
    with pytest.raises(FacesmithError, match="batch of 13 cannot be divided among 3"):
        ProcessGroup(0, 3).local_batch(13)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"RANK": None, "MASTER_ADDR": None}, "RANK, MASTER_ADDR are not set: start training with torchrun"),
        ({"WORLD_SIZE": "two"}, "invalid WORLD_SIZE=two: expected a whole number"),
        ({"RANK": "2"}, r"invalid process ranks \(RANK=2, WORLD_SIZE=2, "),
        ({"WORLD_SIZE": "9999", "LOCAL_WORLD_SIZE": "9999"}, r"LOCAL_WORLD_SIZE=9999\): RANK must be less"),
    ],
)
def test_an_invalid_environment_is_refused(
    variables: dict[str, str | None], sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    valid = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2", "MASTER_PORT": "1"}
    for name, value in (valid | {"MASTER_ADDR": "127.0.0.1"} | variables).items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(FacesmithError, match=sentence):
        facesmith.train("tiny", tmp_path, tmp_path / "run")
