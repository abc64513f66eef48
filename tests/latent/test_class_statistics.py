import numpy as np
import pytest

from facesmith.latent.class_statistics import ClassStatistics


@pytest.fixture
def faces() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((500, 6)).astype(np.float32)
    labels = (z @ rng.standard_normal((6, 3)) > 0.5).astype(np.float32)
    labels[rng.random(labels.shape) < 0.1] = np.nan
    return z, labels


def test_sums_over_blocks_are_means_over_faces(faces: tuple[np.ndarray, np.ndarray]) -> None:
    z, labels = faces
    moments = ClassStatistics(6, 3)
    for start in range(0, 500, 64):
        moments.add(z[start : start + 64], labels[start : start + 64])
    without, with_it = moments.means()
    for row in range(3):
        assert np.allclose(with_it[row], z[labels[:, row] == 1].mean(0), atol=1e-6)
        assert np.allclose(without[row], z[labels[:, row] == 0].mean(0), atol=1e-6)
    assert np.allclose(moments.rates(), np.nanmean(labels, 0))
    assert moments.has_examples(10).tolist() == [True] * 3
    least = int(min((labels == 1).sum(0).min(), (labels == 0).sum(0).min()))
    assert moments.has_examples(least).all()
    assert not moments.has_examples(least + 1).all()


def test_a_probability_counts_on_both_sides(faces: tuple[np.ndarray, np.ndarray]) -> None:
    """A face labelled 0.25 is a quarter of a face with and three quarters of one without."""
    z, _ = faces
    soft, hard = ClassStatistics(6, 1), ClassStatistics(6, 1)
    soft.add(z, np.full((500, 1), 0.25, np.float32))
    for label in (1, 0, 0, 0):
        hard.add(z, np.full((500, 1), label, np.float32))
    assert np.allclose(soft.means(), hard.means())
    assert soft.rates() == hard.rates() == 0.25


def test_the_weights_are_those_of_log_odds() -> None:
    """Two Gaussian classes of one covariance: their log-odds are linear, and known exactly."""
    rng = np.random.default_rng(1)
    mix = rng.standard_normal((4, 4))
    gap = np.array([1.0, -0.5, 0, 2])
    has = rng.random(40_000) < 0.2
    z = (rng.standard_normal((40_000, 4)) + 0.0) @ mix.T + has[:, None] * gap
    moments = ClassStatistics(4, 1)
    moments.add(z.astype(np.float32), has[:, None].astype(np.float32))
    exact = np.linalg.solve(mix @ mix.T, gap)
    found = moments.weights()[0]
    assert np.linalg.norm(found - exact) < 0.1 * np.linalg.norm(exact)
    assert found @ exact / np.linalg.norm(found) / np.linalg.norm(exact) > 0.995


def test_some_attributes_alone_keep_their_sums(faces: tuple[np.ndarray, np.ndarray]) -> None:
    z, labels = faces
    moments = ClassStatistics(6, 3)
    moments.add(z, labels)
    some = moments.select(np.array([True, False, True]))
    assert np.array_equal(some.weights(), moments.weights()[[0, 2]])
    assert moments.rates().shape == (3,)
