import numpy as np
import pytest

from facesmith.arrays import Floats
from facesmith.metrics.fid import Gaussian, frechet_distance, gaussian, relative_spread


def test_axis_aligned_gaussians_match_the_formula() -> None:
    a = Gaussian(np.array([0.0, 3.0]), np.diag([2.0, 1.0]))
    b = Gaussian(np.array([1.0, 1.0]), np.diag([1.0, 3.0]))
    assert frechet_distance(a, b) == pytest.approx(1 + 4 + (2 - 1) ** 2 + (1 - 3) ** 2)
    assert frechet_distance(b, a) == pytest.approx(frechet_distance(a, b))


def test_rotated_gaussians_match_the_closed_form() -> None:
    a, b = np.array([[2.0, 0.8], [0.8, 1.0]]), np.array([[1.0, -0.5], [-0.5, 3.0]])
    cross = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    distance = frechet_distance(*(Gaussian(np.zeros(2), np.linalg.cholesky(x).T) for x in (a, b)))
    assert distance == pytest.approx(np.trace(a) + np.trace(b) - 2 * cross)


def test_a_set_smaller_than_the_features_has_distance_zero() -> None:
    features = np.random.default_rng(0).standard_normal((20, 50)).astype(np.float32)
    assert frechet_distance(gaussian(features), gaussian(features)) == pytest.approx(0, abs=1e-4)
    assert frechet_distance(gaussian(features), gaussian(features + 1)) == pytest.approx(50, rel=1e-4)


@pytest.mark.parametrize("count", [5, 200])
def test_the_factor_is_of_the_unbiased_covariance(count: int) -> None:
    features = np.random.default_rng(0).standard_normal((count, 12)).astype(np.float32)
    distance = gaussian(features)
    assert np.allclose(distance.mean, features.mean(0))
    assert np.allclose(distance.factor.T @ distance.factor, np.cov(features, rowvar=False))
    assert distance.factor.shape == (min(count, 12), 12)


def test_the_spread_is_the_ratio_of_pairwise_distances() -> None:
    rng = np.random.default_rng(1)
    real, generated = rng.standard_normal((40, 6)).astype(np.float32), rng.random((30, 6), np.float32)

    def pairwise(x: Floats) -> float:
        squares = ((x[:, None] - x[None]) ** 2).sum(-1)
        return float(np.sqrt(squares.sum() / (len(x) * (len(x) - 1))))

    distance = relative_spread(gaussian(generated), gaussian(real))
    assert distance == pytest.approx(pairwise(generated) / pairwise(real), rel=1e-4)
    assert relative_spread(gaussian(real * np.float32(0.5)), gaussian(real)) == pytest.approx(0.5)
    assert relative_spread(gaussian(np.ones((30, 6), np.float32)), gaussian(real)) == 0
