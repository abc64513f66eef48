"""Sentences about how a run went, for readers who are new to GANs."""

import json
from datetime import datetime
from typing import Any

import numpy as np

from facesmith.runs.charts import CHARTS
from facesmith.runs.health import COLLAPSED, D_WINNING, DIVERGED
from facesmith.runs.json_lines import as_number, last_value
from facesmith.runs.run_data import RunData
from facesmith.runs.run_folder import CARD

_RECENT = 0.1  # the last tenth of the measurements is "at the end"
_FAR_AHEAD = 0.98  # accuracy; whether it does harm depends on D's loss, which the health considers
_REASONS = {
    "finished": "the goal was reached",
    "interrupted": "it was interrupted",
    "failed": "it failed",
    "running": "it is still running",
}

_FILES = {
    "report.html": "this report",
    "recipe.toml": "all settings",
    CARD: "status, times, sessions and machine",
    "metrics.jsonl": "losses, accuracies, diversity and health, one line per measurement",
    "timing.jsonl": "speed and memory, one line per measurement",
    "scores.jsonl": "scores, one line per measurement",
    **{f"{name}.png": f"chart: {chart.title.partition(' (')[0]}" for name, chart in CHARTS.items()},
    "real_beside_generated.png": "real and generated faces",
    "progress.mp4": "video of the sample sheets",
    "progress.gif": "the same video as a GIF",
    "pretrained": "copies of the pretrained models that this run uses",
    "samples": "sample sheets, named after the thousands of images shown",
    "checkpoints": "checkpoints, for resuming and exporting",
    "best.safetensors": "the model with the best score",
    "rolled_back": "measurements and sheets removed by rollbacks, one folder per rollback",
}


def describe_status(run: RunData) -> str:
    """Return the status of the run in a sentence."""
    status = run.card.get("status")
    progress = describe_progress(run)
    if status == "finished":
        return f"The run finished after {progress}."
    if status == "interrupted":
        return f"The run was interrupted before its goal, after {progress}. It can be resumed without loss."
    if status == "failed":
        return f"The run failed after {progress}. It can be resumed from its last checkpoint."
    return f"The run is still training, or its machine has stopped: {progress} so far."


def describe_progress(run: RunData) -> str:
    kimg, epochs = kimg_and_epochs(run)
    text = f"{kimg * 1000:,.0f} real images"
    return text if epochs is None else f"{text} ({epochs:,.1f} passes over the dataset)"


def kimg_and_epochs(run: RunData) -> tuple[float, float | None]:
    """Return the kimg shown and the number of epochs (None if the size of the dataset is unknown)."""
    kimg = as_number(run.card.get("kimg"))
    if kimg is None:
        kimg = last_value(run.metrics, "kimg") or 0.0
    count = dataset_count(run)
    return kimg, kimg * 1000 / count if count else None


def dataset_count(run: RunData) -> int | None:
    count = run.trained_on.get("count", run.card_table("dataset").get("count"))
    return int(count) if isinstance(count, int) and count > 0 else None


def describe_history(run: RunData) -> list[str]:
    """Return when the run was trained, how long and how fast, and its interruptions."""
    card, sentences = run.card, []
    started, ended = format_time(card.get("started")), format_time(card.get("ended"))
    if started:
        sentences.append(f"Started {started}" + (f" and ended {ended}." if ended else " and has not ended."))
    seconds = as_number(card.get("seconds"))
    if seconds:
        speed = mean_speed(run)
        text = f"Training took {format_duration(seconds)}"
        sentences.append(text + (f" at {speed:,.0f} images per second." if speed else "."))
    if len(rows := session_rows(run)) > 1:
        sentences.append(
            f"It was trained in {len(rows)} sessions. Each session after the first resumed from the last checkpoint."
        )
    if card.get("status") == "failed" and rows and (reason := rows[-1][-1]) not in ("–", *_REASONS.values()):
        sentences.append(f"Reason: {reason}.")
    goal = _goal(run.card_table("goal"))
    if goal:
        sentences.append(f"The goal was {goal}.")
    if run.broken_lines:
        lines = "One incomplete line" if run.broken_lines == 1 else f"{run.broken_lines} incomplete lines"
        sentences.append(
            f"{lines} in the measurements, left by a crash, {'is' if run.broken_lines == 1 else 'are'} ignored."
        )
    return sentences


def session_rows(run: RunData) -> list[list[str]]:
    """Return a row for each session: start, end, kimg at both, and why it ended."""
    return [
        [
            format_time(session.get("started")) or "–",
            format_time(session.get("ended")) or "–",
            _kimg(session.get("from_kimg")),
            _kimg(session.get("to_kimg")),
            _REASONS.get(reason := str(session.get("reason") or "–"), reason),
        ]
        for session in run.card.get("sessions") or []
        if isinstance(session, dict)
    ]


def describe_learning(run: RunData) -> tuple[list[str], list[str]]:
    """Return remarks and warnings about losses and accuracies at the end of the run.

    If the health is known, its own sentence warns, and these sentences agree with it.
    """
    remarks, warnings = [], []
    losses = {name: mean_at_end(run, f"loss_{name}") for name in ("D", "G")}
    values = [f"{loss:.3f} for {name}" for name, loss in losses.items() if loss is not None]
    if values:
        remarks.append(f"The losses at the end: {' and '.join(values)} (D is the discriminator, G the generator).")
        remarks.append(
            "In a GAN, losses do not fall as faces improve: look at the samples and at the balance between D and G."
        )
    for name in ("D", "G", "E", "C"):
        column = run.metrics.get(f"loss_{name}")
        if column is not None and len(column) and not np.isfinite(column[-1]) and run.health != DIVERGED:
            warnings.append(
                f"The last loss of {name} is not a number: training diverged. Resume from an earlier checkpoint with a "
                "lower learning rate."
            )
    for name, network in (("E", "the encoder"), ("C", "the classifier")):
        if (loss := mean_at_end(run, f"loss_{name}")) is not None:
            remarks.append(f"The loss of {network} at the end: {loss:.4g}. It falls while the network improves.")
    real, fake = mean_at_end(run, "accuracy_real"), mean_at_end(run, "accuracy_fake")
    if real is not None and fake is not None:
        accuracy = (real + fake) / 2
        remarks.append(
            f"At the end, D classified {real:.0%} of the real and {fake:.0%} of the generated faces correctly, "
            f"{accuracy:.0%} overall; guessing gives 50%."
        )
        alarming = accuracy > _FAR_AHEAD and run.health is None
        if run.health not in COLLAPSED:  # after a collapse the balance has no meaning
            (warnings if alarming else remarks).append(_balance(accuracy, run.health))
    return remarks, warnings


def mean_at_end(run: RunData, name: str) -> float | None:
    """Return the mean of the last tenth of a column, or None if it has no values."""
    column = run.metrics.get(name)
    if column is None or not len(column):
        return None
    end = column[-max(1, round(len(column) * _RECENT)) :]
    end = end[np.isfinite(end)]
    return float(end.mean()) if len(end) else None


def mean_speed(run: RunData) -> float | None:
    """Return images per second over the whole training time, else the median of the measurements."""
    seconds, (kimg, _) = as_number(run.card.get("seconds")), kimg_and_epochs(run)
    if seconds and kimg:
        return kimg * 1000 / seconds
    speeds = run.timing.get("images_per_second", np.empty(0))
    speeds = speeds[np.isfinite(speeds)]
    return float(np.median(speeds)) if len(speeds) else None


def format_duration(seconds: float) -> str:
    """Format a duration: "45 seconds", "12 minutes", "3 hours 5 minutes" or "2 days 4 hours"."""
    if seconds < 90:
        return _unit(round(seconds), "second")
    minutes = round(seconds / 60)
    if minutes < 90:
        return _unit(minutes, "minute")
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return _unit(hours, "hour") + (f" {_unit(minutes, 'minute')}" if minutes else "")
    days, hours = divmod(hours, 24)
    return _unit(days, "day") + (f" {_unit(hours, 'hour')}" if hours else "")


def format_time(text: Any) -> str | None:
    """Return an ISO time as "21 November 2025, 23:05 UTC", other text unchanged, and None for an empty value."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return str(text)
    return f"{moment.day} {moment:%B %Y, %H:%M} {moment.tzname() or 'UTC'}"


def format_value(value: Any) -> str:
    """Return a setting as text: yes or no, numbers without noise, tables and lists as JSON."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def describe_files(run: RunData) -> dict[str, str]:
    """Return the files and folders that a run has, with their purpose."""
    return {name: text for name, text in _FILES.items() if name == "report.html" or (run.path / name).exists()}


def _balance(accuracy: float, health: str | None) -> str:
    if accuracy > _FAR_AHEAD and health == D_WINNING:
        return "D is almost never wrong, as the run's health shows."
    if accuracy > _FAR_AHEAD and health is not None:
        return "D is far ahead, but its loss still gives G useful gradients."
    if accuracy > _FAR_AHEAD:
        return (
            "D is almost never wrong, so G learns little. If the newest faces are not better than earlier ones, use an "
            "earlier checkpoint or a lower learning rate."
        )
    if accuracy > 0.6:
        return "D is slightly ahead of G, which is where G learns most."
    return (
        "D can hardly distinguish real from generated faces: a good sign if the faces look right, otherwise a sign "
        "of a weak D."
    )


def _goal(goal: dict[str, Any]) -> str:
    parts = []
    if (kimg := as_number(goal.get("kimg"))) is not None:
        parts.append(f"{kimg * 1000:,.0f} images")
    if (minutes := as_number(goal.get("minutes"))) is not None:
        parts.append(format_duration(minutes * 60))
    return " or ".join(parts) + (", whichever came first" if len(parts) > 1 else "")


def _kimg(value: Any) -> str:
    number = as_number(value)
    return "–" if number is None else f"{number:,.1f}"


def _unit(count: int, unit: str) -> str:
    return f"{count:,} {unit}{'' if count == 1 else 's'}"
