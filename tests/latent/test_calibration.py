import numpy as np
import pytest

from facesmith.latent.calibration import balanced_accuracy, fit_curve
from facesmith.models.base import logistic


def test_fit_curve_recovers_a_known_curve() -> None:
    rng = np.random.default_rng(0)
    scores = rng.standard_normal(40_000) * 2
    labels = (rng.random(40_000) < logistic(1.7 * scores - 2.3)).astype(float)
    assert fit_curve(scores, labels) == pytest.approx((1.7, -2.3), rel=0.05)
    assert fit_curve(scores, logistic(1.7 * scores - 2.3)) == pytest.approx((1.7, -2.3), rel=0.01), "soft labels too"


def test_the_mean_probability_equals_the_mean_target() -> None:
    """At the optimum the mean probability is the mean target: the gradient of the intercept is zero."""
    rng = np.random.default_rng(1)
    scores = rng.standard_normal(300)
    labels = (scores + rng.standard_normal(300) > 1).astype(float)
    slope, intercept = fit_curve(scores, labels)
    has = labels.sum()
    mean_target = (has * (has + 1) / (has + 2) + (300 - has) / (302 - has)) / 300
    assert logistic(slope * scores + intercept).mean() == pytest.approx(mean_target, abs=1e-5)


def test_separable_classes_keep_a_finite_slope() -> None:
    scores = np.concatenate([np.linspace(-2, -1, 50), np.linspace(1, 2, 50)]) * 100
    slope, intercept = fit_curve(scores, (scores > 0).astype(float))
    assert 0 < slope < 1
    assert logistic(np.array(slope * 150 + intercept)) == pytest.approx(51 / 52, abs=0.01)


def test_an_attribute_without_examples_is_improbable() -> None:
    slope, intercept = fit_curve(np.linspace(-3, 3, 98), np.zeros(98))
    assert logistic(slope * np.array([-3.0, 3]) + intercept) == pytest.approx([0.01, 0.01], abs=1e-4)
    assert np.isfinite(fit_curve(np.zeros(10), np.ones(10))).all(), "nor do scores that are all the same break it"


def test_balanced_accuracy_ignores_the_class_sizes() -> None:
    scores, labels = np.array([1.0, -1, 1] + [-1.0] * 97), np.array([1.0, 1, 0] + [0.0] * 97)
    assert balanced_accuracy(scores, labels) == pytest.approx((0.5 + 97 / 98) / 2)
    assert balanced_accuracy(scores, np.zeros(100)) is None


def test_logistic_does_not_overflow() -> None:
    assert logistic(np.array([-1e4, 0, 1e4])).tolist() == [0, 0.5, 1]
