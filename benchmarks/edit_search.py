"""Search for the strength at which edits have an equal hit rate, and the measures of an edit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import facesmith
from facesmith.arrays import Booleans, Floats, Images
from facesmith.latent.faces import generate_images

STEP = 0.05  # resolution of strengths
# Strengths in steps: tried in this order until the hit rate is reached, then bisected.
STRENGTHS = (5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 120, 160, 200, 240)
MIN_HIT_RATE = 0.3  # a kind with a lower best rate does not set the level for the others


@dataclass(frozen=True)
class Edit:
    """An attribute that is added (+1) to faces without it, or removed (-1) from faces with it."""

    attribute: str
    sign: int

    def __str__(self) -> str:
        return f"{self.attribute} {'+' if self.sign > 0 else '−'}"


@dataclass(frozen=True, eq=False)
class Contender:
    """Directions of one kind."""

    name: str
    directions: facesmith.Directions
    kind: str

    def apply(self, z: Floats, edit: Edit, steps: int) -> Floats:
        return self.directions.apply(z, {edit.attribute: edit.sign * steps * STEP}, self.kind)


@dataclass(frozen=True, eq=False)
class Editing:
    """A model, a classifier, and the latents that are edited with their probabilities before."""

    model: facesmith.Model
    classifier: facesmith.AttributeClassifier
    z: Floats
    before: Floats

    def edit(self, edit: Edit, contender: Contender, steps: int) -> tuple[Images, Floats]:
        """Return the edited faces and their probabilities."""
        faces = generate_images(self.model, contender.apply(self.z, edit, steps), quiet=True)
        return faces, self.classifier.label(faces)

    def hit_rate(self, edit: Edit, probabilities: Floats) -> float:
        """Return the share of faces in which the classifier sees the edit."""
        return float(1 - lacks(self.classifier, probabilities, edit).mean())

    def outcome(self, edit: Edit, contender: Contender, steps: int) -> tuple[dict[str, Any], Images]:
        """Return the measures of an edit of this strength, and its faces."""
        faces, after = self.edit(edit, contender, steps)
        drift = np.abs(after - self.before).mean(0)
        flips = (predictions(self.classifier, after) != predictions(self.classifier, self.before)).mean(0)
        others = [column for column, name in enumerate(self.classifier.attributes) if name != edit.attribute]
        return {
            "strength": round(steps * STEP, 2),
            "hit_rate": self.hit_rate(edit, after),
            "drift": float(drift[others].mean()),
            "flips": float(flips[others].mean()),
            "flips_of": {self.classifier.attributes[column]: float(flips[column]) for column in others},
        }, faces


def predictions(classifier: facesmith.AttributeClassifier, probabilities: Floats) -> Booleans:
    return np.asarray(probabilities >= classifier.thresholds)


def lacks(classifier: facesmith.AttributeClassifier, probabilities: Floats, edit: Edit) -> Booleans:
    """Return in which faces the classifier does not see what the edit aims at."""
    column = classifier.attributes.index(edit.attribute)
    return np.asarray(predictions(classifier, probabilities)[:, column] == (edit.sign < 0))


def find_strength(
    rate: Callable[[int], float], level: float, strengths: Sequence[int] = STRENGTHS
) -> tuple[int, float]:
    """Return the lowest strength at which the hit rate is ``level``, and the rate there.

    If none of ``strengths`` reaches it, the lowest of those with the highest rate.
    """
    low = 0
    for high in strengths:
        if rate(high) >= level:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if rate(middle) >= level else (middle, high)
            return high, rate(high)
        low = high
    best = max(strengths, key=rate)
    return best, rate(best)


def compare(
    editing: Editing, edit: Edit, contenders: Sequence[Contender], target: float, leading: int
) -> dict[str, tuple[dict[str, Any], Images]]:
    """Return the outcome and faces of each contender, by name, at the strength of an equal hit rate.

    The rate is ``target``, or the best rate of the weakest of the first ``leading`` contenders, if that is at least
    `MIN_HIT_RATE`. Contenders that do not reach it are measured at their best, with ``reached`` False.
    """

    def rates(contender: Contender) -> Callable[[int], float]:
        return cache(lambda steps: editing.hit_rate(edit, editing.edit(edit, contender, steps)[1]))

    rate_of = {contender.name: rates(contender) for contender in contenders}
    reachable = {name: find_strength(rate, target)[1] for name, rate in rate_of.items()}
    leaders = [reachable[contender.name] for contender in contenders[:leading]]
    level = min(target, *([rate for rate in leaders if rate >= MIN_HIT_RATE] or [max(leaders)]))
    results = {}
    for contender in contenders:
        steps, rate = find_strength(rate_of[contender.name], level)
        outcome, faces = editing.outcome(edit, contender, steps)
        reach = {"level": level, "reached": rate >= level > 0, "reachable": reachable[contender.name]}
        results[contender.name] = outcome | reach, faces
    return results
