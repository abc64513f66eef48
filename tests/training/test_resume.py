"""Exact resume of every recipe, because each has its own layers, losses and random draws."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import facesmith
from facesmith import FacesmithError, Model
from facesmith.data.dataset import Dataset
from facesmith.data.importer import import_dataset
from facesmith.runs.checkpoints import list_checkpoints
from facesmith.tasks.gan.recipes import GAN_RECIPES

pytestmark = pytest.mark.usefixtures("without_report")

# Everything random or scheduled is enabled: D steps by accuracy, schedules, augmentation, epoch share.
SETTINGS = ("generator_width=4", "discriminator_width=4", "batch_size=8", "threads=1", "precision=float32",
            "memory_format=channels_last", "watch_steps=4", "log_steps=4", "d_schedule=accuracy:0.7", "anneal_kimg=0.1",
            "learning_rate_end=1e-4", "augment_end=0.5", "epoch_share=0.5", "tick_kimg=10")  # fmt: skip


@pytest.fixture(scope="module")
def faces28(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return import_dataset("builtin:32", tmp_path_factory.mktemp("faces") / "28", size="28", quiet=True)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return import_dataset("builtin:32", tmp_path_factory.mktemp("faces") / "16", size="16", quiet=True)


@pytest.fixture(scope="module")
def larger_faces(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return import_dataset("builtin:32", tmp_path_factory.mktemp("faces") / "32", size="32", quiet=True)


@pytest.mark.parametrize("name", GAN_RECIPES)
def test_resume_of_every_gan_recipe_is_exact(
    name: str, builtin_dataset: Dataset, faces28: Dataset, small_model: Model, tmp_path: Path
) -> None:
    data = faces28 if name == "mini28" else builtin_dataset
    settings = SETTINGS
    if name == "finetune":  # G learns from the second step on
        settings = (*SETTINGS[2:], f"model={small_model.path}", "warm_up_kimg=0.008")

    def train(run: str, kimg: float, resume: bool = False) -> Path:
        return facesmith.train(
            name, data, tmp_path / run, settings=settings, kimg=kimg, resume=resume, quiet=True
        )  # fmt: skip

    unbroken = train("unbroken", 0.08)
    train("broken", 0.048)  # six steps: in the middle of a line of the metrics
    resumed = train("broken", 0.08, resume=True)
    assert_same(unbroken, resumed)


def test_resume_with_attributes_and_several_emas_is_exact(labelled: Dataset, tmp_path: Path) -> None:
    settings = (*SETTINGS, f"attributes={labelled.attributes[0]},{labelled.attributes[1]}", "extra_ema_kimg=0.01,0.1")

    def train(run: str, kimg: float, resume: bool = False) -> Path:
        return facesmith.train(
            "portrait", labelled, tmp_path / run, settings=settings, kimg=kimg, resume=resume, quiet=True
        )

    unbroken = train("unbroken", 0.08)
    train("broken", 0.048)
    assert_same(unbroken, train("broken", 0.08, resume=True))


def test_resume_of_a_run_that_anneals_at_its_end_is_exact(builtin_dataset: Dataset, tmp_path: Path) -> None:
    settings = (*SETTINGS, "anneal_kimg=0", "anneal_fraction=0.5", "checkpoint_kimg=0.02", "keep=9")

    def train(run: Path, resume: bool = False) -> Path:
        return facesmith.train("tiny", builtin_dataset, run, settings=settings, kimg=0.08, resume=resume, quiet=True)

    unbroken = train(tmp_path / "unbroken")
    broken = shutil.copytree(unbroken, tmp_path / "broken")
    for checkpoint in list_checkpoints(broken / "checkpoints")[2:]:  # as if it had been killed at 0.04 kimg
        checkpoint.unlink()
    assert_same(unbroken, train(broken, resume=True))


def test_a_run_grows_on_a_dataset_of_twice_the_size(faces: Dataset, larger_faces: Dataset, tmp_path: Path) -> None:
    def train(recipe: str, data: Dataset, run: str, *settings: str, branch: str = "") -> Path:
        is_new = not (tmp_path / run).exists()
        return facesmith.train(
            recipe, data, tmp_path / run, settings=(*SETTINGS[2:], *settings), kimg=0.08, resume=not is_new,
            branch=tmp_path / branch if branch else None, quiet=True,
        )  # fmt: skip

    train("portrait", faces, "small", *SETTINGS[:2])
    grown = train("portrait", larger_faces, "small", branch="grown")
    assert list_checkpoints(grown / "checkpoints")[0].name.startswith("000000.000"), "what it has grown from"
    broken = shutil.copytree(grown, tmp_path / "broken")
    for checkpoint in list_checkpoints(broken / "checkpoints")[1:]:
        checkpoint.unlink()
    assert_same(grown, train("portrait", larger_faces, "broken"))
    train("tiny", faces, "other", *SETTINGS[:2])
    with pytest.raises(FacesmithError, match="cannot grow"):
        train("tiny", larger_faces, "other", branch="grown_other")


def assert_same(unbroken: Path, resumed: Path) -> None:
    expected_weights, resumed_weights = (
        load_file(list_checkpoints(run / "checkpoints")[-1]) for run in (unbroken, resumed)
    )
    assert expected_weights.keys() == resumed_weights.keys()
    assert [key for key in expected_weights if not np.array_equal(expected_weights[key], resumed_weights[key])] == []
    assert (unbroken / "metrics.jsonl").read_text() == (resumed / "metrics.jsonl").read_text()


COMMON_SETTINGS = ("batch_size=8", "threads=1", "precision=float32", "memory_format=channels_last", "log_steps=4",
          "anneal_kimg=0.1", "learning_rate_end=1e-4", "epoch_share=0.5", "tick_kimg=10")  # fmt: skip


MAKEOVER = ("directions=No_Beard > Mouth_Slightly_Open", "noise=0.2", "noise_end=0", "augment=0.5", "watch_steps=4")


@pytest.mark.parametrize("name", ["encoder", "classifier", "makeover", "makeover+"])
def test_resume_of_other_tasks_is_exact(
    name: str, builtin_dataset: Dataset, small_run: Path, small_model: Model, tmp_path: Path
) -> None:
    narrow = ["width=4", "blocks=1", "discriminator_width=4"]
    task_settings = {
        "encoder": [f"model={small_model.path}", f"gan={small_run}"],
        "classifier": ["width=4", "feature_size=8"],
        "makeover": [*MAKEOVER, "schedule_half_life_kimg=0.05"],
        "makeover+": [
            *MAKEOVER,
            *narrow,
            "directions=No_Beard > Mouth_Slightly_Open; b: Wavy_Hair | Smiling > No_Beard",
        ],
    }[name]

    def train(run: str, kimg: float, resume: bool = False) -> Path:
        return facesmith.train(
            name,
            builtin_dataset,
            tmp_path / run,
            settings=(*COMMON_SETTINGS, *task_settings),
            kimg=kimg,
            resume=resume,
            quiet=True,
        )

    unbroken = train("unbroken", 0.08)
    train("broken", 0.048)
    assert_same(unbroken, train("broken", 0.08, resume=True))
