"""The report of a run: one page with its outcome, faces, curves, settings and next steps."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.files import atomic_file, write_text
from facesmith.images.curves import draw_curves
from facesmith.reports.chart_options import run_charts
from facesmith.reports.pages import render
from facesmith.runs import run_text
from facesmith.runs.charts import resume_positions
from facesmith.runs.health import (
    COLLAPSED,
    HEALTHY,
    describe_best_score,
    describe_health,
    describe_health_events,
    rollback_targets,
)
from facesmith.runs.run_data import RunData, read_run

_MAX_INLINE_VIDEO_BYTES = 6_000_000  # a larger film stays beside the page, and its GIF goes in
_MAX_SHOWN_ROLLBACKS = 2
_SCORES = {"kid": "KID", "fid": "FID", "psnr": "PSNR", "accuracy": "accuracy"}
_PROGRESS_NOTES = {
    "gan": "All sheets use the same latent vectors, so you can follow one face from sheet to sheet.",
    "encoder": "All sheets show the same held-out photos and their reconstructions.",
    "classifier": "All sheets show the same held-out faces, with their wrong predictions.",
    "makeover": "All sheets show the same held-out faces before and after the makeover.",
}


def report(run: Path) -> Path:
    """Write RUN/report.html and its charts as PNG files next to it. Return the path of the page.

    Reads nothing outside the run folder. Raises `FacesmithError` when ``run`` is not a run folder, has an unknown
    version, or a package of the `explore` extra is missing.
    """
    files = read_run(run)
    options = run_charts(files)
    for name, chart in options.items():
        with atomic_file(run / f"{name}.png") as partial:
            partial.write_bytes(draw_curves(chart))
    path = run / "report.html"
    write_text(path, render("run.html", **_values(files, list(options.values()))))
    return path


def _values(run: RunData, options: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the template shows."""
    task = str(run.recipe.get("task", "gan"))
    recipe_name = str(run.recipe.get("name") or "")
    dataset_name = run.trained_on.get("dataset_name") or run.card_table("dataset").get("name") or "an unnamed dataset"
    remarks, warnings = run_text.describe_learning(run)
    remarks = remarks if remarks or warnings else ["Nothing has been measured yet."]
    mp4 = run.file("progress.mp4")
    marks = {"resumed": resume_positions(run), "rolled back to": run.rollbacks}
    return {
        "title": f"Run {run.path.resolve().name}",
        "lead": f"Recipe {recipe_name or 'unnamed'} on {dataset_name}. {run_text.describe_status(run)}",
        "task": task,
        "numbers": _numbers(run),
        "health": describe_health(run),
        "healthy": run.health == HEALTHY,
        "events": describe_health_events(run),
        "rollbacks": _rollbacks(run),
        "warnings": warnings,
        "remarks": [*run_text.describe_history(run), *remarks],
        "sessions": run_text.session_rows(run),
        "samples": run.samples,
        "progress": _first_middle_last(run.samples),
        "progress_note": _PROGRESS_NOTES.get(task, ""),
        "mp4": mp4,
        "mp4_fits": mp4 is not None and mp4.stat().st_size < _MAX_INLINE_VIDEO_BYTES,
        "gif": run.file("progress.gif"),
        "comparison": run.file("real_beside_generated.png"),
        "charts": options,
        "measurements": _measurements(run),
        "marks": [text for text, places in marks.items() if places],
        **_settings(run),
        "recipe_name": recipe_name,
        "next_steps": _next_steps(run, task),
        "files": run_text.describe_files(run),
    }


def _numbers(run: RunData) -> dict[str, str]:
    kimg, epochs = run_text.kimg_and_epochs(run)
    numbers = {"kimg (thousands of real images shown)": f"{kimg:,.1f}"}
    if epochs is not None:
        numbers["epochs (passes over the dataset)"] = f"{epochs:,.1f}"
    seconds, speed = run.card.get("seconds"), run_text.mean_speed(run)
    if isinstance(seconds, int | float):
        numbers["training time"] = run_text.format_duration(seconds)
    if speed is not None:
        numbers["images per second"] = f"{speed:,.0f}"
    score = run.best.get("score") or {}
    return numbers | {
        f"{text} of the best model": f"{score[name]:.4g}" for name, text in _SCORES.items() if name in score
    }


def _rollbacks(run: RunData) -> list[dict[str, Any]]:
    """Return the newest rollbacks with the last sheet that each undid and the sheet that it went back to."""
    restored_kimg = rollback_targets(run)
    rollbacks = []
    for undone in run.rollbacks[-_MAX_SHOWN_ROLLBACKS:]:
        if undone.sheet:
            limit = restored_kimg.get(undone.number)
            before = [sample for sample in run.samples if limit is not None and sample[0] <= limit]
            rollbacks.append({"number": undone.number, "sheet": undone.sheet, "target": before[-1] if before else None})
    return rollbacks


def _first_middle_last(samples: list[tuple[float, Path]]) -> list[tuple[float, Path]]:
    """Return three sheets or fewer; the middle one is at half of the images shown. Empty for fewer than two sheets."""
    if len(samples) < 2:
        return []
    half = (samples[0][0] + samples[-1][0]) / 2
    middle = min(samples, key=lambda sample: abs(sample[0] - half))
    return list(dict.fromkeys((samples[0], middle, samples[-1])))


def _measurements(run: RunData) -> list[list[str]]:
    rows: dict[str, list[str]] = {}
    scores = {f"{name} of a score" if name in run.metrics else name: column for name, column in run.scores.items()}
    for name, column in [*run.metrics.items(), *run.timing.items(), *scores.items()]:
        values = column[np.isfinite(column)]
        if len(values) and name not in rows:
            rows[name] = [name, *(f"{value:.6g}" for value in (values[0], values[-1], values.min(), values.max()))]
    return list(rows.values())


def _settings(run: RunData) -> dict[str, Any]:
    trained_on, dataset, estimate = run.trained_on, run.card_table("dataset"), run.card_table("estimate")
    source, count = dataset.get("source"), run_text.dataset_count(run)
    width, height = trained_on.get("width"), trained_on.get("height")
    return {
        "dataset": _known(
            {
                "name": trained_on.get("dataset_name", dataset.get("name")),
                "images": f"{count:,}" if count else None,
                "size": f"{width}×{height}" if width and height else None,
                "crop": dataset.get("crop"),
                "filter": dataset.get("where"),
                "credit and licence": source.get("credit") if isinstance(source, dict) else None,
                "fingerprint": trained_on.get("dataset_fingerprint"),
                "folder": trained_on.get("dataset"),
            }
        ),
        "parameters": {name: f"{value:,} parameters" for name, value in run.card_table("parameters").items()},
        "recipe": [[name, run_text.format_value(value)] for name, value in run.recipe.items()],
        "machine": _known(run.card_table("machine")),
        "estimate": _known(
            {"images per second": estimate.get("images_per_second"), "memory, GB": estimate.get("memory_gb")}
        ),
    }


def _next_steps(run: RunData, task: str) -> list[tuple[str, list[str]]]:
    """Return what a user can do next, each with its commands."""
    name = run.path.resolve().name
    folder, model = shlex.quote(str(run.path)), shlex.quote(f"{name}-model")
    recipe = shlex.quote(str(run.recipe.get("name") or "RECIPE"))
    dataset = shlex.quote(str(run.trained_on.get("dataset") or "DATASET"))
    resume = f"train {recipe} {dataset} {folder} --resume"
    rate = run.recipe.get("learning_rate")
    steps = []
    if run.card.get("status") == "failed" and run.health in COLLAPSED and isinstance(rate, float):
        branch = f"{resume} --branch {shlex.quote(f'{run.path}-gentler')} --set learning_rate={rate / 2:g}"
        steps.append(("Branch from the last checkpoint, with a lower learning rate:", [branch]))
    elif run.card.get("status") != "finished":
        steps.append(("Resume the run:", [resume]))
    best = describe_best_score(run)
    export = f"export {folder} {model}{' --checkpoint best' if best else ''}"
    which = f" with the best score, {best} (--checkpoint last exports the newest)," if best else ""
    use = {
        "classifier": (f"Export the attribute classifier{which.rstrip(',')}:", []),
        "makeover": (
            f"Export the makeover{which} and apply it:",
            [f"makeover {model} photo.jpg --out {shlex.quote(f'{name}-makeovers')}"],
        ),
    }
    generate = f"generate {model} --count 64 --seed 1 --out {shlex.quote(f'{name}-faces')}"
    text, commands = use.get(task, (f"Export the model{which} and generate faces:", [generate]))
    return [*steps, (text, [export, *commands])]


def _known(items: dict[str, Any]) -> dict[str, str]:
    return {name: run_text.format_value(value) for name, value in items.items() if value is not None and value != ""}
