"""Precision and recall: the share of generated images that look real, and of real images that can be generated.

Kynkäänniemi et al., arXiv:1904.06991: each set is approximated by the union of balls around its features that extend
to the third nearest feature of the set.
"""

import numpy as np

from facesmith.arrays import Doubles, Floats
from facesmith.metrics.neighbours import nearest, squared_distances

NEIGHBOURS = 3


def precision_recall(real: Floats, generated: Floats) -> tuple[float, float]:
    """Return the shares of generated features inside the real set, and of real ones inside the generated set."""
    real_radii, generated_radii = _squared_radii(real), _squared_radii(generated)
    inside, covered = np.zeros(len(generated), bool), np.zeros(len(real), bool)
    for rows, block in squared_distances(generated, real):
        inside[rows] = (block <= real_radii).any(axis=1)
        covered |= (block <= generated_radii[rows, None]).any(axis=0)
    return float(inside.mean()), float(covered.mean())


def _squared_radii(features: Floats) -> Doubles:
    """Return the squared distance of each image to the third nearest other image of its set."""
    distances, _ = nearest(features, features, NEIGHBOURS + 1)  # the nearest is the image itself
    return distances[:, NEIGHBOURS] ** 2
