"""Find nearest neighbours in feature space, one block of distances at a time."""

from collections.abc import Iterator

import numpy as np

from facesmith.arrays import Doubles, Floats, Integers

QUERY_BLOCK, POINT_BLOCK = 512, 8192  # their distances are in memory together: 32 MB


def nearest(queries: Floats, points: Floats, k: int) -> tuple[Doubles, Integers]:
    """Return the distances to the ``k`` nearest points of each query, nearest first, and their rows: both N x k."""
    nearest_squared, rows = np.full((len(queries), k), np.inf), np.zeros((len(queries), k), np.int64)
    for start in range(0, len(points), POINT_BLOCK):
        for part, block in squared_distances(queries, points[start : start + POINT_BLOCK]):
            candidates = np.concatenate([nearest_squared[part], block], axis=1)
            columns = np.argpartition(candidates, k - 1, axis=1)[:, :k]
            nearest_squared[part] = np.take_along_axis(candidates, columns, 1)
            previous_rows = np.take_along_axis(rows[part], columns.clip(max=k - 1), 1)
            rows[part] = np.where(columns < k, previous_rows, columns - k + start)
    order = nearest_squared.argsort(axis=1, kind="stable")
    return np.sqrt(np.take_along_axis(nearest_squared, order, 1)), np.take_along_axis(rows, order, 1)


def squared_distances(queries: Floats, points: Floats) -> Iterator[tuple[slice, Doubles]]:
    """Yield blocks of (rows of the queries, their squared distances to every point)."""
    mean = points.mean(0, dtype=np.float64)  # centred values lose fewer digits when their squares are subtracted
    centred = points - mean
    lengths = np.einsum("nd,nd->n", centred, centred)
    for start in range(0, len(queries), QUERY_BLOCK):
        part = queries[start : start + QUERY_BLOCK] - mean
        block = np.einsum("nd,nd->n", part, part)[:, None] + lengths - 2 * (part @ centred.T)
        yield slice(start, start + len(part)), block.clip(0)
