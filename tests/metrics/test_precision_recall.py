import numpy as np
import pytest

from facesmith.metrics import neighbours
from facesmith.metrics.precision_recall import precision_recall

RNG = np.random.default_rng(0)


def _clusters(count: int) -> np.ndarray:
    """Ten points around each of ``count`` centres that lie far apart."""
    return (
        (RNG.standard_normal((count, 10, 4)) + 1000 * np.arange(count)[:, None, None]).reshape(-1, 4).astype(np.float32)
    )


def test_identical_disjoint_and_collapsed_sets() -> None:
    real = RNG.standard_normal((100, 5)).astype(np.float32)
    assert precision_recall(real, real) == (1, 1)
    assert precision_recall(real, real + 1000) == (0, 0)
    assert precision_recall(real, np.repeat(real[:1], 50, axis=0)) == (1, 0.01), "one real face over and over"


def test_half_of_the_modes_gives_a_recall_of_one_half() -> None:
    real = _clusters(6)
    precision, recall = precision_recall(real, real[:30] + np.float32(0.01))
    assert (precision, recall) == (1, 0.5)
    precision, recall = precision_recall(real[:30], real + np.float32(0.01))
    assert (precision, recall) == (0.5, 1)


def test_the_third_neighbour_sets_the_radius() -> None:
    real = np.array([[0.0], [1.0], [2.0], [4.0], [100.0], [101.0], [102.0], [104.0]], np.float32)
    # The ball around 4 reaches to 0, those around 0, 1 and 2 to 4, 4 and 4: 0 ± 4, 1 ± 3, 2 ± 2, 4 ± 4.
    inside, outside = np.array([[7.9], [-3.9]], np.float32), np.array([[8.1], [-4.1]], np.float32)
    assert precision_recall(real, np.concatenate([inside, outside]))[0] == 0.5


def test_blockwise_neighbours_equal_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "QUERY_BLOCK", 16)
    monkeypatch.setattr(neighbours, "POINT_BLOCK", 9)
    queries = RNG.standard_normal((37, 3)).astype(np.float32)
    points = RNG.standard_normal((40, 3)).astype(np.float32)
    all_distances = np.sqrt(((queries[:, None] - points[None]) ** 2).sum(-1))
    distances, rows = neighbours.nearest(queries, points, 4)
    assert np.allclose(distances, np.sort(all_distances, axis=1)[:, :4], atol=1e-5)
    assert np.array_equal(rows, all_distances.argsort(axis=1)[:, :4])
