"""Scores while a model is being trained: the real side once, then a figure in seconds as often as is wanted."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facesmith.data.dataset import Dataset
from facesmith.metrics.features import DEFAULT, network
from facesmith.metrics.fid import frechet_distance, gaussian, relative_spread
from facesmith.metrics.kid import discrepancy, kid
from facesmith.metrics.reference import reference

if TYPE_CHECKING:
    import torch

SPREAD_SUBSETS = 10
BLOCK = 32  # faces drawn at once: a G takes more memory a face than a feature network does

Draw = Callable[[int, int], NDArray[np.uint8]]


class Scorer:
    """Scores generated faces against ``count`` pictures of a dataset (all of them where it has fewer).

    ``device`` defaults to a CUDA GPU where there is one. Raises `FacesmithError` where the packages of the extra
    ``metrics`` are missing.
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
        """FID, KID (over all pictures at once, the estimate that scatters least; its spread is that of a few subsets)
        and diversity of as many faces.

        ``draw(start, count)`` gives generated faces ``start`` to ``start + count`` as uint8, N x H x W x 3; it is asked
        for them in order, always in the same blocks.
        """
        blocks = [self._network(draw(start, min(BLOCK, self.count - start))) for start in range(0, self.count, BLOCK)]
        generated = np.concatenate(blocks)
        made = gaussian(generated)
        return {
            "fid": frechet_distance(self._gaussian, made),
            "kid": discrepancy(self._real, generated),
            "kid_spread": kid(self._real, generated, subsets=SPREAD_SUBSETS)[1],
            "diversity": relative_spread(made, self._gaussian),
        }
