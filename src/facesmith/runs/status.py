"""The status of a run, while it trains and afterwards, and its summary for a list of runs."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facesmith.errors import FacesmithError
from facesmith.runs import health, run_text
from facesmith.runs.json_lines import as_number, last_value
from facesmith.runs.run_data import RunData, read_card, read_recipe, sample_sheets
from facesmith.runs.run_folder import RunFolder

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


@dataclass(frozen=True)
class RunSummary:
    """What a list of runs shows. While a run trains, only `RunStatus` is up to date."""

    status: str
    recipe: str
    dataset: str
    kimg: float
    goal_kimg: float | None
    health: str | None
    started: str | None
    ended: str | None
    sheet: Path | None  # the newest sample sheet


def status_of(run: RunData, written_at: float, now: float | None = None) -> RunStatus:
    """Return the status of a run whose files were last written at ``written_at``, in seconds like `time.time`.

    Raises `FacesmithError` for an invalid card.
    """
    status = str(run.card.get("status"))
    if status not in ("running", "finished", "interrupted", "failed"):
        raise FacesmithError(f"{run.path / 'run.json'} has no valid status: it was not written by facesmith")
    if status == "running":
        run = _up_to_now(run)
        status = "silent" if _silent(run, (time.time() if now is None else now) - written_at) else status
    kimg, epochs = run_text.kimg_and_epochs(run)
    seconds, speed = as_number(run.card.get("seconds")), _speed(run, status)
    goal = run.card_table("goal")
    goal_kimg, goal_minutes = as_number(goal.get("kimg")), as_number(goal.get("minutes"))
    remarks, warnings = run_text.describe_learning(run)
    return RunStatus(
        status=status,
        sentence=_sentence(run, status),
        task=str(run.recipe.get("task", "gan")),
        recipe=str(run.recipe.get("name") or "unnamed"),
        dataset=str(run.trained_on.get("dataset_name") or "an unnamed dataset"),
        pictures=run_text.dataset_count(run),
        kimg=kimg,
        epochs=epochs,
        seconds=seconds,
        images_per_second=speed,
        goal_kimg=goal_kimg,
        goal_minutes=goal_minutes,
        share=_share(kimg, goal_kimg, seconds, goal_minutes),
        seconds_left=_remaining_seconds(kimg, goal_kimg, seconds, goal_minutes, speed) if status == "running" else None,
        health=run.health,
        health_text=health.describe_health(run),
        health_history=health.describe_health_events(run),
        remarks=remarks,
        warnings=warnings,
        history=run_text.describe_history(run),
        best=health.describe_best_score(run),
    )


def summarize_run(path: str | Path) -> RunSummary:
    """Summarize a run folder. Raises `FacesmithError` if its card or recipe is unreadable."""
    run = RunFolder(Path(path))
    card, (recipe, _), sheets = read_card(run), read_recipe(run), sample_sheets(run.samples)
    try:
        return RunSummary(
            status=card["status"],
            recipe=recipe["name"],
            dataset=card["dataset"]["name"],
            kimg=card.get("kimg") or 0.0,
            goal_kimg=(card.get("goal") or {}).get("kimg"),
            health=card.get("health"),
            started=card.get("started"),
            ended=card.get("ended"),
            sheet=sheets[-1][1] if sheets else None,
        )
    except (AttributeError, LookupError, TypeError) as error:
        raise FacesmithError(
            f"{run.path} has a damaged run.json or recipe.toml ({type(error).__name__}): restore the file from a "
            "backup, or train the run again"
        ) from None


def _up_to_now(run: RunData) -> RunData:
    """Return the run with the newest measurements on its card, which is only written with every sample sheet."""
    latest = {"kimg": last_value(run.metrics, "kimg"), "seconds": last_value(run.timing, "seconds")}
    return replace(run, card=run.card | {name: value for name, value in latest.items() if value is not None})


def _silent(run: RunData, quiet_for: float) -> bool:
    """Return whether nothing was written for longer than scores and images take."""
    seconds = run.timing.get("seconds", np.empty(0))[-_RECENT_LINES:]
    line = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.0
    return quiet_for > max(MIN_SILENCE_SECONDS, MIN_SILENCE_LINES * line)


def _sentence(run: RunData, status: str) -> str:
    if status == "running":
        return f"The run is training: {run_text.describe_progress(run)} so far."
    if status == "silent":
        return (
            "Nothing has been written for a long time, so the machine may have stopped. "
            f"The run had trained on {run_text.describe_progress(run)}. It can be resumed without loss."
        )
    return run_text.describe_status(run)


def _speed(run: RunData, status: str) -> float | None:
    """Return images per second: at present while it trains, else on average."""
    recent = run.timing.get("images_per_second", np.empty(0))[-_RECENT_LINES:]
    recent = recent[np.isfinite(recent)]
    return float(np.median(recent)) if status == "running" and len(recent) else run_text.mean_speed(run)


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
