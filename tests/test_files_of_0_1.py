"""Datasets, runs and models that facesmith 0.1 wrote: they load, resume and export.

tests/fixtures/v0_1 was made by 0.1.0 with `facesmith data import builtin:420`, `train` and `export`, and very small
networks. Never regenerate it: a format that changes must still read these files.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

import facesmith

FILES = Path(__file__).parent / "fixtures" / "v0_1"
RUNS = {"gan": "tiny", "encoder": "encoder", "judge": "judge", "makeover": "makeover+"}


@pytest.fixture
def old_run(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the run named by the test's parameter."""
    shutil.copytree(FILES / "runs" / request.param, tmp_path / "run")
    (tmp_path / "run" / "samples").mkdir(exist_ok=True)
    return tmp_path / "run"


def test_dataset_loads() -> None:
    dataset = facesmith.open_dataset(FILES / "dataset")
    assert len(dataset) == 420
    assert dataset.size == (16, 16)


@pytest.mark.parametrize("old_run", RUNS, indirect=True)
def test_run_resumes(old_run: Path, request: pytest.FixtureRequest) -> None:
    recipe = RUNS[request.node.callspec.params["old_run"]]
    facesmith.train(recipe, FILES / "dataset", old_run, resume=True, kimg=0.12, quiet=True)
    assert facesmith.open_run(old_run).status.kimg >= 0.12


@pytest.mark.parametrize("old_run", RUNS, indirect=True)
def test_run_is_exported(old_run: Path, tmp_path: Path) -> None:
    facesmith.export(old_run, tmp_path / "model")
    assert (tmp_path / "model" / "README.md").is_file()


def test_generator_and_encoder_load() -> None:
    model = facesmith.load(FILES / "models" / "encoder")
    faces = model.sample(2, seed=1)
    assert faces.shape == (2, 16, 16, 3)
    assert model.encode(faces).shape[0] == 2


def test_classifier_loads() -> None:
    faces = facesmith.open_dataset(FILES / "dataset").images[:2]
    judge = facesmith.load_judge(FILES / "models" / "judge")
    assert judge.label(faces).shape == (2, len(judge.attributes))


def test_makeover_loads() -> None:
    faces = np.asarray(facesmith.open_dataset(FILES / "dataset").images[:2])
    makeover = facesmith.load_makeover(FILES / "models" / "makeover")
    assert makeover.apply(faces).shape == faces.shape
