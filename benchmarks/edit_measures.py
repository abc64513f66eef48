"""What the measurements of edits share: spreads, and edits carried to the same hit rate by a judge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import facesmith
from facesmith.latent.faces import generate_images
from facesmith.models.directions import Directions

STEP = 0.05  # what strengths are told apart by
# In steps: what is tried until the hit rate is reached, before the last one is halved down to a step.
TRIED = (5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 120, 160, 200, 240)
LEAST = 0.3  # a kind that hits less often than this at its best does not say where the others are measured

Pictures = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Edit:
    """One attribute, given (+1) to faces without it, or taken away (-1) from faces with it."""

    attribute: str
    sign: int

    def __str__(self) -> str:
        return f"{self.attribute} {'+' if self.sign > 0 else '−'}"


@dataclass(frozen=True, eq=False)
class Contender:
    """Directions of one kind."""

    name: str
    directions: Directions
    kind: str

    def moved(self, z: Floats, edit: Edit, steps: int) -> Floats:
        return self.directions.apply(z, {edit.attribute: edit.sign * steps * STEP}, self.kind)


@dataclass(frozen=True, eq=False)
class Bench:
    """A model, the judge of its faces, and the faces that are edited: latents, and what the judge says of them."""

    model: facesmith.Model
    judge: facesmith.AttributeClassifier
    z: Floats
    before: Floats

    def hit_rate(self, edit: Edit, said: Floats) -> float:
        """The share of faces of which the judge now says what the edit was to make it say."""
        column = self.judge.attributes.index(edit.attribute)
        return float((verdicts(self.judge, said)[:, column] == (edit.sign > 0)).mean())

    def rates(self, edit: Edit, contender: Contender) -> Callable[[int], float]:
        """The hit rate by strength in steps; none is measured twice."""

        @cache
        def rate(steps: int) -> float:
            made = generate_images(self.model, contender.moved(self.z, edit, steps), quiet=True)
            return self.hit_rate(edit, self.judge.label(made))

        return rate

    def outcome(self, edit: Edit, contender: Contender, steps: int) -> tuple[dict[str, Any], Pictures]:
        """What an edit of this strength does, and the faces it makes.

        ``drift`` is the mean absolute change of the judge's probability over all other attributes, ``flips`` the share
        of them of which the judge now says otherwise.
        """
        made = generate_images(self.model, contender.moved(self.z, edit, steps), quiet=True)
        said = self.judge.label(made)
        others = np.array([name != edit.attribute for name in self.judge.attributes])
        drifts = np.abs(said - self.before).mean(0)
        flipped = (verdicts(self.judge, said) != verdicts(self.judge, self.before)).mean(0)
        names = [name for name in self.judge.attributes if name != edit.attribute]
        return {
            "strength": round(steps * STEP, 2),
            "hit_rate": self.hit_rate(edit, said),
            "drift": float(drifts[others].mean()),
            "flips": float(flipped[others].mean()),
            "drift_of": {name: round(float(drift), 4) for name, drift in zip(names, drifts[others], strict=True)},
            "flips_of": {name: round(float(share), 4) for name, share in zip(names, flipped[others], strict=True)},
        }, made


def verdicts(judge: facesmith.AttributeClassifier, probabilities: Floats) -> NDArray[np.bool_]:
    """What the judge says at its thresholds: bool (N x A)."""
    return np.asarray(probabilities >= judge.thresholds)


def search(rate: Callable[[int], float], level: float, tried: Sequence[int] = TRIED) -> tuple[int, float]:
    """The least strength, in steps, at which the hit rate is ``level``, and the rate there.

    Where none of those ``tried`` has it, the weakest of those that come nearest.
    """
    low = 0
    for high in tried:
        if rate(high) >= level:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if rate(middle) >= level else (middle, high)
            return high, rate(high)
        low = high
    best = max(tried, key=rate)
    return best, rate(best)


def contest(
    bench: Bench, edit: Edit, contenders: Sequence[Contender], target: float, setting: int
) -> dict[str, tuple[dict[str, Any], Pictures]]:
    """What each contender does at the strength where all of them hit alike; by their names.

    That is ``target``, or what the weakest of the first ``setting`` contenders reaches at best, if that is at least
    `LEAST`. Those that do not reach it are measured at their best, and ``reached`` is False. ``reachable`` is the hit
    rate of each where it has ``target``, or at its best.
    """
    rates = {each.name: bench.rates(edit, each) for each in contenders}
    reachable = {each.name: search(rates[each.name], target)[1] for each in contenders}
    first = [reachable[each.name] for each in contenders[:setting]]
    level = min(target, *([rate for rate in first if rate >= LEAST] or [max(first)]))
    found = {}
    for each in contenders:
        steps, rate = search(rates[each.name], level)
        outcome, made = bench.outcome(edit, each, steps)
        about = {"level": level, "reached": rate >= level > 0, "reachable": reachable[each.name]}
        found[each.name] = outcome | about, made
    return found


def undone(judge: facesmith.AttributeClassifier, said: Floats, edit: Edit) -> NDArray[np.bool_]:
    """Of which faces the judge says that they lack what an edit gives, or have what it takes away."""
    return np.asarray(verdicts(judge, said)[:, judge.attributes.index(edit.attribute)] == (edit.sign < 0))


def spread(values: NDArray[Any]) -> dict[str, float]:
    """The mean, and between which values 95 % of them lie."""
    low, high = np.percentile(values, (2.5, 97.5))
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}
