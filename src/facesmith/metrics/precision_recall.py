"""Precision and recall: how much of what is generated looks real, and how much of what is real can be generated.

Kynkäänniemi et al., arXiv:1904.06991: each set is taken as the union of the balls around its features that reach to the
third nearest of the same set.
"""

import numpy as np
from numpy.typing import NDArray

from facesmith.metrics.neighbours import Features, nearest, squared_distances

NEIGHBOURS = 3


def precision_recall(real: Features, generated: Features) -> tuple[float, float]:
    """(share of generated inside the real set, share of real inside the generated set), for sets of more than 3."""
    real_reach, generated_reach = _reach(real), _reach(generated)
    inside, reached = np.zeros(len(generated), bool), np.zeros(len(real), bool)
    for rows, block in squared_distances(generated, real):
        inside[rows] = (block <= real_reach).any(axis=1)
        reached |= (block <= generated_reach[rows, None]).any(axis=0)
    return float(inside.mean()), float(reached.mean())


def _reach(features: Features) -> NDArray[np.float64]:
    """The squared distance of each picture to the third nearest other one of its set."""
    distances, _ = nearest(features, features, NEIGHBOURS + 1)  # the nearest of all is the picture itself
    return distances[:, NEIGHBOURS] ** 2
