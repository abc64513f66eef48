import numpy as np
import pytest

from facesmith.metrics.kid import discrepancy, kid, subset_size


def test_four_points_have_the_value_worked_out_by_hand() -> None:
    # k(0, 1) = 1 within a; k(2, 3) = 7³ within b; across 1, 1, 3³ and 4³, whose mean counts twice.
    a, b = np.array([[0.0], [1.0]], np.float32), np.array([[2.0], [3.0]], np.float32)
    assert discrepancy(a, b) == pytest.approx(1 + 343 - 2 * (1 + 1 + 27 + 64) / 4)


def test_the_estimate_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    found = [discrepancy(*rng.standard_normal((2, 10, 4)).astype(np.float32)) for _ in range(1000)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 3 * error
    assert min(found) < 0 < max(found)


def test_kid_is_nought_for_one_distribution_and_grows_with_the_distance() -> None:
    rng = np.random.default_rng(0)
    real, like = rng.standard_normal((2, 400, 8)).astype(np.float32)
    (same, spread), (near, _), (far, _) = (kid(real, like + shift) for shift in (0.0, 0.3, 0.6))
    assert spread > 0
    assert abs(same) < 3 * spread
    assert 3 * spread < near < far
    assert kid(real, like) == (same, spread)
    assert kid(real, like, seed=1) != (same, spread)


def test_subsets_are_never_the_whole_set() -> None:
    assert [subset_size(count) for count in (8, 1000, 2000, 50_000)] == [4, 500, 1000, 1000]
