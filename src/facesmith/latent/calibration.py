"""Calibrate scores: fit a logistic curve for each attribute to held-out faces."""

import numpy as np

from facesmith.arrays import Doubles
from facesmith.models.base import logistic

Curve = tuple[float, float]
MAX_STEPS, MAX_HALVINGS, TOLERANCE = 100, 30, 1e-10


def fit_curve(scores: Doubles, labels: Doubles) -> Curve:
    """Return slope and intercept of P(label) = logistic(slope · score + intercept), by maximum likelihood.

    ``labels`` (N) are 0, 1 or a probability. Platt's method ("Probabilistic outputs for support vector machines",
    1999): the target of n faces with the attribute is (n+1)/(n+2) instead of 1, so that separable classes keep a finite
    slope, and an attribute without faces keeps a small probability. Newton's method with step halving (Lin, Lin and
    Weng, 2007).
    """
    positive_count, negative_count = labels.sum(), (1 - labels).sum()
    targets = labels * (positive_count + 1) / (positive_count + 2) + (1 - labels) / (negative_count + 2)
    inputs = np.stack([scores, np.ones_like(scores)])
    mean = targets.mean()
    curve = np.array([0.0, np.log(mean / (1 - mean))])
    loss = _loss(curve, inputs, targets)
    for _ in range(MAX_STEPS):
        prediction = logistic(curve @ inputs)
        gradient = inputs @ (prediction - targets)
        hessian = (inputs * (prediction * (1 - prediction))) @ inputs.T + 1e-9 * np.eye(2)  # all scores may be equal
        step = np.linalg.solve(hessian, gradient)
        for halving in range(MAX_HALVINGS):
            new = curve - step * 0.5**halving
            new_loss = _loss(new, inputs, targets)
            if new_loss < loss:
                break
        else:
            break
        decrease, curve, loss = loss - new_loss, new, new_loss
        if decrease < TOLERANCE:
            break
    return float(curve[0]), float(curve[1])


def balanced_accuracy(scores: Doubles, labels: Doubles) -> float | None:
    """Return the mean accuracy of "score > 0" on the faces with the attribute and on those without; 0.5 is chance.

    None if one class is missing. Labels between 0 and 1 are rounded.
    """
    has = labels > 0.5
    if has.all() or not has.any():
        return None
    return float(((scores[has] > 0).mean() + (scores[~has] <= 0).mean()) / 2)


def _loss(curve: Doubles, inputs: Doubles, targets: Doubles) -> float:
    """Return the mean negative log-likelihood."""
    x = curve @ inputs
    return float((np.logaddexp(0, x) - targets * x).mean())
