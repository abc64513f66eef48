"""Score a model during training: the real features are computed once, so that each score takes seconds."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from facesmith.arrays import Images
from facesmith.data.dataset import Dataset
from facesmith.metrics.features import DEFAULT, network
from facesmith.metrics.fid import frechet_distance, gaussian, relative_spread
from facesmith.metrics.kid import discrepancy, kid
from facesmith.metrics.reference import reference

if TYPE_CHECKING:
    import torch

SPREAD_SUBSETS = 10
BLOCK = 32  # faces generated at once: a generator needs more memory per face than a feature network

Draw = Callable[[int, int], Images]


class Scorer:
    """Score generated faces against ``count`` images of a dataset, or all if it has fewer.

    ``device`` defaults to a CUDA GPU if there is one. Raises `FacesmithError` if the packages of the ``metrics`` extra
    are missing.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        count: int = 1000,
        seed: int = 0,
        device: "torch.device | None" = None,
        features: str = DEFAULT,
    ) -> None:
        self._network = network(features, device)
        self._real = reference(dataset, self._network, count=count, seed=seed, quiet=True).features
        self._gaussian = gaussian(self._real)
        self.count = len(self._real)

    def score(self, draw: Draw) -> dict[str, float]:
        """Return FID, KID and diversity of as many generated faces.

        KID is computed over all images at once, the estimate with the least variance; its spread is that of a few
        subsets. ``draw(start, count)`` returns generated faces ``start`` to ``start + count`` as uint8, N x H x W x 3.
        It is called in order, always with the same blocks.
        """
        blocks = [self._network(draw(start, min(BLOCK, self.count - start))) for start in range(0, self.count, BLOCK)]
        generated = np.concatenate(blocks)
        fitted_gaussian = gaussian(generated)
        return {
            "fid": frechet_distance(self._gaussian, fitted_gaussian),
            "kid": discrepancy(self._real, generated),
            "kid_spread": kid(self._real, generated, subsets=SPREAD_SUBSETS)[1],
            "diversity": relative_spread(fitted_gaussian, self._gaussian),
        }
