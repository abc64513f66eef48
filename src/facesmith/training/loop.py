"""The training loop. Its parts are objects with one purpose each:

- `next_step` takes one step; the task defines what it learns from a batch.
- `Recorder` writes metrics, timing and sample sheets.
- `CollapseGuard` rolls back or stops a run that has collapsed.
- `CheckpointSchedule` and `ScoreSchedule` save and score.
- `Clock` counts training time; `Session` is the entry in run.json.

Progress is counted in real images (kimg: thousands of them).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from facesmith.machine import configure_process
from facesmith.runs.health import DIVERGED
from facesmith.runs.run_text import format_duration
from facesmith.training.periodic import CheckpointSchedule, ScoreSchedule
from facesmith.training.recorder import open_recorder
from facesmith.training.rollback import CollapseGuard, failure_message
from facesmith.training.sampling import DROPOUT, reader, seed_of
from facesmith.training.schedules import apply_schedule
from facesmith.training.session import Clock, TrainingContext, open_session, stop_signals

GOAL, TIME_LIMIT = "goal reached", "time limit reached"


def train_until_end(
    context: TrainingContext,
    minutes: float | None,
    notify: Callable[[str], Any],
    show_bar: bool,
    after_step: Callable[[], Any] = lambda: None,
) -> str | None:
    """Train until the goal, the time limit, a signal or a collapse. Returns the message of a collapse, else None.

    ``after_step`` is called after every step, when its files are written, and may read the run folder.
    """
    clock = Clock(context, minutes, notify)
    configure_process(context.recipe.threads)
    with open_session(context, minutes) as session, stop_signals(context.group) as signals:
        read, location = reader(context.dataset.images_path, context.recipe.data, context.state.device)
        context.task.prepare(read, notify)
        notify(announcement(context, location, minutes))
        with open_recorder(context, clock, show_bar) as recorder:
            guard = CollapseGuard(context, recorder, notify)
            checkpoints = CheckpointSchedule(context, recorder)
            scores = ScoreSchedule(context, recorder, notify)
            reason = GOAL
            if context.progress.step == 0:
                recorder.draw_sheet()
            while not clock.goal_reached:
                recorder.add(next_step(context))
                if recorder.line_is_due:
                    outcome = guard.check(recorder.write_line())
                    clock.plan()
                    if outcome == "failed":
                        break
                    if outcome == "rolled back":
                        checkpoints.reset()
                        scores.reset()
                        continue
                if estimate := clock.estimate(recorder.flush):
                    context.card["estimate"] = estimate
                    recorder.bar.clear()
                    notify(format_estimate(estimate, clock.images_until_end(estimate["images_per_second"])))
                clock.update()
                recorder.draw_sheet_if_due()
                checkpoints.save_if_due()
                scores.measure_if_due()
                after_step()
                if stop_reason := _stop_reason(context, clock, signals):
                    reason = stop_reason
                    break

            # Save first: a process that received a signal may soon be killed.
            if guard.failure is None and not checkpoints.save():
                health = replace(recorder.health, status=DIVERGED, since=context.progress.step)
                guard.failure = failure_message(context, health)
            status = "failed" if guard.failure else "finished" if reason in (GOAL, TIME_LIMIT) else "interrupted"
            session.end(status, guard.failure or reason)
            recorder.draw_sheet()
            if guard.failure is None:
                scores.measure_last()
    return guard.failure


def next_step(context: TrainingContext) -> dict[str, Tensor]:
    """Train on the next batch. Returns the measurements, scalars that stay on the device."""
    progress = context.progress
    recipe = apply_schedule(context.recipe, progress.images_seen, progress.lr_scale, progress.anneal_span)
    torch.manual_seed(seed_of(recipe.seed, DROPOUT, progress.step, progress.rollbacks, context.group.rank))
    metrics = context.task.step(context.state, recipe, progress)
    progress.step += 1
    progress.images_seen += recipe.batch_size
    return metrics


def _stop_reason(context: TrainingContext, clock: Clock, signals: list[str]) -> str | None:
    """Return why to stop before --kimg is reached, if so. Several processes agree only when they write metrics."""
    if context.group.world_size > 1 and context.progress.step % context.recipe.log_steps:
        return None
    reason = signals[0] if signals else TIME_LIMIT if clock.time_is_up else None
    return next((reason for reason in context.group.all_gather(reason) if reason), None)


def announcement(context: TrainingContext, location: str, minutes: float | None) -> str:
    """Return what is about to be trained. ``location`` is where the images are read from: memory or disk."""
    recipe, data, processes = context.recipe, context.dataset, context.group.world_size
    resume_note = f", resumed at {context.progress.kimg:g} kimg" if context.progress.images_seen else ""
    earlier_sessions = context.card["sessions"][:-1]
    previous = earlier_sessions[-1].get("processes", 1) if earlier_sessions else processes
    if resume_note and previous != processes:
        resume_note += f" with {processes} process{'es' * (processes > 1)} instead of {previous}"
    networks = " and ".join(f"{name} {count:,}" for name, count in context.card["parameters"].items())
    threads = f"{recipe.threads} thread{'s' * (recipe.threads != 1)}"
    group = f", {processes} processes" if processes > 1 else ""
    limit = f" or after {minutes:g} minutes, whichever comes first" if minutes is not None else ""
    return (
        f"{recipe.name}: {recipe.about}{resume_note}\n"
        f"  data     {data.name}, {len(data):,} images of {'x'.join(map(str, data.size))}, read from {location}\n"
        f"  networks {networks} parameters\n"
        f"  machine  {recipe.device}, {threads}{group}, {recipe.precision}, {recipe.memory_format}\n"
        f"  ends     at {recipe.kimg:g} kimg ({recipe.kimg * 1000 / len(data):.1f} epochs){limit}\n"
        f"  samples  {context.run.samples}, a new sheet every {recipe.tick_kimg:g} kimg"
    )


def format_estimate(measurement: dict[str, float], images: float) -> str:
    """Return how long the remaining ``images`` take."""
    rate = measurement["images_per_second"]
    return (
        f"measured {rate:.0f} images/s: {images / 1000:.3g} kimg will take about {format_duration(images / rate)}; "
        f"{measurement['memory_gb']:.1f} GB of memory"
    )
