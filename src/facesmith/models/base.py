"""The base of everything that is loaded from a model folder."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from facesmith.models.folder import ModelFolder

Images = NDArray[np.uint8]


class LoadedModel:
    """A loaded model folder: ``path``, the ``card`` it holds, ``folder`` with its files, ``backend`` and ``threads``.

    ``backend`` is "onnx" or "torch". ONNX Runtime uses that many ``threads``, by default one per core.
    """

    kind: ClassVar[str]

    def __init__(self, path: Path, card: dict[str, Any], backend: str = "onnx", threads: int | None = None) -> None:
        self.path, self.card, self.backend, self.threads = path, card, backend, threads
        self.folder = ModelFolder(path, self.kind)

    def __repr__(self) -> str:
        width, height = self.size
        return f"<facesmith.{type(self).__name__} {self.name!r} {width}x{height} {self.digest[:12]}>"

    @property
    def name(self) -> str:
        return str(self.card["name"])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its images."""
        width, height = self.card["network"]["size"]
        return width, height

    @property
    def digest(self) -> str:
        """SHA-256 of the weights: models with the same digest compute the same."""
        return str(self.card["digest"])


def logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + e^-x), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))
