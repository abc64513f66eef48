"""Compute moves from class statistics: mean differences, boundary normals, and moves orthogonal to other attributes."""

from collections.abc import Sequence

import numpy as np

from facesmith.arrays import Doubles
from facesmith.errors import FacesmithError
from facesmith.latent.class_statistics import ClassStatistics

# The cost of a squared step in the log-odds of another attribute, relative to a squared step of the latent. Without it
# a move also changes whatever often occurs with its attribute; with a high cost a move leads far away from faces.
DAMPING = 0.05

# A normal with less than this share of its length outside the span of the others is not independent of them.
MIN_INDEPENDENT_SHARE = 0.01


def solve_moves(
    statistics: ClassStatistics, names: Sequence[str], orthogonal_to: Sequence[str] = ()
) -> tuple[dict[str, Doubles], Doubles]:
    """Return the moves of every kind (A x d each) and the normals (A x d), scaled so that move · normal = 1.

    ``mean``: from the mean latent without to the mean with, as in Larsen et al., arXiv:1512.09300. ``boundary``: along
    the normal of the linear boundary, the shortest move that changes the score by 1, as in InterFaceGAN (Shen et al.,
    arXiv:1907.10786). ``orthogonal``: see `damped_move`, or `projected_move` if ``orthogonal_to`` names attributes.
    Raises `FacesmithError` for an attribute that depends on these.
    """
    without, with_it = statistics.means()
    gaps, weights = with_it - without, statistics.weights()
    normals = weights / (weights * gaps).sum(1, keepdims=True)
    orthogonal = np.empty_like(normals)
    for row, name in enumerate(names):
        others = [names.index(other) for other in orthogonal_to if other != name]
        move = projected_move(normals, row, others) if others else damped_move(normals, weights, row)
        if move is None:
            raise FacesmithError(
                f"no direction changes {name} without changing {', '.join(names[other] for other in others)}: "
                "pass fewer attributes to --orthogonal-to"
            )
        orthogonal[row] = move
    boundary = normals / (normals**2).sum(1, keepdims=True)
    return {"mean": gaps, "boundary": boundary, "orthogonal": orthogonal}, normals


def damped_move(normals: Doubles, weights: Doubles, row: int) -> Doubles:
    """Return the move v (d) of score 1 for attribute ``row`` that minimizes |v|² + `DAMPING` · Σ (w_b · v)².

    The sum is over the other attributes b with log-odds w_b · z: their change is penalised, not forbidden as in
    `projected_move`. With dozens of attributes, a move that changes none of the others does not exist or leads far away
    from faces. Attributes that the latents hardly determine have small weights and matter little, and attributes that
    mean the same may change together.
    """
    others = np.delete(weights, row, 0)
    metric = np.eye(normals.shape[1]) + DAMPING * others.T @ others
    move = np.linalg.solve(metric, normals[row])
    return np.asarray(move / (normals[row] @ move))


def projected_move(normals: Doubles, row: int, others: Sequence[int]) -> Doubles | None:
    """Return the shortest move (d) of score 1 for attribute ``row`` that changes the score of none of ``others``.

    InterFaceGAN's conditional manipulation: the normal minus its projection on the span of the others' normals. Return
    None if the normal is in that span.
    """
    units = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    span, lengths, _ = np.linalg.svd(units[list(others)].T, full_matrices=False)
    span = span[:, lengths > 1e-6]  # the others may be linearly dependent
    residual = units[row] - span @ (span.T @ units[row])
    return (
        np.asarray(residual / (normals[row] @ residual)) if np.linalg.norm(residual) >= MIN_INDEPENDENT_SHARE else None
    )
