"""The collapse rule: when a run's health collapses, return to a healthy checkpoint with a lower learning rate, or stop.

`facesmith.training.collapse` detects the collapse.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from facesmith.runs.checkpoints import list_checkpoints, read_metadata
from facesmith.runs.health import COLLAPSED, DIVERGED, meaning
from facesmith.training.checkpoint import Progress, load, save
from facesmith.training.collapse import Health
from facesmith.training.recorder import Recorder
from facesmith.training.schedules import next_due
from facesmith.training.session import TrainingContext
from facesmith.training.settings import Recipe
from facesmith.training.train_state import is_finite

LR_SCALE_AFTER_COLLAPSE, LR_SCALE_AFTER_DIVERGENCE = 0.5, 0.25


class CollapseGuard:
    """Acts on the health after each line of the metrics. ``failure`` is the message when training has to stop."""

    def __init__(self, context: TrainingContext, recorder: Recorder, notify: Callable[[str], Any]) -> None:
        self.context, self.recorder, self.notify = context, recorder, notify
        self.failure: str | None = None
        self._last_status = recorder.health.status

    def check(self, health: Health) -> Literal["continue", "rolled back", "failed"]:
        """Report a changed health; after a collapse, do what the recipe's ``on_collapse`` asks for."""
        context, recipe = self.context, self.context.recipe
        if health.status != self._last_status:
            self.recorder.bar.clear()
            self.recorder.add_health_event()
            self.notify(f"at {context.progress.kimg:g} kimg: {health.status}: {meaning(health.status, recipe.task)}")
        self._last_status = health.status
        if health.status not in COLLAPSED or (recipe.on_collapse == "warn" and is_finite(context.state)):
            return "continue"
        if recipe.on_collapse != "rollback" or context.progress.rollbacks >= recipe.rollbacks:
            self.failure = failure_message(context, health)
            return "failed"
        roll_back(context, health)
        progress = context.progress
        self.notify(
            f"rolled back to {progress.kimg:g} kimg; continuing with new noise and {progress.lr_scale:g} times the "
            f"learning rate (rollback {progress.rollbacks} of at most {recipe.rollbacks}; the removed records are in "
            f"{context.run.rolled_back})"
        )
        self.recorder.reset()
        self.recorder.add_health_event()
        self._last_status = self.recorder.health.status
        context.write_card()
        return "rolled back"


def failure_message(context: TrainingContext, health: Health) -> str:
    """Return why training stopped, and what the user can do."""
    rollbacks = f" after {context.progress.rollbacks} rollbacks" if context.progress.rollbacks else ""
    return (
        f"{context.run.path} was stopped{rollbacks}: {health.status} since step {health.since}; branch from its "
        "last checkpoint with --resume --branch NEW_RUN and a lower --set learning_rate"
    )


def roll_back(context: TrainingContext, health: Health) -> None:
    """Return ``context`` to a healthy checkpoint, and move what was recorded since to rolled_back/NUMBER.

    The checkpoint is the newest from before the collapse began. The one that a rollback has already returned to is
    skipped in favour of an older one; without any, the run starts again from step 0. The number of rollbacks changes
    the noise of later steps. The new state is written before the old one is removed, so a run that is killed meanwhile
    detects the same collapse again and rolls back once more.
    """
    group, run, old_progress = context.group, context.run, context.progress
    paths = group.on_rank_zero(lambda: list_checkpoints(run.checkpoints))
    healthy = group.on_rank_zero(lambda: _healthy(paths, health, old_progress.rollback_step, context.recipe))
    context.state = context.task.new_state()
    progress = load(healthy[-1], context.state) if healthy else Progress()
    scale = LR_SCALE_AFTER_DIVERGENCE if health.status == DIVERGED else LR_SCALE_AFTER_COLLAPSE
    context.progress = replace(
        progress,
        seconds=old_progress.seconds,  # the time has been spent
        rollbacks=old_progress.rollbacks + 1,
        rollback_step=progress.step,
        lr_scale=old_progress.lr_scale * scale,
    )
    if group.is_rank_zero:
        newest = save(run, context.state, context.progress, keep=len(paths) + 1)
        for path in paths:
            if path.name > newest.name:
                path.unlink()
        archive = run.rolled_back / str(context.progress.rollbacks)
        archive.mkdir(parents=True, exist_ok=True)
        run.cut(context.progress.step, context.progress.kimg, archive)
    group.barrier()


def _healthy(paths: list[Path], health: Health, rollback_step: int, recipe: Recipe) -> list[Path]:
    """Return the checkpoints to return to, the best choice last.

    Checkpoints that only an interruption has left are used only if there are no others: a run that was never
    interrupted does not have them.
    """
    metadata = {path: read_metadata(path) for path in paths}
    healthy = [path for path in paths if metadata[path]["step"] <= health.since]
    if len(healthy) > 1 and metadata[healthy[-1]]["step"] == rollback_step:
        healthy.pop()
    regular = [path for path in healthy if _is_regular(metadata[path]["images_seen"], recipe)]
    return regular or healthy


def _is_regular(images_seen: int, recipe: Recipe) -> bool:
    """Return whether a checkpoint was due at this number of images."""
    return next_due(recipe.checkpoint_kimg, images_seen - recipe.batch_size) <= images_seen
