"""The better kind of edit, on a model whose pictures are its inputs and whose classifier reads them exactly."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from facesmith.latent.edit_kinds import choose_kinds
from facesmith.models.directions import Directions

NAMES = ["Smiling", "Male"]
FLAT = np.zeros((2, 4), np.float32)


def directions(moves: Any, means: Any = None, labels: Any = None) -> Directions:
    kinds = {kind: np.asarray(moves, np.float32) for kind in ("mean", "boundary", "orthogonal")}
    if means is not None:
        kinds["mean"] = np.asarray(means, np.float32)
    labels = {"Smiling": 2, "Male": 3} if labels is None else labels
    return Directions(NAMES, kinds, FLAT, FLAT[:, 0], FLAT[:, :2], FLAT[:, 0], labels=labels)


@pytest.fixture
def model() -> Any:
    """A model that generates its latents; inputs are added to the first two axes, where a classifier reads them."""

    def latents(count: int, seed: int, start: int) -> np.ndarray:
        z = np.random.default_rng(seed).standard_normal((count, 4)).astype(np.float32)
        z[:, 2:] = 0
        return z

    return SimpleNamespace(latents=latents, generate=lambda z: z, card={})


def classifier(weights: Any) -> Any:
    return SimpleNamespace(attributes=NAMES, label=lambda z: 1 / (1 + np.exp(-z @ np.asarray(weights, float).T)))


@pytest.mark.parametrize(
    ("moves", "weights", "expected"),
    [
        # The label changes all faces, and nothing else; the direction of Male does not reach it.
        ([[9, 0, 0, 0], [0, 0, 0, 0]], [[1, 0, 9, 0], [0, 1, 0, 9]], {"Smiling": "label", "Male": "label"}),
        # The label of Smiling makes faces Male too, its direction does not.
        ([[9, 0, 0, 0], [0, 9, 0, 0]], [[1, 0, 9, 0], [0, 1, 9, 9]], {"Smiling": "orthogonal", "Male": "label"}),
        # The label of Male does nothing, and neither does its direction, whose strength can be raised.
        ([[9, 0, 0, 0], [0, 0, 0, 0]], [[1, 0, 9, 0], [0, 1, 0, 0]], {"Smiling": "label", "Male": "orthogonal"}),
    ],
)
def test_the_kind_that_changes_the_attribute_and_nothing_else_is_chosen(
    model: Any, moves: Any, weights: Any, expected: dict[str, str]
) -> None:
    assert choose_kinds(model, directions(moves), classifier(weights), seed=0, quiet=True) == expected


def test_the_means_are_chosen_where_the_default_direction_is_too_weak(model: Any) -> None:
    weak = directions([[0.01, 0, 0, 0], [0, 9, 0, 0]], means=[[9, 0, 0, 0], [0, 9, 0, 0]], labels={})
    found = choose_kinds(model, weak, classifier([[1, 0, 0, 0], [0, 1, 0, 0]]), seed=0, quiet=True)
    assert found == {"Smiling": "mean", "Male": "orthogonal"}
