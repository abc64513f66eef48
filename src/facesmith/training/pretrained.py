"""What a training is given that was trained before: found once, and from then on the run has a copy of its own."""

import shutil
from pathlib import Path

from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError
from facesmith.models.classifier import load_judge
from facesmith.models.model import load
from facesmith.runs import run_folder as runs
from facesmith.training import checkpoint
from facesmith.training.settings import Recipe, given_settings


def find(recipe: Recipe, known: dict[str, Path] | None = None) -> dict[str, Path]:
    """Where what the recipe names lies, by setting: a model folder, a judge folder, a run's newest checkpoint.

    What is ``known`` is not looked for. Raises `FacesmithError` for what is not there or is something else.
    """
    finders = {"model": _model, "judge": _judge, "gan": _newest_checkpoint}
    known = known or {}
    return {name: known.get(name) or finders[name](text) for name, text in given_settings(recipe).items()}


def keep(given: dict[str, Path], folder: Path) -> None:
    """Copy what was found into the run's folder for it."""
    for name, path in given.items():
        folder.mkdir(exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, folder / name)
        else:
            shutil.copy2(path, folder / (name + path.suffix))


def kept(folder: Path) -> dict[str, Path]:
    """What a run has copies of, by setting."""
    return {path.stem: path for path in sorted(folder.iterdir())} if folder.is_dir() else {}


def refuse_other_size(what: str, size: list[int], dataset: Dataset) -> None:
    """Raise `FacesmithError` where what was given is for pictures of another ``size`` than the dataset's."""
    if tuple(size) != dataset.size:
        theirs, ours = ("x".join(map(str, one)) for one in (size, dataset.size))
        raise FacesmithError(
            f"the {what} is for pictures of {theirs} and {dataset.name} has {ours}: import the photos with "
            f"--size {theirs}, cut as the {what}'s were"
        )


def _model(text: str) -> Path:
    return load(text, quiet=True).path


def _judge(text: str) -> Path:
    return load_judge(text).path


def _newest_checkpoint(text: str) -> Path:
    run = runs.RunFolder(Path(text))
    stored = checkpoint.stored(run.checkpoints)
    if not stored:
        raise FacesmithError(f"{run.path} is not a run with checkpoints: name the folder that facesmith train wrote")
    return stored[-1]
