"""Scores of a makeover in training: how close the results are to target faces, and how much changes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from facesmith.arrays import Floats, Images
from facesmith.data.dataset import Dataset
from facesmith.data.filters import match_filter
from facesmith.data.source import metadata_table
from facesmith.tasks.makeover.domains import Domains


class Scorer:
    """Compares changed faces with ``count`` held-out target faces of each direction.

    Raises `FacesmithError` where the packages of the ``metrics`` extra are missing.
    """

    def __init__(self, dataset: Dataset, domains: Sequence[Domains], count: int, device: Any) -> None:
        from facesmith.metrics.features import network

        self._extract = network(device=device)
        self._targets = [self._extract(np.asarray(dataset.images[d.held_out_targets[:count]])) for d in domains]

    def score(self, before: Images, after: Images, direction: int) -> dict[str, float]:
        """Return ``kid`` of the faces ``after`` (uint8, N x H x W x 3) to a direction's target faces, and ``moved``.

        ``moved`` is the mean absolute change of a pixel, as a share of the range.
        """
        from facesmith.metrics.kid import discrepancy

        moved = np.abs(after.astype(np.int16) - before).mean() / 255
        return {"kid": discrepancy(self._targets[direction], self._extract(after)), "moved": float(moved)}


def target_share(target: str, attributes: Sequence[str], probabilities: Floats) -> float:
    """Return the share of faces that match an attribute expression, by a classifier's probabilities (N x A).

    Raises `FacesmithError` for an expression with other attributes.
    """
    import pyarrow as pa

    columns = {name: pa.array(probabilities[:, index] > 0.5) for index, name in enumerate(attributes)}
    return float(match_filter(metadata_table([""] * len(probabilities), attributes=columns), target).mean())
