"""The page of a comparison: which run won, and the numbers, faces and curves behind it."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facesmith.files import updated_folder, write_text
from facesmith.images.curves import draw_curves
from facesmith.reports import compare_text
from facesmith.reports.chart_options import comparison_charts
from facesmith.reports.compare_metrics import (
    WARM_UP,
    ComparedRun,
    best,
    differing_settings,
    last,
    line,
    lowest_accuracy,
    nearest_sheet,
    read_compared,
)
from facesmith.reports.pages import render
from facesmith.runs.charts import CHARTS
from facesmith.runs.run_text import format_value, kimg_and_epochs, mean_at_end, mean_speed

PAGE = "compare.html"
_SCORES = ("kid", "fid")
_MISSING = "–"  # a row without any value is left out


def write_comparison(paths: Sequence[Path], out: Path) -> Path:
    """Write OUT/compare.html and its charts as PNG files next to it. Return the path of the page.

    Reads nothing outside the run folders. Raises `FacesmithError` when a path is not a run folder, or a package of the
    extra `explore` is missing.
    """
    runs = read_compared(paths)
    options = comparison_charts({run.name: run.run for run in runs})
    with updated_folder(out) as folder:
        for name, option in options.items():
            (folder / _chart_file(name)).write_bytes(draw_curves(option))
        write_text(folder / PAGE, render(PAGE, **_values(runs, list(options.values()))))
    for name in CHARTS.keys() - options.keys():
        (out / _chart_file(name)).unlink(missing_ok=True)  # of an earlier comparison
    return out / PAGE


def _chart_file(name: str) -> str:
    return f"compare_{name}.png"


def _values(runs: Sequence[ComparedRun], options: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the template shows."""
    remarks, warnings = compare_text.fairness(runs)
    lowest = {run.name: best(run, "kid") for run in runs}
    results = [_results(run) for run in runs]
    rows = [[name, *(result[name] for result in results)] for name in results[0]]
    latents = [[run.run.recipe.get(key) for key in ("seed", "latent", "latent_size")] for run in runs]
    return {
        "title": f"{len(runs)} runs compared",
        "lead": compare_text.outcome(runs),
        "numbers": {f"lowest KID of {name}": compare_text.score_text(kid) for name, kid in lowest.items() if kid},
        "warnings": warnings,
        "remarks": remarks,
        "names": [run.name for run in runs],
        "results": [row for row in rows if set(row[1:]) != {_MISSING}],
        "warm_up": WARM_UP,
        "settings": [[name, *map(format_value, values)] for name, values in differing_settings(runs).items()],
        "same_latents": None not in latents[0] and all(values == latents[0] for values in latents),
        "charts": options,
        "scored": any(run.run.scores for run in runs),
        "runs": [{"name": run.name, **_sheets(run), "commands": _commands(run)} for run in runs],
    }


def _results(run: ComparedRun) -> dict[str, str]:
    """Return the same rows in the same order for each run."""
    seconds, (_, share) = run.run.card.get("seconds"), line(run.run.metrics, "d_share")
    lowest = lowest_accuracy(run)
    return {
        "kimg (thousands of real images shown)": f"{kimg_and_epochs(run.run)[0]:,.1f}",
        "minutes of training": _number(seconds / 60 if isinstance(seconds, int | float) else None, ",.1f"),
        "images per second": _number(mean_speed(run.run), ",.0f"),
        "steps that trained D": _number(float(share.mean()) if len(share) else None, ".0%"),
        "lowest D accuracy": f"{lowest[1]:.1%} {compare_text.at_text(lowest[0])}" if lowest else _MISSING,
        "D accuracy at the end": _number(_final_accuracy(run), ".1%"),
        "D loss at the end": _number(mean_at_end(run.run, "loss_D"), ".3f"),
        "G loss at the end": _number(mean_at_end(run.run, "loss_G"), ".3f"),
        **{
            f"{which} {name.upper()}": compare_text.score_text(score, kimg=True) if score else _MISSING
            for name in _SCORES
            for which, score in (("lowest", best(run, name)), ("last", last(run, name)))
        },
        "health": format_value(run.run.card.get("health")),
        "status": format_value(run.run.card.get("status")),
    }


def _sheets(run: ComparedRun) -> dict[str, Any]:
    """Return the sheets at D's lowest accuracy and at the end, with their captions."""
    if not run.run.samples:
        return {"last_sheet": None, "lowest_sheet": None}
    kimg, path = run.run.samples[-1]
    facts = [f"The end, {compare_text.at_text(kimg)}"]
    if (final := _final_accuracy(run)) is not None:
        facts.append(f"D accuracy {final:.1%}")
    if (score := last(run, "kid")) is not None:
        facts.append(f"last KID {compare_text.score_text(score)}")
    sheets: dict[str, Any] = {"last_sheet": path, "last_caption": "; ".join(facts) + ".", "lowest_sheet": None}
    if (lowest := lowest_accuracy(run)) is not None:
        kimg, sheets["lowest_sheet"] = nearest_sheet(run, lowest[0])
        sheets["lowest_caption"] = (
            f"Lowest D accuracy: {lowest[1]:.1%} {compare_text.at_text(lowest[0])}. "
            f"The nearest sheet is {compare_text.at_text(kimg)}."
        )
    return sheets


def _commands(run: ComparedRun) -> str:
    """Return the commands that resume a run, a finished one to twice its length, and that export its model."""
    files = run.run
    recipe, dataset = files.recipe.get("name") or "RECIPE", files.trained_on.get("dataset") or "DATASET"
    resume = shlex.join(["facesmith", "train", str(recipe), str(dataset), str(files.path), "--resume"])
    goal = files.card.get("goal")
    kimg, minutes = (goal.get("kimg"), goal.get("minutes")) if isinstance(goal, dict) else (None, None)
    factor = 2 if files.card.get("status") == "finished" else 1
    if isinstance(minutes, int | float):
        resume += f" --minutes {minutes * factor:g}"
    if isinstance(kimg, int | float) and factor == 2 and kimg_and_epochs(files)[0] >= kimg:
        resume += f" --kimg {kimg * factor:g}"
    model = f"{run.name.replace('/', '-')}-model"
    return f"{resume}\n{shlex.join(['facesmith', 'export', str(files.path), model])}"


def _final_accuracy(run: ComparedRun) -> float | None:
    real, fake = (mean_at_end(run.run, f"accuracy_{name}") for name in ("real", "fake"))
    return None if real is None or fake is None else (real + fake) / 2


def _number(value: float | None, form: str) -> str:
    return _MISSING if value is None else format(value, form)
