"""The judge: a folder like a model's, that says which attributes a face has. Needs no torch.

judge = facesmith.load_classifier("my-judge")
judge.label(faces)         # N x A: the probability of every attribute
judge.features(faces)      # N x F: faces that look alike lie near each other
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.files import check_version, read_json
from facesmith.latent.calibration import logistic
from facesmith.models import backends
from facesmith.models.base import Trained

FORMAT, VERSION = "facesmith-judge", 1
CARD, WEIGHTS, ONNX = "judge.json", "judge.safetensors", "judge.onnx"

Pictures = NDArray[np.uint8]


class AttributeClassifier(Trained):
    """A trained judge. Made by `load_classifier`; ``card`` is what its judge.json says."""

    def __init__(self, path: Path, card: dict[str, Any]) -> None:
        super().__init__(path, card)
        self._session = backends.session(path / ONNX, "judge")

    def __repr__(self) -> str:
        width, height = self.size
        about = f"{width}x{height}, {len(self.attributes)} attributes"
        return f"<facesmith.AttributeClassifier {self.name!r} {about} {self.digest[:12]}>"

    @property
    def attributes(self) -> list[str]:
        """What it names, in the order of the columns of `label`."""
        return list(self.card["attributes"])

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """From which probability on a face is said to have each attribute."""
        return np.asarray(self.card["thresholds"], np.float32)

    def label(self, pictures: Pictures) -> NDArray[np.float32]:
        """The probability of every attribute (N x A) of ``pictures``: uint8, N x H x W x 3, or one of them.

        Pictures have the judge's size and are cut as its dataset's are. Raises `FacesmithError` for other shapes.
        """
        logits = self._run(pictures, "logits", len(self.attributes))
        return np.asarray(logistic(logits.astype(np.float64)), np.float32)

    def features(self, pictures: Pictures) -> NDArray[np.float32]:
        """The feature vector (N x F) of ``pictures``: uint8, N x H x W x 3, or one of them."""
        return self._run(pictures, "features", int(self.card["network"]["feature_size"]))

    def _run(self, pictures: Pictures, output: str, columns: int) -> NDArray[np.float32]:
        def compute(x: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray(self._session.run([output], {"pictures": x})[0])

        return backends.of_pictures(compute, pictures, self.size, columns, f"{self.name} judges")


def load_classifier(judge: str | Path) -> AttributeClassifier:
    """Load a judge folder.

    Raises `FacesmithError` for a folder that is not one, an unknown version, or a file that cannot be loaded.
    """
    path = Path(judge)
    if not (path / CARD).is_file():
        what = f"has no {CARD}" if path.is_dir() else "does not exist"
        raise FacesmithError(
            f"{path} is not a judge, it {what}: train one with facesmith train judge DATASET RUN, "
            "then facesmith export RUN JUDGE"
        )
    card = read_json(path / CARD, "a judge's card")
    check_version(card, FORMAT, VERSION, path / CARD)
    return AttributeClassifier(path, card)
