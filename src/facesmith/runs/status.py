"""How a run stands: what there is to know of it at a glance, while it trains and after."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facesmith.errors import FacesmithError
from facesmith.runs import health_text, summary
from facesmith.runs.json_lines import Columns
from facesmith.runs.run_files import RunFiles

_RECENT_LINES = 20  # of the timing: what the speed is now
_SILENCE, _SILENT_LINES = 600.0, 20  # seconds, and lines' time, without a word after which training may have stopped


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """``status`` is running, silent (it should be writing, and is not), finished, interrupted or failed.

    ``sentence``, ``health_text`` (the verdict with its meaning), ``story`` (of the watch), ``remarks``, ``warnings``,
    ``history`` and ``best`` are words. ``share`` of the goal is reached, of 1; ``seconds_left`` is what the rest will
    take at the present speed. What is not known is None.
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


def status_of(run: RunFiles, written: float, now: float | None = None) -> RunStatus:
    """The status of a run of which something was last written at ``written``, a time as `time.time` gives it.

    Raises `FacesmithError` for a card that no training wrote.
    """
    status = str(run.card.get("status"))
    if status not in ("running", "finished", "interrupted", "failed"):
        raise FacesmithError(
            f"{run.path / 'run.json'} says nothing of how the run stands: it was not written by facesmith"
        )
    if status == "running":
        run = _up_to_now(run)
        status = "silent" if _silent(run, (time.time() if now is None else now) - written) else status
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
        seconds_left=_left(kimg, goal_kimg, seconds, goal_minutes, speed) if status == "running" else None,
        health=run.health,
        health_text=health_text.sentence(run),
        health_history=health_text.history(run),
        remarks=remarks,
        warnings=warnings,
        history=summary.history(run),
        best=health_text.best_score(run),
    )


def _up_to_now(run: RunFiles) -> RunFiles:
    """The run with what was measured last on its card, which is written only with every sheet."""
    latest = {"kimg": _last(run.metrics, "kimg"), "seconds": _last(run.timing, "seconds")}
    return replace(run, card=run.card | {name: value for name, value in latest.items() if value is not None})


def _silent(run: RunFiles, quiet_for: float) -> bool:
    """Whether training has been quiet for longer than its scores and its pictures explain."""
    seconds = run.timing.get("seconds", np.empty(0))[-_RECENT_LINES:]
    line = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.0
    return quiet_for > max(_SILENCE, _SILENT_LINES * line)


def _sentence(run: RunFiles, status: str) -> str:
    if status == "running":
        return f"The run is going: {summary.images_shown(run)} have been shown."
    if status == "silent":
        return (
            f"Nothing has been written for long, so its machine may have stopped without a word: "
            f"{summary.images_shown(run)} were shown. It can be resumed without loss."
        )
    return summary.status_sentence(run)


def _speed(run: RunFiles, status: str) -> float | None:
    """Images a second: now while it trains, else over all of it."""
    recent = run.timing.get("images_per_second", np.empty(0))[-_RECENT_LINES:]
    recent = recent[np.isfinite(recent)]
    return float(np.median(recent)) if status == "running" and len(recent) else summary.speed_reached(run)


def _share(kimg: float, goal_kimg: float | None, seconds: float | None, minutes: float | None) -> float | None:
    """Of the goal that is nearer."""
    shares = [kimg / goal_kimg] if goal_kimg else []
    shares += [(seconds or 0.0) / (60 * minutes)] if minutes else []
    return min(1.0, max(shares)) if shares else None


def _left(
    kimg: float, goal_kimg: float | None, seconds: float | None, minutes: float | None, speed: float | None
) -> float | None:
    """Seconds to the goal that is nearer."""
    ways = [1000 * (goal_kimg - kimg) / speed] if goal_kimg and speed else []
    ways += [60 * minutes - seconds] if minutes and seconds is not None else []
    return max(0.0, min(ways)) if ways else None


def _last(columns: Columns, name: str) -> float | None:
    column = columns.get(name)
    return float(column[-1]) if column is not None and len(column) and np.isfinite(column[-1]) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
