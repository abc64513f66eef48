"""Load a model folder, an included model by its name, or a hub id: the one loading path for every kind of model."""

from pathlib import Path
from typing import TypeVar

from facesmith.errors import FacesmithError
from facesmith.models.backends import BACKENDS
from facesmith.models.base import LoadedModel
from facesmith.models.classifier import AttributeClassifier
from facesmith.models.folder import open_model_folder
from facesmith.models.included import DEFAULT_MODEL
from facesmith.models.makeover import Makeover
from facesmith.models.model import Model

Loaded = TypeVar("Loaded", bound=LoadedModel)


def load(
    model: str | Path = DEFAULT_MODEL, backend: str = "onnx", *, threads: int | None = None, quiet: bool = False
) -> Model:
    """Load a generator, with its encoder and directions if it has them.

    Args:
        model: a model folder, the name of an included model, or a hub id ``owner/name`` of the same layout. A folder
            takes precedence over an included model of the same name.
        backend: "onnx" (ONNX Runtime on the CPU; needs no torch) or "torch" (the safetensors weights, on a GPU if
            there is one). Both make the same faces up to rounding.
        threads: the threads of ONNX Runtime, by default one per core.
        quiet: do not print the terms of an included model whose use is restricted.

    Raises `FacesmithError` for a folder that is not a model, an unknown version, and weights that do not fit the card.
    """
    return _load(Model, model, backend, threads, quiet)


def load_classifier(classifier: str | Path, *, threads: int | None = None, quiet: bool = False) -> AttributeClassifier:
    """Load an attribute classifier from its folder or a hub id; see `load`."""
    return _load(AttributeClassifier, classifier, "onnx", threads, quiet)


def load_makeover(makeover: str | Path, *, threads: int | None = None, quiet: bool = False) -> Makeover:
    """Load a makeover from its folder, by the name of an included one, or from a hub id; see `load`."""
    return _load(Makeover, makeover, "onnx", threads, quiet)


def as_model(model: str | Path | Model, *, quiet: bool = False) -> Model:
    """Return the model itself, loaded if it is named by a folder, a name or a hub id."""
    return model if isinstance(model, Model) else load(model, quiet=quiet)


def as_classifier(classifier: str | Path | AttributeClassifier) -> AttributeClassifier:
    """Return the attribute classifier itself, loaded if it is named by its folder."""
    return load_classifier(classifier) if isinstance(classifier, str | Path) else classifier


def _load(cls: type[Loaded], source: str | Path, backend: str, threads: int | None, quiet: bool) -> Loaded:
    if backend not in BACKENDS:
        raise FacesmithError(f"invalid backend {backend!r}: expected {' or '.join(BACKENDS)}")
    folder, card = open_model_folder(source, cls.kind, quiet=quiet)
    return cls(folder.path, card, backend, threads)
