"""From moments to moves: mean differences, boundary normals, and moves that leave other attributes where they are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.latent.class_statistics import Moments

Matrix = NDArray[np.float64]

# What one step in log-odds of another attribute costs, squared, against one step of the latent, squared. Without it a
# move takes along whatever often comes with its attribute; with much of it a move leads far from where faces are.
DAMPING = 0.05

# A normal of which less than this share of its length is left beside the others' says nothing they do not say.
LEFT = 0.01


def moves(moments: Moments, names: Sequence[str], away_from: Sequence[str] = ()) -> tuple[dict[str, Matrix], Matrix]:
    """The moves of every kind (A x d each) and the normals (A x d) in the unit of `Directions`: move · normal = 1.

    ``mean``: from the mean latent without to the mean with, as in Larsen et al., arXiv:1512.09300. ``boundary``: along
    the normal of the linear boundary, the shortest move that changes the score by 1, as in InterFaceGAN (Shen et al.,
    arXiv:1907.10786). ``orthogonal``: see `undisturbed`, or `projected` where ``away_from`` names the attributes to
    leave alone. Raises `FacesmithError` for an attribute that cannot be told from these.
    """
    without, with_it = moments.means()
    gaps, weights = with_it - without, moments.weights()
    normals = weights / (weights * gaps).sum(1, keepdims=True)
    aside = np.empty_like(normals)
    for row, name in enumerate(names):
        others = [names.index(other) for other in away_from if other != name]
        move = projected(normals, row, others) if others else undisturbed(normals, weights, row)
        if move is None:
            raise FacesmithError(
                f"no direction changes {name} and leaves {', '.join(names[other] for other in others)} alone: "
                "name fewer attributes to leave alone"
            )
        aside[row] = move
    return {"mean": gaps, "boundary": normals / (normals**2).sum(1, keepdims=True), "orthogonal": aside}, normals


def undisturbed(normals: Matrix, weights: Matrix, row: int) -> Matrix:
    """The move v (d) of score 1 for attribute ``row`` that is short and leaves the log-odds of all others alone.

    It makes |v|² + `DAMPING` · Σ (w_b · v)² least, over the other attributes b with log-odds w_b · z. This is the
    projection of `projected` with a price in place of a ban: dozens of attributes leave no direction free of all of
    them, or one so long that it leads away from faces; attributes that the latents hardly tell, whose weights are
    small, weigh little; and those that are wholly another's words for the same thing may move with it.
    """
    others = np.delete(weights, row, 0)
    metric = np.eye(normals.shape[1]) + DAMPING * others.T @ others
    move = np.linalg.solve(metric, normals[row])
    return np.asarray(move / (normals[row] @ move))


def projected(normals: Matrix, row: int, others: Sequence[int]) -> Matrix | None:
    """The shortest move (d) of score 1 for attribute ``row`` that moves the score of none of ``others``.

    InterFaceGAN's conditional manipulation: the normal less its projection on the space of the others' normals.
    None where next to nothing is left of it.
    """
    units = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    span, lengths, _ = np.linalg.svd(units[list(others)].T, full_matrices=False)
    span = span[:, lengths > 1e-6]  # others may say the same thing twice
    left = units[row] - span @ (span.T @ units[row])
    return np.asarray(left / (normals[row] @ left)) if np.linalg.norm(left) >= LEFT else None
