"""Describe faces: list their attributes with calibrated probabilities."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.errors import FacesmithError
from facesmith.latent.faces import FaceSource, load_faces
from facesmith.models.attribute_scores import generated_scores
from facesmith.models.model import Model, as_model

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
    """Return the ``top`` attributes of every face: its ``face`` (name) and ``attributes``, ordered by ``by``.

    Each attribute has its ``name``; the ``probability`` that the face has it; ``rate``, the share of all faces that
    have it; ``lift``, probability / rate; ``score``, which is 0.5 for the average face with it and -0.5 for the average
    face without; ``accuracy``, the balanced accuracy of the boundary on held-out faces (None if there were none). An
    accuracy of 0.5 is chance, and the probability then says little. ``by`` is "probability", or "lift" to list unusual
    attributes first.
    """
    source = as_model(model, quiet=quiet)
    if by not in ORDERS:
        raise FacesmithError(f"invalid order {by!r}: expected {' or '.join(ORDERS)}")
    if top < 1:
        raise FacesmithError(f"invalid top={top}: expected at least 1")
    directions = source.directions
    loaded = load_faces(source, faces, face=face, aligned=aligned, quiet=quiet)
    z, is_generated = np.stack([item.z for item in loaded]), np.array([item.is_generated for item in loaded])
    scores = directions.scores(z)  # the latents of photos are encoded already
    if is_generated.any():
        scores[is_generated] = generated_scores(source, z[is_generated])
    probabilities = directions.calibrate(scores)
    lifts = probabilities / directions.rates
    order = np.argsort(-(probabilities if by == "probability" else lifts), axis=1, kind="stable")[:, :top]
    accuracy = directions.about["accuracy"]
    return [
        {
            "face": item.name,
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
        for row, item in enumerate(loaded)
    ]
