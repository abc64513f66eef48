"""From scores to probabilities: a logistic curve for each attribute, fitted to faces that made no boundary."""

import numpy as np
from numpy.typing import NDArray

Curve = tuple[float, float]
ROUNDS, HALVINGS, ENOUGH = 100, 30, 1e-10


def logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + e^-x), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def fit_curve(scores: NDArray[np.float64], labels: NDArray[np.float64]) -> Curve:
    """Slope and intercept of P(label) = logistic(slope · score + intercept), by maximum likelihood.

    ``labels`` (N) are 0, 1 or a probability. Platt's method ("Probabilistic outputs for support vector machines",
    1999): n faces with the attribute are told as (n+1)/(n+2) and not as 1, so that classes which a line separates keep
    a finite slope, and an attribute that no face here has keeps a small probability. Newton's steps, halved while they
    lead up (Lin, Lin and Weng, 2007).
    """
    has, has_not = labels.sum(), (1 - labels).sum()
    targets = labels * (has + 1) / (has + 2) + (1 - labels) / (has_not + 2)
    inputs = np.stack([scores, np.ones_like(scores)])
    mean = targets.mean()
    curve = np.array([0.0, np.log(mean / (1 - mean))])
    loss = _loss(curve, inputs, targets)
    for _ in range(ROUNDS):
        guess = logistic(curve @ inputs)
        gradient = inputs @ (guess - targets)
        hessian = (inputs * (guess * (1 - guess))) @ inputs.T + 1e-9 * np.eye(2)  # scores may all be the same
        step = np.linalg.solve(hessian, gradient)
        for halving in range(HALVINGS):
            new = curve - step * 0.5**halving
            new_loss = _loss(new, inputs, targets)
            if new_loss < loss:
                break
        else:
            break
        gained, curve, loss = loss - new_loss, new, new_loss
        if gained < ENOUGH:
            break
    return float(curve[0]), float(curve[1])


def balanced_accuracy(scores: NDArray[np.float64], labels: NDArray[np.float64]) -> float | None:
    """The mean of how many of the faces with the attribute score above 0 and of how many without do not; 0.5 is chance.

    None where one kind is missing. Labels between 0 and 1 are rounded.
    """
    has = labels > 0.5
    if has.all() or not has.any():
        return None
    return float(((scores[has] > 0).mean() + (scores[~has] <= 0).mean()) / 2)


def _loss(curve: NDArray[np.float64], inputs: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    """The mean of minus the log of the likelihood."""
    x = curve @ inputs
    return float((np.logaddexp(0, x) - targets * x).mean())
