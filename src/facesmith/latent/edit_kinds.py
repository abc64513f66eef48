"""Which kind of edit is better for an attribute that is an input of the generator: its label, or a direction."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from facesmith.arrays import Booleans, Floats
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
            has_attribute = before[:, classifier.attributes.index(name)] >= 0.5

            def measure(kind: str, strength: float, name: str = name, has_it: Booleans = has_attribute) -> Effect:
                edited = [directions.apply(z[has_it], {name: -strength}, kind)]
                edited += [directions.apply(z[~has_it], {name: strength}, kind)]
                after = classifier.label(model.generate(np.concatenate(edited)))
                return _compare(np.concatenate([before[has_it], before[~has_it]]), after, classifier.attributes, name)

            by_label = measure(LABEL, 1.0)
            effects = (measure(DEFAULT_KIND, strength) for strength in STRENGTHS)
            equal = next((effect for effect in effects if effect.hits >= by_label.hits), None)
            is_less = equal is None or equal.drift >= by_label.drift
            kinds[name] = LABEL if by_label.hits >= MIN_HITS and is_less else DEFAULT_KIND
            bar.update()
    return kinds


class Effect(NamedTuple):
    """What an edit does: the share of faces whose attribute has changed, and by how much the others changed."""

    hits: float
    drift: float  # mean absolute change of the probabilities


def _compare(before: Floats, after: Floats, attributes: Sequence[str], name: str) -> Effect:
    column = attributes.index(name)
    hits = (after[:, column] >= 0.5) != (before[:, column] >= 0.5)
    return Effect(float(hits.mean()), float(np.abs(np.delete(after - before, column, axis=1)).mean()))
