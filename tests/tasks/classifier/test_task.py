import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import facesmith
from facesmith import FacesmithError
from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_mask
from facesmith.runs.json_lines import read_lines
from facesmith.runs.run_data import read_card
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.classifier.recipes import ClassifierRecipe
from facesmith.tasks.classifier.task import ClassifierTask
from facesmith.tasks.recipes import RECIPES
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import SINGLE_PROCESS
from facesmith.training.sampling import Reader
from facesmith.training.settings import with_settings


@pytest.fixture
def recipe() -> ClassifierRecipe:
    base = RECIPES["classifier"]
    assert isinstance(base, ClassifierRecipe)
    settings = ("width=4", "feature_size=8", "batch_size=16", "device=cpu", "precision=float32",
                "memory_format=contiguous", "shift=0", "colour=0", "dropout=0", "flip=false")  # fmt: skip
    return with_settings(base, settings)


def test_a_classifier_learns_and_is_scored_on_held_out_faces(classifier_run: Path) -> None:
    run = RunFolder(classifier_run)
    scores = read_lines(run.scores)
    assert [line["kimg"] for line in scores] == [0.16, 0.32, 0.48, 0.64]
    assert max(line["accuracy_Red"] for line in scores) > 0.9
    assert scores[-1]["count"] == 48, "a fifth of 240"
    facts = read_card(run)["task"]
    assert (facts["attributes"], facts["learned_from"], facts["held_out"]) == (["Red", "Left"], 192, 48)
    assert (classifier_run / "report.html").exists()
    assert read_lines(run.metrics)[-1]["health"] == "healthy"


def test_no_step_reads_a_held_out_face(
    labelled: Dataset, recipe: ClassifierRecipe, train_steps: Callable[..., list[int]]
) -> None:
    task = ClassifierTask(recipe, labelled, SINGLE_PROCESS, {})
    read_rows = train_steps(task, 24)  # two epochs
    held_out = held_out_mask(labelled)
    assert not held_out[read_rows].any()
    assert set(read_rows) == set(np.flatnonzero(~held_out))


def test_unknown_labels_have_no_gradient(labelled: Dataset, recipe: ClassifierRecipe) -> None:
    task = ClassifierTask(replace(recipe, weight_decay=0.0), labelled, SINGLE_PROCESS, {})
    pictures = torch.from_numpy(np.array(labelled.images))
    task.prepare(Reader(lambda indices: pictures[torch.from_numpy(indices)]), print)
    task.labels = torch.full_like(task.labels, -1)
    state = task.new_state()
    before = [p.clone() for p in state.nets["C"].parameters()]
    metrics = task.step(state, task.recipe, Progress())
    assert float(metrics["loss_C"]) == 0
    after = state.nets["C"].parameters()
    assert all(
        torch.equal(weights_before, weights_after) for weights_before, weights_after in zip(before, after, strict=True)
    )


def test_a_dataset_without_labels_or_faces_is_refused(
    labelled: Dataset, recipe: ClassifierRecipe, tmp_path: Path
) -> None:
    bare = replace(labelled, card={**labelled.card, "attributes": []})
    with pytest.raises(FacesmithError, match="no attributes to learn"):
        facesmith.train("classifier", bare, tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()
    small_dataset = facesmith.import_dataset("builtin:4", tmp_path / "few", size="32", quiet=True)
    with pytest.raises(FacesmithError, match="4 images for training and 0 held-out images"):
        facesmith.train("classifier", small_dataset, tmp_path / "run", quiet=True)


def test_samples_and_parameters_are_recorded(labelled: Dataset, recipe: ClassifierRecipe, classifier_run: Path) -> None:
    sheets = sorted((classifier_run / "samples").iterdir())
    assert sheets[0].name == "000000.000.png"
    assert json.loads((classifier_run / "run.json").read_text())["parameters"].keys() == {"classifier"}
