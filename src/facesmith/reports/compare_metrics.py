"""What each of several runs measured, in numbers that can be compared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.arrays import Booleans, Doubles
from facesmith.images.curves import moving_average
from facesmith.metrics.scores import MIN_DIVERSITY
from facesmith.runs.json_lines import Columns
from facesmith.runs.run_data import RunData, read_run

WARM_UP = 0.1  # share of a run in which D still guesses, so that its accuracy is low for no reason of G
Line = tuple[Doubles, Doubles]


@dataclass(frozen=True)
class ComparedRun:
    """A run and the shortest name that identifies it among the others."""

    name: str
    run: RunData


@dataclass(frozen=True)
class Score:
    """A measured score, its spread (None if not recorded) and the kimg at which it was measured."""

    value: float
    spread: float | None
    kimg: float


def read_compared(paths: Sequence[Path]) -> list[ComparedRun]:
    """Read run folders. Raises `FacesmithError` for a folder that is not a run."""
    names = _names([path.resolve() for path in paths])
    return [ComparedRun(name, read_run(path)) for name, path in zip(names, paths, strict=True)]


def line(table: Columns, name: str) -> Line:
    """Return a column over kimg without its gaps; empty if it was not measured."""
    valid = _measured(table, name)
    return (table["kimg"][valid], table[name][valid]) if valid.any() else (np.empty(0), np.empty(0))


def spreads(table: Columns, name: str) -> Doubles:
    """Return the spread of each point of a `line`, from the column NAME_spread; NaN where none was recorded."""
    valid = _measured(table, name)
    return table[f"{name}_spread"][valid] if f"{name}_spread" in table else np.full(valid.sum(), np.nan)


def accuracy(compared: ComparedRun) -> Line:
    """Return D's accuracy over kimg, 0 to 1: the mean of its accuracies on real and on generated images."""
    metrics = compared.run.metrics
    if not {"accuracy_real", "accuracy_fake"} <= set(metrics):
        return np.empty(0), np.empty(0)
    return line({**metrics, "accuracy": (metrics["accuracy_real"] + metrics["accuracy_fake"]) / 2}, "accuracy")


def lowest_accuracy(compared: ComparedRun) -> tuple[float, float] | None:
    """Return (kimg, accuracy) at the minimum of D's smoothed accuracy after `WARM_UP`."""
    x, y = accuracy(compared)
    if not len(y):
        return None
    smooth = moving_average(y, max(1, len(y) // 40))
    late = x >= WARM_UP * x[-1]
    lowest = int(np.argmin(np.where(late, smooth, np.inf)))
    return float(x[lowest]), float(smooth[lowest])


def best(compared: ComparedRun, name: str) -> Score | None:
    """Return the lowest ``name`` ("kid" or "fid") of the run, or None.

    Scores of faces without diversity count only without any other: see `facesmith.metrics.scores.rank`.
    """
    scores = compared.run.scores
    _, values = line(scores, name)
    if not len(values):
        return None
    diversity = scores.get("diversity", np.full(len(scores["kimg"]), np.nan))[_measured(scores, name)]
    alike = diversity < MIN_DIVERSITY  # NaN, where it was not measured, is not
    return _score(compared, name, int(np.lexsort((values, alike))[0]))


def lacks_diversity(compared: ComparedRun) -> bool:
    """Return whether the faces hardly differed at every score."""
    diversity = compared.run.scores.get("diversity", np.empty(0))
    return bool(len(diversity) and (diversity < MIN_DIVERSITY).all())


def last(compared: ComparedRun, name: str) -> Score | None:
    """Return the last ``name`` that was measured, or None."""
    return _score(compared, name, -1) if len(line(compared.run.scores, name)[1]) else None


def nearest_sheet(compared: ComparedRun, kimg: float) -> tuple[float, Path]:
    """Return (kimg, path) of the sheet nearest to ``kimg``; the one before training only as the last choice."""
    trained = [sample for sample in compared.run.samples if sample[0] > 0] or compared.run.samples
    return min(trained, key=lambda sample: abs(sample[0] - kimg))


def differing_settings(runs: Sequence[ComparedRun]) -> dict[str, list[Any]]:
    """Return the settings that differ, with the value of each run (None if it has no such setting)."""
    recipes = [compared.run.recipe for compared in runs]
    keys = dict.fromkeys(key for recipe in recipes for key in recipe if key != "about")
    values = {key: [recipe.get(key) for recipe in recipes] for key in keys}
    return {key: row for key, row in values.items() if any(value != row[0] for value in row)}


def _score(compared: ComparedRun, name: str, place: int) -> Score:
    kimg, values = line(compared.run.scores, name)
    spread = float(spreads(compared.run.scores, name)[place])
    return Score(float(values[place]), spread if math.isfinite(spread) else None, float(kimg[place]))


def _measured(table: Columns, name: str) -> Booleans:
    if name not in table or "kimg" not in table:
        return np.zeros(0, np.bool_)
    return np.isfinite(table["kimg"]) & np.isfinite(table[name])


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the last part of each path, or as many parts as make the names different."""
    depth = 1
    while True:
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(set(paths)):
            return names
        depth += 1
