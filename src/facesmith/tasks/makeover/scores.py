"""How good a makeover is while it is trained: how like target faces the results are, and how little has moved."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.data.dataset import Dataset
from facesmith.data.filters import matches
from facesmith.data.source import metadata_table
from facesmith.tasks.makeover.domains import Sides


class Scorer:
    """Compares made faces with ``count`` held-out target faces of each direction.

    Raises `FacesmithError` where the packages of the extra ``metrics`` are missing.
    """

    def __init__(self, dataset: Dataset, sides: Sequence[Sides], count: int, device: Any) -> None:
        from facesmith.metrics.features import network

        self._eye = network(device=device)
        self._wanted = [self._eye(np.asarray(dataset.images[one.held_targets[:count]])) for one in sides]

    def score(self, before: NDArray[np.uint8], after: NDArray[np.uint8], direction: int) -> dict[str, float]:
        """``kid`` of made faces ``after`` (uint8, N x H x W x 3) to the target faces of a direction, and ``moved``.

        The latter is the mean absolute change of a pixel, as a share of the way from black to white.
        """
        from facesmith.metrics.kid import discrepancy

        moved = np.abs(after.astype(np.int16) - before).mean() / 255
        return {"kid": discrepancy(self._wanted[direction], self._eye(after)), "moved": float(moved)}


def called(target: str, attributes: Sequence[str], probabilities: NDArray[np.float32]) -> float:
    """The share of faces that are ``target``, an attribute expression, by a judge's probabilities (N x A).

    Raises `FacesmithError` for an expression about more than these attributes.
    """
    import pyarrow as pa

    columns = {name: pa.array(probabilities[:, place] > 0.5) for place, name in enumerate(attributes)}
    return float(matches(metadata_table([""] * len(probabilities), attributes=columns), target).mean())
