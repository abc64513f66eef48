"""Which kind of edit is better for an attribute that is an input of the generator: its label, or a direction."""

from typing import NamedTuple

import numpy as np

from facesmith.arrays import Booleans, Floats, Latents
from facesmith.models.classifier import AttributeClassifier
from facesmith.models.directions import DEFAULT_KIND, LABEL, Directions
from facesmith.models.model import Model
from facesmith.progress import progress

FACES = 128  # generated faces whose attribute is changed to its other value
MIN_HITS = 0.5  # share of the faces that the label must change
STRENGTHS = (0.5, 1.0, 1.5, 2.0, 3.0)
START = 2**30  # index of the first face, beyond those that directions are fitted to


def choose_kinds(
    model: Model, directions: Directions, classifier: AttributeClassifier, seed: int, quiet: bool
) -> dict[str, str]:
    """Return the better kind for every attribute that is an input and that the classifier knows.

    It is the label if that changes the attribute of at least half of the faces, and the direction changes fewer at any
    of `STRENGTHS`, or the probabilities of the other attributes more. Where the label changes few faces, the direction
    is better because its strength can be raised; a label has no more than its two values.
    """
    z = model.latents(FACES, seed, start=START)
    if "encoder" in model.card:  # most edits are of photos, whose latents come from the encoder
        z = model.encode(model.generate(z))
    before = classifier.label(model.generate(z))
    names = [name for name in directions.labels if name in classifier.attributes]
    kinds = {}
    with progress(len(names), "attributes", shown=not quiet) as bar:
        for name in names:
            column = classifier.attributes.index(name)
            has_attribute = before[:, column] >= 0.5
            effects = []
            for kind, strength in ((LABEL, 1.0), *((DEFAULT_KIND, strength) for strength in STRENGTHS)):
                edited = _toggle(directions, z, has_attribute, name, kind, strength)
                effects.append(_effect(before, classifier.label(model.generate(edited)), column))
            by_label, *by_direction = effects
            equal = next((effect for effect in by_direction if effect.hits >= by_label.hits), None)
            is_less = equal is None or equal.drift >= by_label.drift
            kinds[name] = LABEL if by_label.hits >= MIN_HITS and is_less else DEFAULT_KIND
            bar.update()
    return kinds


class Effect(NamedTuple):
    """What an edit does: the share of faces whose attribute has changed, and by how much the others changed."""

    hits: float
    drift: float  # mean absolute change of the probabilities


def _toggle(
    directions: Directions, z: Latents, has_attribute: Booleans, name: str, kind: str, strength: float
) -> Latents:
    """Remove an attribute from the faces that have it, and add it to the others."""
    edited = z.copy()
    edited[has_attribute] = directions.apply(z[has_attribute], {name: -strength}, kind)
    edited[~has_attribute] = directions.apply(z[~has_attribute], {name: strength}, kind)
    return edited


def _effect(before: Floats, after: Floats, column: int) -> Effect:
    """Compare the probabilities (N x A) before and after an edit of the attribute of a column."""
    hits = (after[:, column] >= 0.5) != (before[:, column] >= 0.5)
    return Effect(float(hits.mean()), float(np.abs(np.delete(after - before, column, axis=1)).mean()))
