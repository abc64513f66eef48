"""Detection of mode collapse and divergence, as a function of the lines of metrics.jsonl.

The reaction to it is in `facesmith.training.rollback`.

Each line of the metrics gives the run a health status: losses must be finite in any training, diversity is checked
where images are made, and D's accuracies where there is a D. Diversity is the strongest sign: the distance of each
face on the sample sheet to its nearest neighbour, relative to real images. It needs no network and detects a
generator that collapses to one image as well as one that collapses to a few.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from facesmith.runs.health import D_WINNING, DIVERGED, GRACE_KIMG, HEALTHY, MODE_COLLAPSE
from facesmith.training.settings import AdversarialRecipe, Recipe

MIN_DIVERSITY_SHARE = 0.5  # of the usual diversity; below it a measurement is low
MAX_LOW_MEASUREMENTS = 3  # in a row; at this number the status is mode collapse
DIVERSITY_MEMORY = 0.2  # weight of the newest measurement in the usual diversity
LATE_KIMG, MIN_LATE_DIVERSITY = 100.0, 0.05  # a G that has never been diverse by then collapsed at the start
MAX_LOSS = 200.0  # losses of healthy networks stay under 30
D_LOSS_MARGIN, D_ACCURACY_LIMIT = 0.01, 0.995  # a D this close to its lowest loss and this often right is certain
MAX_SATURATED_LINES = 40  # in a row; at this number the discriminator is winning


@dataclass(frozen=True)
class Health:
    """The status after a line of the metrics, and the state of the detector."""

    status: str = HEALTHY
    since: int = 0  # the step at which the problem was first seen
    usual_diversity: float = 0.0  # moving average over healthy measurements
    low_measurements: int = 0  # of diversity, in a row
    saturated_lines: int = 0  # in a row


def detect(lines: Iterable[Mapping[str, Any]], recipe: Recipe) -> Health:
    """Return the health after all these lines. A resumed run continues from it."""
    health = Health()
    for line in lines:
        health = update(health, line, recipe)
    return health


def update(health: Health, line: Mapping[str, Any], recipe: Recipe | None) -> Health:
    """Return the health after another line of the metrics (means by name, with "step" and "kimg").

    Whether D is winning depends on the loss in the recipe; without a recipe it is not checked.
    """
    step = int(line["step"])
    if not all(math.isfinite(value) and abs(value) < MAX_LOSS for value in _losses(line)):
        return replace(health, status=DIVERGED, since=step)
    diversity = line.get("diversity")
    if isinstance(diversity, float) and math.isfinite(diversity) and line["kimg"] >= GRACE_KIMG:
        health = _with_diversity(health, diversity, line["kimg"], step)
    health = replace(health, saturated_lines=health.saturated_lines + 1 if _is_saturated(line, recipe) else 0)
    if health.low_measurements >= MAX_LOW_MEASUREMENTS:
        return replace(health, status=MODE_COLLAPSE)
    if health.saturated_lines >= MAX_SATURATED_LINES:
        is_ongoing = health.status == D_WINNING or health.low_measurements
        return replace(health, status=D_WINNING, since=health.since if is_ongoing else step)
    return replace(health, status=HEALTHY)


def lowest_diversity(health: Health, kimg: float) -> float:
    """Return the diversity below which the next measurement is low."""
    return max(MIN_DIVERSITY_SHARE * health.usual_diversity, MIN_LATE_DIVERSITY if kimg >= LATE_KIMG else 0.0)


def _with_diversity(health: Health, diversity: float, kimg: float, step: int) -> Health:
    if diversity < lowest_diversity(health, kimg):
        since = health.since if health.low_measurements else step
        return replace(health, low_measurements=health.low_measurements + 1, since=since)
    # Real photos have a diversity of 1. A noisy phase above that must not raise the usual diversity.
    diversity, usual = min(diversity, 1.0), health.usual_diversity
    usual = usual + DIVERSITY_MEMORY * (diversity - usual) if usual else diversity
    return replace(health, low_measurements=0, usual_diversity=usual)


def _is_saturated(line: Mapping[str, Any], recipe: Recipe | None) -> bool:
    """Return whether D's loss is near its lowest value and its accuracy near 1."""
    if not isinstance(recipe, AdversarialRecipe):
        return False
    if recipe.loss == "rpgan":
        lowest, guessing = 0.0, math.log(2)
    else:
        p = recipe.real_label
        lowest = -(p * math.log(p) + (1 - p) * math.log(1 - p)) if 0 < p < 1 else 0.0
        guessing = 2 * math.log(2)
        if recipe.average_losses:
            lowest, guessing = lowest / 2, guessing / 2
    position = (line["loss_D"] - lowest) / (guessing - lowest)
    return bool(position < D_LOSS_MARGIN and min(line["accuracy_real"], line["accuracy_fake"]) > D_ACCURACY_LIMIT)


def _losses(line: Mapping[str, Any]) -> list[float]:
    """Return the losses of a line. JSON has no NaN: it writes null."""
    return [math.nan if value is None else float(value) for name, value in line.items() if name.startswith("loss_")]
