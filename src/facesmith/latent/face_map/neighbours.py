"""The nearest neighbours that a map's page shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesmith.metrics.neighbours import nearest

SHOWN = 12
AROUND = 7  # of which the median is a photo's place on a map


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Rows of the nearest points, nearest first: ``points`` N x 12 (never itself), ``photos`` P x 12."""

    points: NDArray[np.int64]
    photos: NDArray[np.int64]


def neighbours(points: NDArray[np.float32], photos: NDArray[np.float32]) -> Neighbours:
    """Of each of N points and P photos (N x D, P x D) the 12 points nearest by Euclidean distance."""
    _, rows = nearest(points, points, SHOWN + 1)
    # A point is its own nearest but among exact copies; the stable sort moves it last, where it is cut off.
    order = (rows == np.arange(len(points))[:, None]).argsort(axis=1, kind="stable")
    others = np.take_along_axis(rows, order, 1)[:, :SHOWN]
    return Neighbours(others, nearest(photos, points, SHOWN)[1])
