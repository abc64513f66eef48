"""Nearest neighbours in feature space, a block of distances at a time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK, CHUNK = 512, 8192  # queries and points whose distances are in memory together: 32 MB of them

Features = NDArray[np.float32]


def nearest(queries: Features, points: Features, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances to the ``k`` nearest points of each query, nearest first, and which they are: both N x k."""
    best, which = np.full((len(queries), k), np.inf), np.zeros((len(queries), k), np.int64)
    for start in range(0, len(points), CHUNK):
        for rows, block in squared_distances(queries, points[start : start + CHUNK]):
            candidates = np.concatenate([best[rows], block], axis=1)
            found = np.argpartition(candidates, k - 1, axis=1)[:, :k]
            best[rows] = np.take_along_axis(candidates, found, 1)
            earlier = np.take_along_axis(which[rows], found.clip(max=k - 1), 1)
            which[rows] = np.where(found < k, earlier, found - k + start)
    order = best.argsort(axis=1, kind="stable")
    return np.sqrt(np.take_along_axis(best, order, 1)), np.take_along_axis(which, order, 1)


def squared_distances(queries: Features, points: Features) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """(rows, distances of those queries to every point, squared), a block at a time."""
    middle = points.mean(0, dtype=np.float64)  # smaller numbers lose less when their squares are subtracted
    to = points - middle
    lengths = np.einsum("nd,nd->n", to, to)
    for start in range(0, len(queries), BLOCK):
        some = queries[start : start + BLOCK] - middle
        block = np.einsum("nd,nd->n", some, some)[:, None] + lengths - 2 * (some @ to.T)
        yield slice(start, start + len(some)), block.clip(0)
