"""Faces → what they have: attributes with calibrated probabilities."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.errors import FacesmithError
from facesmith.latent.faces import FaceSource, load_faces
from facesmith.models.model import Model, load

ORDERS = ("probability", "lift")


def describe(
    model: str | Path | Model,
    faces: Sequence[FaceSource],
    *,
    top: int = 5,
    by: str = "probability",
    face: str = "largest",
    aligned: bool = False,
    quiet: bool = False,
) -> list[dict[str, Any]]:
    """The ``top`` attributes of every face: its ``face`` (name) and ``attributes``, the first ones first.

    Of each attribute: ``name``; ``probability`` that the face has it; ``rate``, the share of all faces that have it;
    ``lift``, how many times as likely it is as among all faces; ``score``, where 0.5 is the average face with it and
    -0.5 the average face without; ``accuracy`` of the boundary on held-out faces, half of it on those with the
    attribute and half on those without (None where there were none): 0.5 is chance, so a probability from a boundary
    near it says little. ``by`` orders by "probability", or by "lift": what is special about a face.
    """
    source = model if isinstance(model, Model) else load(model, quiet=quiet)
    if by not in ORDERS:
        raise FacesmithError(f"attributes cannot be ordered by {by!r}: use {' or '.join(ORDERS)}")
    if top < 1:
        raise FacesmithError(f"top is {top}: ask for at least one attribute")
    directions = source.directions
    people = load_faces(source, faces, face=face, aligned=aligned, quiet=quiet)
    z = np.stack([one.z for one in people])
    probabilities, scores = directions.probabilities(z), directions.scores(z)
    lifts = probabilities / directions.rates
    order = np.argsort(-(probabilities if by == "probability" else lifts), axis=1, kind="stable")[:, :top]
    accuracy = directions.about["accuracy"]
    return [
        {
            "face": one.name,
            "attributes": [
                {
                    "name": directions.names[a],
                    "probability": float(probabilities[row, a]),
                    "rate": float(directions.rates[a]),
                    "lift": float(lifts[row, a]),
                    "score": float(scores[row, a]),
                    "accuracy": accuracy[directions.names[a]],
                }
                for a in order[row]
            ],
        }
        for row, one in enumerate(people)
    ]
