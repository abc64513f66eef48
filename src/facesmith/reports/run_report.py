"""The report of a run: one page that tells its whole story to someone who was asleep."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.files import atomic_file, write_text
from facesmith.reports import html
from facesmith.reports.html import Html
from facesmith.reports.run_charts import draw_charts
from facesmith.runs import health_text, summary
from facesmith.runs.charts import CHARTS, resumed_at
from facesmith.runs.health import COLLAPSED, HEALTHY
from facesmith.runs.run_files import RunFiles, Undone, plain_value, read_run

_INLINE_VIDEO = 6_000_000  # bytes; a longer film stays beside the page, and its GIF goes in
_SHOWN_UNDONE = 2  # rollbacks whose faces are shown, the newest; the others are in the folder
_LONG_STORY = 8  # sentences; a longer one opens on a click
_SCORES = {"kid": "KID", "fid": "FID", "psnr": "PSNR", "accuracy": "accuracy"}
_SAME = {  # what stays the same from sheet to sheet, by the task
    "gan": "The same latent vectors each time, so each place shows how one face came about.",
    "encoder": "The same held-out photos each time, each beside what the generator makes of its latent.",
    "classifier": "The same held-out faces each time, with what the judge says wrongly of them.",
    "makeover": "The same held-out faces each time, each beside what has become of it.",
}
_FILES = {
    "report.html": "this page",
    "recipe.toml": "every setting",
    "run.json": "how the run stands: times, sessions, machine",
    "metrics.jsonl": "losses, accuracies, diversity and the watch's verdict, a line a measurement",
    "timing.jsonl": "speed and memory, a line a measurement",
    "scores.jsonl": "scores, a line a measurement",
    **{f"{name}.png": f"chart: {chart.title.partition(':')[0]}" for name, chart in CHARTS.items()},
    "real_beside_generated.png": "real faces beside generated ones",
    "progress.mp4": "the film of the sample sheets",
    "progress.gif": "the same as a GIF",
    "pretrained": "copies of what it was trained with that was trained before",
    "samples": "sample sheets, named by the thousands of images shown",
    "checkpoints": "what training is resumed and models are exported from",
    "best.safetensors": "what had the best score",
    "rolled_back": "what rollbacks undid: measurements and sheets, a folder for each",
}


def report(run: Path) -> Path:
    """Write RUN/report.html, and its charts as PNG beside it; returns the page's path.

    Reads nothing outside the run folder. What a run does not have yet (it may have only begun) is said in words.
    Raises `FacesmithError` when ``run`` is no run folder, or of an unknown version, or matplotlib is missing.
    """
    found = read_run(run)
    charts = draw_charts(found)
    for name, chart in charts.items():
        with atomic_file(run / f"{name}.png") as beside:
            beside.write_bytes(chart)
    path = run / "report.html"
    write_text(path, _page(found, charts))
    return path


def _page(run: RunFiles, charts: dict[str, bytes]) -> str:
    name = run.recipe.get("name") or "unnamed"
    dataset = run.settings.get("dataset_name") or _card(run, "dataset").get("name") or "an unnamed dataset"
    parts = [
        _outcome(run),
        _newest(run),
        _way(run),
        _film(run),
        _beside(run),
        _measured(run, charts),
        _trained(run),
        _next(run),
    ]
    return html.page(
        f"Run {run.path.resolve().name}", parts, f"Recipe {name} on {dataset}. {summary.status_sentence(run)}"
    )


def _outcome(run: RunFiles) -> Html:
    kimg, epochs = summary.progress_made(run)
    numbers = {"kimg: thousand real images shown": f"{kimg:,.1f}"}
    if epochs is not None:
        numbers["epochs: times through the dataset"] = f"{epochs:,.1f}"
    seconds, speed = run.card.get("seconds"), summary.speed_reached(run)
    if isinstance(seconds, int | float):
        numbers["training time"] = summary.duration(seconds)
    if speed is not None:
        numbers["images a second"] = f"{speed:,.0f}"
    if score := run.best.get("score"):
        names = [name for name in _SCORES if name in score]
        numbers |= {f"{_SCORES[name]} of the best model": f"{score[name]:.4g}" for name in names}
    remarks, warnings = summary.learning(run)
    if not remarks and not warnings:
        remarks = ["Nothing has been measured yet."]
    return html.section(
        "How it went",
        html.figures(numbers),
        *_watch(run),
        *(html.note(warning, warning=True) for warning in warnings),
        html.bullets([*summary.history(run), *remarks]),
        *_sessions(run),
    )


def _watch(run: RunFiles) -> list[Html]:
    """The verdict, how it came about, and the faces that were undone; nothing for a run that had no watch."""
    health, story = health_text.sentence(run), health_text.history(run)
    parts = [html.note(health, warning=run.health != HEALTHY)] if health else []
    if len(story) > _LONG_STORY:
        parts.append(html.details(f"What the watch saw and did, in {len(story)} sentences", html.bullets(story)))
    elif story:
        parts.append(html.bullets(story))
    return [*parts, *(_undone(run, undone) for undone in run.undone[-_SHOWN_UNDONE:] if undone.sheet)]


def _undone(run: RunFiles, undone: Undone) -> Html:
    """The last sheet of what a rollback undid, small, beside the one it went back to."""
    assert undone.sheet is not None
    back = health_text.returns(run).get(undone.number)
    before = [sample for sample in run.samples if back is not None and sample[0] <= back]
    shown = [(*before[-1], "what training went back to")] if before else []
    shown.append((*undone.sheet, f"undone by rollback {undone.number}"))
    figures = [html.figure(path, f"Sheet at {kimg:g} kimg", f"{kimg:g} kimg, {what}") for kimg, path, what in shown]
    return html.columns(*figures, *[Html("<div></div>")] * (3 - len(figures)))  # small: a third of the page each


def _sessions(run: RunFiles) -> list[Html]:
    rows = summary.sessions(run)
    header = ["Started", "ended", "from kimg", "to kimg", "ended because"]
    return [html.table(header, rows, "Sessions")] if len(rows) > 1 else []


def _newest(run: RunFiles) -> Html:
    if not run.samples:
        return html.section("The newest faces", html.paragraph("No sample sheet has been drawn yet."))
    kimg, path = run.samples[-1]
    before = "Before training: noise." if _task(run) == "gan" else "Before training."
    caption = before if kimg == 0 else f"After {kimg:,.0f} thousand images."
    return html.section("The newest faces", html.figure(path, f"Sample sheet at {kimg:g} kimg", caption))


def _way(run: RunFiles) -> Html:
    """First, middle and last sheet: middle by images shown, because sheets may lie closer at the start."""
    if len(run.samples) < 2:
        return html.section("From the first to the last", html.paragraph("There is only one sheet so far."))
    first, last = run.samples[0], run.samples[-1]
    half = (first[0] + last[0]) / 2
    middle = min(run.samples, key=lambda sample: abs(sample[0] - half))
    chosen = dict.fromkeys((first, middle, last))
    return html.section(
        "From the first to the last",
        html.paragraph(_SAME.get(_task(run), "")),
        html.columns(*(html.figure(path, f"Sample sheet at {kimg:g} kimg", f"{kimg:g} kimg") for kimg, path in chosen)),
    )


def _film(run: RunFiles) -> Html:
    mp4, gif = run.file("progress.mp4"), run.file("progress.gif")
    heading, alt = "The film", "The sample sheets one after the other, from the first to the last"
    if mp4 is not None and mp4.stat().st_size < _INLINE_VIDEO:
        return html.section(heading, html.video(mp4, alt, f"All {len(run.samples):,} sheets, one after the other."))
    if gif is not None:
        caption = "The sheets one after the other." + (" All of them are in progress.mp4." if mp4 else "")
        return html.section(heading, html.figure(gif, alt, caption))
    if mp4 is not None:
        return html.section(heading, html.paragraph("The film is in progress.mp4, too large for this page."))
    return html.section(heading, html.paragraph("There is no film yet: it is made when training ends or pauses."))


def _beside(run: RunFiles) -> Html:
    path = run.file("real_beside_generated.png")
    if _task(run) != "gan":
        return Html("")
    if path is None:
        return html.section("Real beside generated", html.paragraph("This comparison has not been drawn yet."))
    text = "Real pictures of the dataset and generated ones, to be told apart at one glance or not."
    return html.section("Real beside generated", html.figure(path, "Real faces beside generated faces", text))


def _measured(run: RunFiles, charts: dict[str, bytes]) -> Html:
    drawn = [html.figure(chart, f"Chart over the images shown: {CHARTS[name].title}") for name, chart in charts.items()]
    rows = _rows(run)
    if not rows:
        return html.section("Curves", html.paragraph("Nothing has been measured yet."))
    explanation = "Thin lines are single measurements, bold ones their moving average."
    marked = {"resumed": resumed_at(run), "rolled back to": run.undone}
    if any(marked.values()):
        explanation += f" Dotted lines mark where training was {' or '.join(what for what in marked if marked[what])}."
    table = html.table(["Measurement", "first", "last", "lowest", "highest"], rows, "All that was measured")
    return html.section("Curves", html.paragraph(explanation), *drawn, html.details("The numbers", table))


def _rows(run: RunFiles) -> list[list[str]]:
    rows: list[list[str]] = []
    scores = [(f"{name} of a score" if name in run.metrics else name, each) for name, each in run.scores.items()]
    for name, column in [*run.metrics.items(), *run.timing.items(), *scores]:
        values = column[np.isfinite(column)]
        if len(values) and not any(row[0] == name for row in rows):
            rows.append([name, *(f"{value:.6g}" for value in (values[0], values[-1], values.min(), values.max()))])
    return rows


def _trained(run: RunFiles) -> Html:
    dataset, source = _card(run, "dataset"), _card(run, "dataset").get("source")
    settings, parameters, machine = run.settings, _card(run, "parameters"), _card(run, "machine")
    estimate = _card(run, "estimate")
    width, height = (settings.get("width"), settings.get("height"))
    data = {
        "name": settings.get("dataset_name", dataset.get("name")),
        "pictures": _thousands(summary.dataset_count(run)),
        "size": f"{width}×{height}" if width and height else None,
        "crop": dataset.get("crop"),
        "only those with": dataset.get("where"),
        "credit and licence": source.get("credit") if isinstance(source, dict) else None,
        "fingerprint": settings.get("dataset_fingerprint"),
        "folder": settings.get("dataset"),
    }
    computer = {**machine, **{name: settings.get(name) for name in ("device", "precision", "memory_format", "threads")}}
    expected = {"images a second": estimate.get("images_per_second"), "memory, GB": estimate.get("memory_gb")}
    rows = [[name, plain_value(value)] for name, value in run.recipe.items()]
    parts = [
        html.part("Dataset", html.definition(_shown(data))),
        html.part(
            "Networks",
            html.definition({name: f"{_thousands(count)} parameters" for name, count in parameters.items()}),
        )
        if parameters
        else Html(""),
        html.part("Recipe", html.table(["Setting", "value"], rows, f"Recipe {run.recipe.get('name', '')}".strip()))
        if rows
        else html.paragraph("The run has no recipe.toml."),
        html.part("Machine", html.definition(_shown(computer))) if _shown(computer) else Html(""),
        html.part("Estimated before training", html.definition(_shown(expected))) if _shown(expected) else Html(""),
    ]
    return html.section("What was trained on what", *parts)


def _next(run: RunFiles) -> Html:
    name = run.path.resolve().name
    here, model = shlex.quote(str(run.path)), shlex.quote(f"{name}-model")
    recipe = shlex.quote(str(run.recipe.get("name") or "RECIPE"))
    dataset = shlex.quote(str(run.settings.get("dataset") or "DATASET"))
    parts = []
    rate = run.recipe.get("learning_rate")
    if run.card.get("status") == "failed" and run.health in COLLAPSED and isinstance(rate, float):
        parts += [
            html.paragraph("Go on from the last checkpoint more gently, in a new run:"),
            _command(
                f"train {recipe} {dataset} {here} --resume --branch {shlex.quote(f'{run.path}-gentler')} "
                f"--set learning_rate={rate / 2:g}"
            ),
        ]
    elif run.card.get("status") != "finished":
        parts += [
            html.paragraph("Go on training where it stopped:"),
            _command(f"train {recipe} {dataset} {here} --resume"),
        ]
    best, which, said = health_text.best_score(run), "", "of the run"
    if best is not None:
        which, said = " --checkpoint best", f"of the run's best score, {best} (the newest is --checkpoint last),"
    parts += [
        html.paragraph(f"Make a model {said} and draw faces with it:"),
        _command(
            f"export {here} {model}{which}",
            f"generate {model} --count 64 --seed 1 --out {shlex.quote(f'{name}-faces')}",
        ),
    ]
    if _task(run) == "classifier":
        parts[-2:] = [html.paragraph(f"Make a judge {said}:"), _command(f"export {here} {model}{which}")]
    if _task(run) == "makeover":
        parts[-2:] = [
            html.paragraph(f"Make a makeover {said} and change faces with it:"),
            _command(
                f"export {here} {model}{which}", f"makeover {model} photo.jpg --out {shlex.quote(f'{name}-made')}"
            ),
        ]
    present = {name: what for name, what in _FILES.items() if name == "report.html" or (run.path / name).exists()}
    parts.append(html.part("What lies in the folder", html.definition(present)))
    return html.section("What to do next", *parts)


def _command(*lines: str) -> Html:
    return html.code("\n".join(f"facesmith {line}" for line in lines))


def _task(run: RunFiles) -> str:
    """What was trained; games are older than other tasks, and their recipes do not say so."""
    return str(run.recipe.get("task", "gan"))


def _card(run: RunFiles, name: str) -> dict[str, Any]:
    table = run.card.get(name)
    return table if isinstance(table, dict) else {}


def _shown(items: dict[str, Any]) -> dict[str, str]:
    return {name: plain_value(value) for name, value in items.items() if value is not None and value != ""}


def _thousands(value: Any) -> str | None:
    return f"{value:,}" if isinstance(value, int) else None if value is None else str(value)
