"""The discriminator's schedule: the steps at which D learns. G learns at every step.

A schedule is one setting of a recipe:

* ``every``: D learns at every step
* ``ratio:k``: once in k steps, 1 <= k <= 1000, fractions allowed
* ``decay:start,factor,every``: once in k steps, where k starts at ``start``, is multiplied by ``factor`` after every
  ``every`` thousand real images, and is never below 1
* ``accuracy:threshold``: while D's running accuracy is under ``threshold``, 0.5 < threshold <= 1

The first three depend on the step only. Nothing here imports torch.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    from torch import Tensor

Accuracy = TypeVar("Accuracy", float, "Tensor")

CHANCE = 0.5  # accuracy of a D that guesses: D's running accuracy before the first step
HALF_LIFE = 10  # steps: long enough to measure a percent with batches of 64, short enough to react
NEWEST_WEIGHT: float = 1 - 0.5 ** (1 / HALF_LIFE)  # of the latest step in the running accuracy
TOLERANCE = 1e-6  # steps: sums of fractions that should be whole numbers are taken as whole
MAX_RATIO = 1000.0  # steps between two of D's: beyond this D is as good as frozen


@dataclass(frozen=True)
class DSchedule:
    """A parsed schedule: D learns once in ``ratio`` steps, or while its accuracy is below ``threshold``."""

    ratio: float = 1.0
    factor: float = 1.0
    every: float = math.inf  # thousand real images between two changes of the ratio
    threshold: float | None = None


def parse_d_schedule(text: str) -> DSchedule:
    """Return the schedule of ``text``. Raises `FacesmithError` for another form, or numbers out of range."""
    kind, _, rest = text.strip().partition(":")
    try:
        numbers = [float(number) for number in rest.split(",")] if rest else []
    except ValueError:
        numbers = [math.nan]
    if (kind, len(numbers)) not in {("every", 0), ("ratio", 1), ("decay", 3), ("accuracy", 1)} or not all(
        math.isfinite(number) for number in numbers
    ):
        raise FacesmithError(
            f"invalid d_schedule={text!r}: expected every, ratio:K, decay:START,FACTOR,EVERY or accuracy:THRESHOLD"
        )
    if kind == "every":
        return DSchedule()
    if kind == "accuracy":
        if not CHANCE < numbers[0] <= 1:
            raise FacesmithError(f"invalid d_schedule={text!r}: the threshold must be above 0.5 and at most 1")
        return DSchedule(threshold=numbers[0])
    if not 1 <= numbers[0] <= MAX_RATIO:
        raise FacesmithError(f"invalid d_schedule={text!r}: the ratio must be 1 to {MAX_RATIO:g}, not {numbers[0]:g}")
    if kind == "ratio":
        return DSchedule(numbers[0])
    if numbers[1] <= 0:
        raise FacesmithError(f"invalid d_schedule={text!r}: the factor must be above 0")
    if numbers[2] < 0.1:
        raise FacesmithError(f"invalid d_schedule={text!r}: the ratio can change every 0.1 kimg or more")
    return DSchedule(*numbers)


def d_learns(schedule: DSchedule, step: int, batch_size: int, accuracy: float = CHANCE) -> bool:
    """Return whether D learns at ``step`` (from 0) of a run with ``batch_size`` real images per step.

    ``accuracy`` is D's `running_accuracy` before the step, which only ``accuracy:threshold`` reads. D's steps are
    spread evenly, and the first step is one of them.
    """
    if schedule.threshold is not None:
        return accuracy < schedule.threshold
    return _d_steps(schedule, step + 1, batch_size) > _d_steps(schedule, step, batch_size)


def running_accuracy(previous: Accuracy, latest: Accuracy) -> Accuracy:
    """Return the exponential average of D's accuracy over real and generated images.

    Its half-life is `HALF_LIFE` steps, counting steps at which D does not learn. Takes floats or scalars on a device.
    """
    return previous + (latest - previous) * NEWEST_WEIGHT


def _d_steps(schedule: DSchedule, steps: int, batch_size: int) -> int:
    """Return how many of the first ``steps`` steps are D's: the sum of 1 / ratio over them, rounded up."""
    interval = schedule.every * 1000 / batch_size  # steps, not always whole
    total, done, ratio, changes = 0.0, 0, schedule.ratio, 0
    while done < steps:
        if ratio <= 1 and schedule.factor <= 1:  # from here on D learns at every step
            return math.ceil(total - TOLERANCE) + steps - done
        changes += 1
        end = math.ceil(min(steps, changes * interval))
        total += (end - done) / max(1.0, ratio)
        done, ratio = end, ratio * schedule.factor
    return math.ceil(total - TOLERANCE)
