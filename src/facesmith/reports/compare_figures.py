"""Runs side by side: what each of them measured, in figures that can be compared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.metrics.scores import DIVERSE
from facesmith.reports.charts import moving_average
from facesmith.runs.metrics import Columns, read_columns
from facesmith.runs.run_files import RunFiles, read_run

WARM_UP = 0.1  # D starts out guessing: the first tenth of what was measured is not its lowest accuracy
Line = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Rival:
    """A run under the shortest name that tells it from the others; ``scores`` is scores.jsonl by column."""

    name: str
    run: RunFiles
    scores: Columns


@dataclass(frozen=True)
class Score:
    """A measured score, its spread (None: not recorded) and the thousands of pictures shown before it."""

    value: float
    spread: float | None
    kimg: float


def read_rivals(paths: Sequence[Path]) -> list[Rival]:
    """Read run folders; raises `FacesmithError` when one is none."""
    names = _names([path.resolve() for path in paths])
    return [
        Rival(name, read_run(path), read_columns(path / "scores.jsonl"))
        for name, path in zip(names, paths, strict=True)
    ]


def line(table: Columns, name: str) -> Line:
    """A column over kimg where both are numbers; empty where it was not measured."""
    kept = _measured(table, name)
    return (table["kimg"][kept], table[name][kept]) if kept.any() else (np.empty(0), np.empty(0))


def spreads(table: Columns, name: str) -> NDArray[np.float64]:
    """How far each point of a `line` may be off: the column NAME_spread, NaN where nothing was recorded."""
    kept = _measured(table, name)
    return table[f"{name}_spread"][kept] if f"{name}_spread" in table else np.full(kept.sum(), np.nan)


def accuracy(rival: Rival) -> Line:
    """How often D was right, over kimg: the mean of its shares of real and of generated pictures, 0 to 1."""
    metrics = rival.run.metrics
    if not {"accuracy_real", "accuracy_fake"} <= set(metrics):
        return np.empty(0), np.empty(0)
    return line({**metrics, "accuracy": (metrics["accuracy_real"] + metrics["accuracy_fake"]) / 2}, "accuracy")


def lowest_accuracy(rival: Rival) -> tuple[float, float] | None:
    """(kimg, share right) where D's accuracy was lowest after `WARM_UP`, as smooth as the chart draws it."""
    x, y = accuracy(rival)
    if not len(y):
        return None
    smooth = moving_average(y, max(1, len(y) // 40))
    late = x >= WARM_UP * x[-1]
    lowest = int(np.argmin(np.where(late, smooth, np.inf)))
    return float(x[lowest]), float(smooth[lowest])


def best(rival: Rival, name: str) -> Score | None:
    """The lowest ``name`` ("kid" or "fid") that was measured during the run, or None.

    Measurements of faces that hardly differed count only where there is no other: see `facesmith.metrics.scores.rank`.
    """
    _, values = line(rival.scores, name)
    if not len(values):
        return None
    diversity = rival.scores.get("diversity", np.full(len(rival.scores["kimg"]), np.nan))[_measured(rival.scores, name)]
    alike = diversity < DIVERSE  # NaN, where it was not measured, is not
    return _score(rival, name, int(np.lexsort((values, alike))[0]))


def alike(rival: Rival) -> bool:
    """Whether the faces hardly differed each time the run was scored."""
    diversity = rival.scores.get("diversity", np.empty(0))
    return bool(len(diversity) and (diversity < DIVERSE).all())


def last(rival: Rival, name: str) -> Score | None:
    """The ``name`` that was measured last, or None."""
    return _score(rival, name, -1) if len(line(rival.scores, name)[1]) else None


def nearest_sheet(rival: Rival, kimg: float) -> tuple[float, Path]:
    """(kimg, path) of the sheet drawn nearest to ``kimg``; the untrained G's only where there is no other."""
    trained = [sample for sample in rival.run.samples if sample[0] > 0] or rival.run.samples
    return min(trained, key=lambda sample: abs(sample[0] - kimg))


def rollbacks(rival: Rival) -> int:
    """How often the run went back to an earlier checkpoint, from where it goes on with another learning rate."""
    folder = rival.run.path / "rolled_back"
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def differing_settings(rivals: Sequence[Rival]) -> dict[str, list[Any]]:
    """Every setting of the recipes in which the runs differ, with its value in each (None: it has none)."""
    recipes = [rival.run.recipe for rival in rivals]
    keys = dict.fromkeys(key for recipe in recipes for key in recipe if key != "about")
    values = {key: [recipe.get(key) for recipe in recipes] for key in keys}
    return {key: found for key, found in values.items() if any(value != found[0] for value in found)}


def _score(rival: Rival, name: str, place: int) -> Score:
    kimg, values = line(rival.scores, name)
    spread = float(spreads(rival.scores, name)[place])
    return Score(float(values[place]), spread if math.isfinite(spread) else None, float(kimg[place]))


def _measured(table: Columns, name: str) -> NDArray[np.bool_]:
    if name not in table or "kimg" not in table:
        return np.zeros(0, np.bool_)
    return np.isfinite(table["kimg"]) & np.isfinite(table[name])


def _names(paths: Sequence[Path]) -> list[str]:
    """The last part of each path, or as many parts as it takes to tell them apart."""
    depth = 1
    while True:
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(set(paths)):
            return names
        depth += 1
