"""Trained folders that a training builds on: found once, then copied into the run."""

import shutil
from pathlib import Path

from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError
from facesmith.models.classifier import load_classifier
from facesmith.models.model import load
from facesmith.runs import run_folder as runs
from facesmith.runs.old_names import SETTINGS as OLD_SETTINGS
from facesmith.training import checkpoint
from facesmith.training.settings import Recipe, pretrained_settings


def find_pretrained(recipe: Recipe, known: dict[str, Path] | None = None) -> dict[str, Path]:
    """Return the path behind every setting that names a trained folder: a model, a classifier, a run's last checkpoint.

    Paths in ``known`` are taken as they are. Raises `FacesmithError` for a folder that is missing or of another kind.
    """
    finders = {"model": _model, "classifier": _classifier, "gan": _last_checkpoint}
    known = known or {}
    return {name: known.get(name) or finders[name](text) for name, text in pretrained_settings(recipe).items()}


def copy_pretrained(pretrained: dict[str, Path], folder: Path) -> None:
    """Copy what `find_pretrained` found into a run's folder for it."""
    for name, path in pretrained.items():
        folder.mkdir(exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, folder / name)
        else:
            shutil.copy2(path, folder / (name + path.suffix))


def list_pretrained(folder: Path) -> dict[str, Path]:
    """Return the copies that a run has, by setting."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return {OLD_SETTINGS.get(path.stem, path.stem): path for path in paths}


def refuse_other_size(what: str, size: list[int], dataset: Dataset) -> None:
    """Raise `FacesmithError` where a trained network takes images of another ``size`` than the dataset's."""
    if tuple(size) != dataset.size:
        expected, actual = ("x".join(map(str, pair)) for pair in (size, dataset.size))
        raise FacesmithError(
            f"the {what} takes images of {expected} and {dataset.name} has {actual}: import the photos with "
            f"--size {expected}, cropped as the {what}'s were"
        )


def _model(text: str) -> Path:
    return load(text, quiet=True).path


def _classifier(text: str) -> Path:
    return load_classifier(text).path


def _last_checkpoint(text: str) -> Path:
    run = runs.RunFolder(Path(text))
    stored = checkpoint.stored(run.checkpoints)
    if not stored:
        raise FacesmithError(f"{run.path} is not a run with checkpoints: name the folder that facesmith train wrote")
    return stored[-1]
