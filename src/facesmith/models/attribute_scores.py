"""Attribute scores of generated faces, by the attribute directions of their model."""

from facesmith.arrays import Floats, Images, Latents
from facesmith.models.model import Model


def generated_scores(model: Model, z: Latents, images: Images | None = None) -> Floats:
    """Return the scores (N x A) of the faces that a model generates from ``z``; see `Directions.scores`.

    ``images`` are these faces, if they have been generated already. Directions that were fitted to encoded photos are
    applied to encoded faces: applied to ``z`` itself, they are right little more often than by chance.
    """
    directions = model.directions
    if directions.about.get("dataset"):
        z = model.encode(model.generate(z) if images is None else images)
    return directions.scores(z)
