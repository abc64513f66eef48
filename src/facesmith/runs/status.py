"""The status of a run at a glance, while it trains and afterwards."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facesmith.errors import FacesmithError
from facesmith.runs import health_text, summary
from facesmith.runs.json_lines import Columns
from facesmith.runs.run_files import RunFiles

_RECENT_LINES = 20  # of the timing, for the present speed
MIN_SILENCE_SECONDS, MIN_SILENCE_LINES = 600.0, 20  # without a new line; then the machine may have stopped


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """The status of a run; unknown values are None.

    ``status`` is running, silent (it should be writing but is not), finished, interrupted or failed. ``share`` is the
    part of the goal that is reached, 0 to 1; ``seconds_left`` is estimated from the present speed. ``sentence``,
    ``health_text``, ``health_history``, ``remarks``, ``warnings``, ``history`` and ``best`` are text.
    """

    status: str
    sentence: str
    task: str
    recipe: str
    dataset: str
    pictures: int | None
    kimg: float
    epochs: float | None
    seconds: float | None
    images_per_second: float | None
    goal_kimg: float | None
    goal_minutes: float | None
    share: float | None
    seconds_left: float | None
    health: str | None
    health_text: str | None
    health_history: list[str]
    remarks: list[str]
    warnings: list[str]
    history: list[str]
    best: str | None


def status_of(run: RunFiles, written_at: float, now: float | None = None) -> RunStatus:
    """Return the status of a run whose files were last written at ``written_at``, in seconds like `time.time`.

    Raises `FacesmithError` for an invalid card.
    """
    status = str(run.card.get("status"))
    if status not in ("running", "finished", "interrupted", "failed"):
        raise FacesmithError(f"{run.path / 'run.json'} has no valid status: it was not written by facesmith")
    if status == "running":
        run = _up_to_now(run)
        status = "silent" if _silent(run, (time.time() if now is None else now) - written_at) else status
    kimg, epochs = summary.progress_made(run)
    seconds, speed = _number(run.card.get("seconds")), _speed(run, status)
    goal = run.card.get("goal")
    goal = goal if isinstance(goal, dict) else {}
    goal_kimg, goal_minutes = _number(goal.get("kimg")), _number(goal.get("minutes"))
    remarks, warnings = summary.learning(run)
    return RunStatus(
        status=status,
        sentence=_sentence(run, status),
        task=str(run.recipe.get("task", "gan")),
        recipe=str(run.recipe.get("name") or "unnamed"),
        dataset=str(run.settings.get("dataset_name") or "an unnamed dataset"),
        pictures=summary.dataset_count(run),
        kimg=kimg,
        epochs=epochs,
        seconds=seconds,
        images_per_second=speed,
        goal_kimg=goal_kimg,
        goal_minutes=goal_minutes,
        share=_share(kimg, goal_kimg, seconds, goal_minutes),
        seconds_left=_remaining_seconds(kimg, goal_kimg, seconds, goal_minutes, speed) if status == "running" else None,
        health=run.health,
        health_text=health_text.sentence(run),
        health_history=health_text.history(run),
        remarks=remarks,
        warnings=warnings,
        history=summary.history(run),
        best=health_text.best_score(run),
    )


def _up_to_now(run: RunFiles) -> RunFiles:
    """Return the run with the newest measurements on its card, which is only written with every sample sheet."""
    latest = {"kimg": _last(run.metrics, "kimg"), "seconds": _last(run.timing, "seconds")}
    return replace(run, card=run.card | {name: value for name, value in latest.items() if value is not None})


def _silent(run: RunFiles, quiet_for: float) -> bool:
    """Whether nothing was written for longer than scores and images take."""
    seconds = run.timing.get("seconds", np.empty(0))[-_RECENT_LINES:]
    line = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.0
    return quiet_for > max(MIN_SILENCE_SECONDS, MIN_SILENCE_LINES * line)


def _sentence(run: RunFiles, status: str) -> str:
    if status == "running":
        return f"The run is training: {summary.images_shown(run)} have been shown."
    if status == "silent":
        return (
            f"Nothing has been written for a long time, so its machine may have stopped: "
            f"{summary.images_shown(run)} were shown. It can be resumed without loss."
        )
    return summary.status_sentence(run)


def _speed(run: RunFiles, status: str) -> float | None:
    """Return images per second: at present while it trains, else on average."""
    recent = run.timing.get("images_per_second", np.empty(0))[-_RECENT_LINES:]
    recent = recent[np.isfinite(recent)]
    return float(np.median(recent)) if status == "running" and len(recent) else summary.speed_reached(run)


def _share(kimg: float, goal_kimg: float | None, seconds: float | None, minutes: float | None) -> float | None:
    """Return the share reached of the goal that is nearer."""
    shares = [kimg / goal_kimg] if goal_kimg else []
    shares += [(seconds or 0.0) / (60 * minutes)] if minutes else []
    return min(1.0, max(shares)) if shares else None


def _remaining_seconds(
    kimg: float, goal_kimg: float | None, seconds: float | None, minutes: float | None, speed: float | None
) -> float | None:
    """Return the seconds to the goal that is nearer."""
    times = [1000 * (goal_kimg - kimg) / speed] if goal_kimg and speed else []
    times += [60 * minutes - seconds] if minutes and seconds is not None else []
    return max(0.0, min(times)) if times else None


def _last(columns: Columns, name: str) -> float | None:
    column = columns.get(name)
    return float(column[-1]) if column is not None and len(column) and np.isfinite(column[-1]) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
