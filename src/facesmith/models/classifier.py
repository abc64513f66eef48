"""The attribute classifier: predicts which attributes a face has. Needs no torch.

classifier = facesmith.load_classifier("my-classifier")
classifier.label(faces)         # N x A: the probability of every attribute
classifier.features(faces)      # N x F: similar faces are close together
"""

from pathlib import Path
from typing import Any

import numpy as np

from facesmith.arrays import Floats, Images
from facesmith.images.pixels import reduce_images, reduction
from facesmith.models.base import LoadedModel, load_folder, logistic, onnx_session, run_on_images


class AttributeClassifier(LoadedModel):
    """A trained attribute classifier; see `load_classifier`."""

    kind = "classifier"

    def __init__(self, path: Path, card: dict[str, Any], backend: str = "onnx", threads: int | None = None) -> None:
        super().__init__(path, card, backend, threads)
        self._session = onnx_session(self.folder.onnx, "attribute classifier", threads)

    @property
    def attributes(self) -> list[str]:
        """The attributes, in the order of the columns of `label`."""
        return list(self.card["attributes"])

    @property
    def thresholds(self) -> Floats:
        """The probability from which a face counts as having each attribute."""
        return np.asarray(self.card["thresholds"], np.float32)

    def label(self, images: Images) -> Floats:
        """Return the probability of every attribute (N x A) for ``images``: uint8, N x H x W x 3, or one of them.

        Images must have the crop of the classifier's dataset, and its size or a multiple of it: a classifier for 64x64
        also labels 128x128. Raises `FacesmithError` for other shapes.
        """
        logits = self._run(images, "logits", len(self.attributes))
        return np.asarray(logistic(logits.astype(np.float64)), np.float32)

    def features(self, images: Images) -> Floats:
        """Return the feature vectors (N x F) of ``images``: uint8, N x H x W x 3, or one of them."""
        return self._run(images, "features", int(self.card["network"]["feature_size"]))

    def takes(self, size: tuple[int, int]) -> bool:
        """Return whether images of this width and height can be classified: its size, or a multiple."""
        return reduction(size, self.size) > 0

    def _run(self, images: Images, output: str, columns: int) -> Floats:
        def compute(x: Floats) -> Floats:
            return np.asarray(self._session.run([output], {"pictures": x})[0])

        images = np.asarray(images)
        images = reduce_images(images[None] if images.ndim == 3 else images, self.size)
        return run_on_images(compute, images, self.size, columns, self.name)


def load_classifier(classifier: str | Path, *, threads: int | None = None, quiet: bool = False) -> AttributeClassifier:
    """Load an attribute classifier from its folder or a hub id; see `facesmith.load`."""
    return load_folder(AttributeClassifier, classifier, "onnx", threads, quiet)


def as_classifier(classifier: str | Path | AttributeClassifier) -> AttributeClassifier:
    """Return the attribute classifier itself, loaded if it is named by its folder."""
    return load_classifier(classifier) if isinstance(classifier, str | Path) else classifier
