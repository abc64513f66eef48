"""Whose turn it is: at which steps D learns. G learns at every step.

Written as one setting of a recipe:

* ``every``: D learns at every step
* ``ratio:k``: once in k steps, 1 <= k <= 1000, fractions allowed
* ``decay:start,factor,every``: once in k steps, where k begins at ``start``, is multiplied by ``factor`` each time
  another ``every`` thousand real pictures were shown, and is never below 1
* ``accuracy:threshold``: while D's running accuracy is under ``threshold``, 0.5 < threshold <= 1

The first three are functions of the step alone, so a run can be taken up anywhere. Nothing here imports torch.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    from torch import Tensor

Accuracy = TypeVar("Accuracy", float, "Tensor")

GUESSING = 0.5  # D's running accuracy before the first step
HALF_LIFE = 10  # steps: of 64 real and 64 fakes, enough to be known within a percent, soon enough to act upon
NEWEST: float = 1 - 0.5 ** (1 / HALF_LIFE)  # what the latest step counts for in the average
SLACK = 1e-6  # of a turn: sums of fractions that should be whole are taken as whole
MOST = 1000.0  # steps between two of D's: beyond this D is as good as frozen


@dataclass(frozen=True)
class Turns:
    """What a text says, parsed: D's turn comes once in ``ratio`` steps, or while D is below ``threshold``."""

    ratio: float = 1.0
    factor: float = 1.0
    every: float = math.inf  # thousand real pictures between two changes of the ratio
    threshold: float | None = None


def parse(text: str) -> Turns:
    """The turns that ``text`` describes; `FacesmithError` if it is none of the forms above, or out of range."""
    kind, _, rest = text.strip().partition(":")
    try:
        numbers = [float(number) for number in rest.split(",")] if rest else []
    except ValueError:
        numbers = [math.nan]
    if (kind, len(numbers)) not in {("every", 0), ("ratio", 1), ("decay", 3), ("accuracy", 1)} or not all(
        math.isfinite(number) for number in numbers
    ):
        raise FacesmithError(f"{text!r} is no way to take turns: write every, ratio:5, decay:5,0.8,100 or accuracy:0.8")
    if kind == "every":
        return Turns()
    if kind == "accuracy":
        if not 0.5 < numbers[0] <= 1:
            raise FacesmithError(f"{text!r}: D guesses at 0.5, so its threshold must be above that, and at most 1")
        return Turns(threshold=numbers[0])
    if not 1 <= numbers[0] <= MOST:
        raise FacesmithError(f"{text!r}: D can learn once in 1 to {MOST:g} steps, not in {numbers[0]:g}")
    if kind == "ratio":
        return Turns(numbers[0])
    if numbers[1] <= 0:
        raise FacesmithError(f"{text!r}: the factor must be above 0; under 1 D learns more and more, over 1 less")
    if numbers[2] < 0.1:
        raise FacesmithError(f"{text!r}: the ratio can change every 0.1 thousand pictures or more, not {numbers[2]:g}")
    return Turns(*numbers)


def discriminator_learns(turns: Turns, step: int, batch_size: int, accuracy: float = GUESSING) -> bool:
    """Whether D learns at ``step`` (from 0) of a run that shows ``batch_size`` real pictures a step.

    ``accuracy`` is D's `running_accuracy` before the step; only ``accuracy:threshold`` looks at it. D's turns are
    spread evenly and the first step is one of them.
    """
    if turns.threshold is not None:
        return accuracy < turns.threshold
    return _taken(turns, step + 1, batch_size) > _taken(turns, step, batch_size)


def running_accuracy(previous: Accuracy, now: Accuracy) -> Accuracy:
    """The exponential average of D's accuracy over real and fake pictures, with a half-life of `HALF_LIFE` steps.

    It starts from `GUESSING`, and goes on at steps where D is only asked. Scalars on a device are welcome.
    """
    return previous + (now - previous) * NEWEST


def _taken(turns: Turns, steps: int, batch_size: int) -> int:
    """How many of the first ``steps`` steps are D's: the sum of 1 / ratio over them, rounded up."""
    interval = turns.every * 1000 / batch_size  # steps, not always whole
    total, done, ratio, changes = 0.0, 0, turns.ratio, 0
    while done < steps:
        if ratio <= 1 and turns.factor <= 1:  # from here on D learns at every step
            return math.ceil(total - SLACK) + steps - done
        changes += 1
        end = math.ceil(min(steps, changes * interval))
        total += (end - done) / max(1.0, ratio)
        done, ratio = end, ratio * turns.factor
    return math.ceil(total - SLACK)
