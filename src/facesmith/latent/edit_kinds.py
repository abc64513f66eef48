"""Which kind of edit is better for an attribute: a direction, or its label if it is an input of the generator."""

from typing import NamedTuple

import numpy as np

from facesmith.arrays import Booleans, Floats, Latents
from facesmith.models.classifier import AttributeClassifier
from facesmith.models.directions import DEFAULT_KIND, FALLBACK_KIND, LABEL, Directions
from facesmith.models.model import Model
from facesmith.progress import progress

FACES = 128  # generated faces whose attribute is changed to its other value
MIN_HITS = 0.5  # share of the faces that the default direction, and the label, must change
STRENGTHS = (0.5, 1.0, 1.5, 2.0, 3.0)
START = 2**30  # index of the first face, beyond those that directions are fitted to


def choose_kinds(
    model: Model, directions: Directions, classifier: AttributeClassifier, seed: int, quiet: bool
) -> dict[str, str]:
    """Return the better kind for every attribute that the classifier knows.

    The direction is the difference of the means where the default changes fewer than half of the faces even at the
    greatest of `STRENGTHS`, and fewer than the means. The label is better than the direction if it changes at least
    half of the faces, and the direction changes fewer at any strength, or the probabilities of the other attributes
    more. Where the label changes few faces, the direction is better because its strength can be raised; a label has no
    more than its two values.
    """
    z = model.latents(FACES, seed, start=START)
    if "encoder" in model.card:  # most edits are of photos, whose latents come from the encoder
        z = model.encode(model.generate(z))
    before = classifier.label(model.generate(z))

    def effect(name: str, kind: str, strength: float) -> Effect:
        column = classifier.attributes.index(name)
        edited = _toggle(directions, z, before[:, column] >= 0.5, name, kind, strength)
        return _effect(before, classifier.label(model.generate(edited)), column)

    kinds = {}
    names = [name for name in directions.names if name in classifier.attributes]
    with progress(len(names), "attributes", shown=not quiet) as bar:
        for name in names:
            kinds[name] = DEFAULT_KIND
            strongest = effect(name, DEFAULT_KIND, STRENGTHS[-1])
            if strongest.hits < MIN_HITS and effect(name, FALLBACK_KIND, STRENGTHS[-1]).hits > strongest.hits:
                kinds[name] = FALLBACK_KIND
            if name in directions.labels:
                by_label = effect(name, LABEL, 1.0)
                by_direction = (effect(name, kinds[name], strength) for strength in STRENGTHS)
                equal = next((each for each in by_direction if each.hits >= by_label.hits), None)
                if by_label.hits >= MIN_HITS and (equal is None or equal.drift >= by_label.drift):
                    kinds[name] = LABEL
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
