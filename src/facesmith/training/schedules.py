"""Schedules: settings that change during a run, and the steps at which D learns.

They depend on the images seen and not on the clock, so a resumed run trains in the same way. Only a schedule with
``anneal_fraction``, and a warm-up, depend on the length of the run; a run that is made longer anneals again at its new
end. Nothing here imports torch.

The schedule of D is one setting of a recipe; G learns at every step:

* ``every``: D learns at every step
* ``ratio:k``: once in k steps, 1 <= k <= 1000, fractions allowed
* ``decay:start,factor,every``: once in k steps, where k starts at ``start``, is multiplied by ``factor`` after every
  ``every`` thousand real images, and is never below 1
* ``accuracy:threshold``: while D's running accuracy is under ``threshold``, 0.5 < threshold <= 1; the only one that
  depends on results
"""

import copy
import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from facesmith.errors import FacesmithError
from facesmith.training.settings import AnyRecipe, Recipe

if TYPE_CHECKING:
    from torch import Tensor

Accuracy = TypeVar("Accuracy", float, "Tensor")
Span: TypeAlias = tuple[float, float]  # two numbers of images

END = "_end"  # suffix of the setting that another moves to
CHANCE = 0.5  # accuracy of a D that guesses: D's running accuracy before the first step
HALF_LIFE = 10  # steps: long enough to measure a percent with batches of 64, short enough to react
NEWEST_WEIGHT: float = 1 - 0.5 ** (1 / HALF_LIFE)  # of the latest step in the running accuracy
TOLERANCE = 1e-6  # steps: sums of fractions that should be whole numbers are taken as whole
MAX_RATIO = 1000.0  # steps between two of D's: beyond this D is as good as frozen


def apply_schedule(recipe: AnyRecipe, images_seen: int, lr_scale: float = 1.0, span: Span | None = None) -> AnyRecipe:
    """Return ``recipe`` with the values after ``images_seen`` real images.

    The learning rate is also multiplied by ``lr_scale``. ``span`` is that of `schedule_progress`.
    """
    progress = schedule_progress(recipe, images_seen, span)
    # A plain copy: `dataclasses.replace` would check the settings of the network family in every step.
    result = copy.copy(recipe)
    for name in scheduled_settings(recipe) if progress else ():
        start, end = getattr(recipe, name), getattr(recipe, f"{name}{END}")
        if end is not None:
            object.__setattr__(result, name, start + (end - start) * progress)
    if lr_scale != 1.0:
        object.__setattr__(result, "learning_rate", result.learning_rate * lr_scale)
    return result


def schedule_progress(recipe: Recipe, images_seen: int, span: Span | None = None) -> float:
    """Return how much of the schedule is done after ``images_seen`` images: 0 to 1, and 0 without a schedule.

    With ``schedule_half_life_kimg``, half of the rest is done in every half-life: 1 minus the annealing temperature of
    deep-makeover. Otherwise it is half a cosine: over the first ``anneal_kimg``, as in Huang et al., arXiv:2501.05441,
    or over the last ``anneal_fraction`` of the run, after a constant part as in Hägele et al., arXiv:2405.18392.
    ``span``, the images between which a run that ends by time anneals, replaces this last fraction.
    """
    if recipe.schedule_half_life_kimg:
        return 1 - float(0.5 ** (images_seen / 1000 / recipe.schedule_half_life_kimg))
    if recipe.anneal_kimg:
        span = (0, recipe.anneal_kimg * 1000)
    elif not recipe.anneal_fraction:
        return 0.0
    start, end = span or ((1 - recipe.anneal_fraction) * recipe.kimg * 1000, recipe.kimg * 1000)
    done = (images_seen - start) / max(1, end - start)
    return (1 - math.cos(math.pi * min(1.0, max(0.0, done)))) / 2


def scheduled_settings(recipe: Recipe) -> list[str]:
    """Return the settings of a recipe that can have an end."""
    return [f.name.removesuffix(END) for f in fields(recipe) if f.name.endswith(END)]


def next_due(interval_kimg: float, images_seen: int) -> float:
    """Return the number of images at which a periodic action is next due.

    Intervals are ``interval_kimg`` at first and a fiftieth of the run's length later, so that a run of a week does not
    write thousands of sheets. The result depends on the two numbers alone, so a resumed run acts at the same points.
    """
    position = 0.0
    while position <= images_seen:
        position += max(interval_kimg * 1000, position / 50)
    return position


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
        raise FacesmithError(f"invalid d_schedule={text!r}: the interval must be at least 0.1 kimg")
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
