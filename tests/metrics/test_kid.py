import numpy as np
import pytest

from facesmith.metrics.kid import discrepancy, kid, subset_size


def test_kid_of_four_points_equals_a_hand_computed_value() -> None:
    # k(0, 1) = 1 within a; k(2, 3) = 7³ within b; across 1, 1, 3³ and 4³, whose mean counts twice.
    a, b = np.array([[0.0], [1.0]], np.float32), np.array([[2.0], [3.0]], np.float32)
    assert discrepancy(a, b) == pytest.approx(1 + 343 - 2 * (1 + 1 + 27 + 64) / 4)


def test_the_estimate_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    distance = [discrepancy(*rng.standard_normal((2, 10, 4)).astype(np.float32)) for _ in range(1000)]
    error = np.std(distance) / np.sqrt(len(distance))
    assert abs(np.mean(distance)) < 3 * error
    assert min(distance) < 0 < max(distance)


def test_kid_is_zero_for_equal_distributions_and_grows() -> None:
    rng = np.random.default_rng(0)
    real, like = rng.standard_normal((2, 400, 8)).astype(np.float32)
    (same, spread), (near, _), (far, _) = (kid(real, like + shift) for shift in (0.0, 0.3, 0.6))
    assert spread > 0
    assert abs(same) < 3 * spread
    assert 3 * spread < near < far
    assert kid(real, like) == (same, spread)
    assert kid(real, like, seed=1) != (same, spread)


def test_kid_subsets_are_smaller_than_the_set() -> None:
    assert [subset_size(count) for count in (8, 1000, 2000, 50_000)] == [4, 500, 1000, 1000]
