"""The watch: how training is going, in words, from figures that cost nothing.

Each line of the metrics gets one of four verdicts, by the figures it has: losses in any training, diversity where
pictures are made, D's accuracies where it plays. The figure that tells most is `diversity`: how far apart the
sheet's faces lie, measured by each one's nearest neighbour, against real pictures. It needs no network and sees both
ways in which a generator collapses, to one face and to a few.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from facesmith.runs.health import ALIKE, DIVERGED, HEALTHY, WINNING
from facesmith.training.settings import AdversarialRecipe, Recipe

CELLS = 8  # pictures are compared as CELLS x CELLS means: what a face is as a whole, not its grain
GRACE_KIMG = 15.0  # until then G may swing from one colour to the next
LOW = 0.5  # of the usual diversity: less is too little ...
LOOKS = 3  # ... when seen this often in a row
MEMORY = 0.2  # weight of the newest look in what is usual
HOPELESS_KIMG, HOPELESS = 100.0, 0.05  # a G that has never been diverse by then has collapsed from the start
LARGEST = 200.0  # a loss beyond this is one of nets that have blown up: healthy ones stay under 30
EDGE, CERTAIN, LINES = 0.01, 0.995, 40  # a D that is this near to its least loss and this often right, lines in a row


@dataclass(frozen=True)
class Watch:
    """What the watch remembers from line to line; a function of the metrics so far and of nothing else."""

    verdict: str = HEALTHY
    since: int = 0  # the step at which the trouble was first seen
    usual: float = 0.0  # diversity, averaged over the healthy looks
    low: int = 0  # looks in a row that were too low
    certain: int = 0  # lines in a row in which D was all but certain


def look(watch: Watch, line: Mapping[str, Any], recipe: Recipe) -> Watch:
    """The watch after another line of the metrics (means over some steps, by name, with "step" and "kimg")."""
    step = int(line["step"])
    if not all(math.isfinite(value) and abs(value) < LARGEST for value in _losses(line)):
        return replace(watch, verdict=DIVERGED, since=step)
    if isinstance(faces := line.get("diversity"), float) and math.isfinite(faces):
        watch = _see_faces(watch, faces, line["kimg"], step)
    watch = replace(watch, certain=watch.certain + 1 if _certain(line, recipe) else 0)
    if watch.low >= LOOKS:
        return replace(watch, verdict=ALIKE)
    if watch.certain >= LINES:
        return replace(watch, verdict=WINNING, since=watch.since if watch.verdict == WINNING or watch.low else step)
    return replace(watch, verdict=HEALTHY)


def replay(lines: Iterable[Mapping[str, Any]], recipe: Recipe) -> Watch:
    """The watch after all these lines: a resumed run goes on from what its metrics say."""
    watch = Watch()
    for line in lines:
        watch = look(watch, line, recipe)
    return watch


@torch.no_grad()
def spread(pictures: Tensor) -> Tensor:
    """Median distance of a picture (of N x 3 x H x W) to the one nearest to it, over CELLS x CELLS means: a scalar."""
    means = F.adaptive_avg_pool2d(pictures.float(), CELLS).flatten(1)
    distances = torch.cdist(means, means).fill_diagonal_(math.inf)
    return distances.amin(1).median()


def _see_faces(watch: Watch, diversity: float, kimg: float, step: int) -> Watch:
    if kimg < GRACE_KIMG:
        return watch
    too_low = diversity < LOW * watch.usual or (kimg >= HOPELESS_KIMG and diversity < HOPELESS)
    if too_low:
        return replace(watch, low=watch.low + 1, since=watch.since if watch.low else step)
    # Beyond 1 is as different as photos are: a noisy phase must not raise what is expected of the next.
    diversity = min(diversity, 1.0)
    usual = diversity if not watch.usual else watch.usual + MEMORY * (diversity - watch.usual)
    return replace(watch, low=0, usual=usual)


def _certain(line: Mapping[str, Any], recipe: Recipe) -> bool:
    """Whether D's loss is within `EDGE` of the way from its least value to guessing, and D hardly ever wrong."""
    if not isinstance(recipe, AdversarialRecipe):
        return False
    if recipe.loss == "rpgan":
        least, guessing = 0.0, math.log(2)
    else:
        p = recipe.real_label
        least = -(p * math.log(p) + (1 - p) * math.log(1 - p)) if 0 < p < 1 else 0.0
        guessing = 2 * math.log(2)
        if recipe.average_losses:
            least, guessing = least / 2, guessing / 2
    edge = (line["loss_D"] - least) / (guessing - least)
    return bool(edge < EDGE and min(line["accuracy_real"], line["accuracy_fake"]) > CERTAIN)


def _losses(line: Mapping[str, Any]) -> list[float]:
    """The losses of a line; what JSON had no number for counts as NaN."""
    return [math.nan if value is None else float(value) for name, value in line.items() if name.startswith("loss_")]
