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


def test_blockwise_statistics_equal_the_means(faces: tuple[np.ndarray, np.ndarray]) -> None:
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
    smallest = int(min((labels == 1).sum(0).min(), (labels == 0).sum(0).min()))
    assert moments.has_examples(smallest).all()
    assert not moments.has_examples(smallest + 1).all()


def test_a_probability_counts_on_both_sides(faces: tuple[np.ndarray, np.ndarray]) -> None:
    """A face labelled 0.25 is a quarter of a face with and three quarters of one without."""
    z, _ = faces
    soft, hard = ClassStatistics(6, 1), ClassStatistics(6, 1)
    soft.add(z, np.full((500, 1), 0.25, np.float32))
    for label in (1, 0, 0, 0):
        hard.add(z, np.full((500, 1), label, np.float32))
    assert np.allclose(soft.means(), hard.means())
    assert soft.rates() == hard.rates() == 0.25


def test_weights_equal_the_log_odds_of_gaussian_classes() -> None:
    """Two Gaussian classes of one covariance: their log-odds are linear, and known exactly."""
    rng = np.random.default_rng(1)
    mix = rng.standard_normal((4, 4))
    gap = np.array([1.0, -0.5, 0, 2])
    has = rng.random(40_000) < 0.2
    z = (rng.standard_normal((40_000, 4)) + 0.0) @ mix.T + has[:, None] * gap
    moments = ClassStatistics(4, 1)
    moments.add(z.astype(np.float32), has[:, None].astype(np.float32))
    exact = np.linalg.solve(mix @ mix.T, gap)
    weights = moments.weights()[0]
    assert np.linalg.norm(weights - exact) < 0.1 * np.linalg.norm(exact)
    assert weights @ exact / np.linalg.norm(weights) / np.linalg.norm(exact) > 0.995


def test_selected_attributes_keep_their_statistics(faces: tuple[np.ndarray, np.ndarray]) -> None:
    z, labels = faces
    moments = ClassStatistics(6, 3)
    moments.add(z, labels)
    selected = moments.select(np.array([True, False, True]))
    assert np.array_equal(selected.weights(), moments.weights()[[0, 2]])
    assert moments.rates().shape == (3,)
