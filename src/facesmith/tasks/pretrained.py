"""Trained folders that a run builds on: models, classifiers and runs."""

from pathlib import Path
from typing import Any

from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError
from facesmith.images.pixels import reduction
from facesmith.models.classifier import load_classifier
from facesmith.models.folder import ModelFolder
from facesmith.models.model import load
from facesmith.networks import classifier as classifier_network
from facesmith.networks.classifier import ClassifierNetwork
from facesmith.runs.run_data import read_card
from facesmith.runs.run_folder import RunFolder
from facesmith.terms import terms_of
from facesmith.training.distributed import ProcessGroup
from facesmith.training.settings import Recipe, pretrained_settings


def find_pretrained(recipe: Recipe, known: dict[str, Path] | None = None) -> dict[str, Path]:
    """Return the path behind every setting that names a trained folder: a model, a classifier, a run's last checkpoint.

    Paths in ``known`` are taken as they are. Raises `FacesmithError` for a folder that is missing or of another kind.
    """
    finders = {"model": _model, "classifier": _classifier, "gan": _last_checkpoint}
    known = known or {}
    return {name: known.get(name) or finders[name](text) for name, text in pretrained_settings(recipe).items()}


def pretrained_terms(pretrained: dict[str, Path]) -> list[str]:
    """Return the terms of these trained folders; those of a checkpoint are its run's."""
    kinds = {"model": "generator", "classifier": "classifier"}
    return [
        terms_of(
            read_card(RunFolder(path.parent.parent)) if path.is_file() else ModelFolder(path, kinds[name]).read_card()
        )
        for name, path in pretrained.items()
    ]


def refuse_other_size(what: str, size: list[int], dataset: Dataset) -> None:
    """Raise `FacesmithError` where a trained network takes images of another ``size`` than the dataset's."""
    if tuple(size) != dataset.size:
        expected, actual = ("x".join(map(str, pair)) for pair in (size, dataset.size))
        raise FacesmithError(
            f"the {what} requires {expected} images, but {dataset.name} contains {actual} images: import the photos "
            f"with --size {expected} and the same crop as the {what}'s dataset"
        )


def classifier_card(path: Path, dataset: Dataset, group: ProcessGroup) -> dict[str, Any]:
    """Return the card of an attribute classifier.

    Raises `FacesmithError` unless the dataset's images have the classifier's size or a multiple of it.
    """
    card = group.on_rank_zero(ModelFolder(path, "classifier").read_card)
    if not reduction(dataset.size, tuple(card["network"]["size"])):
        refuse_other_size("attribute classifier", card["network"]["size"], dataset)
    return card


def build_classifier(card: dict[str, Any], path: Path, dataset: Dataset, group: ProcessGroup) -> ClassifierNetwork:
    """Build the classifier with this card for a dataset's images, with the weights of rank 0."""
    net = classifier_network.from_card(card["network"], reduction(dataset.size, tuple(card["network"]["size"])))
    if group.is_rank_zero:
        net.load_state_dict(ModelFolder(path, "classifier").read_weights())
    group.broadcast_tensors(net.state_dict().values())
    return net


def _model(text: str) -> Path:
    return load(text, quiet=True).path


def _classifier(text: str) -> Path:
    return load_classifier(text).path


def _last_checkpoint(text: str) -> Path:
    checkpoint = RunFolder(Path(text)).last_checkpoint()
    if not checkpoint:
        raise FacesmithError(f"{text} is not a run with checkpoints: pass a folder written by facesmith train")
    return checkpoint
