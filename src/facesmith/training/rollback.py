"""Rollback after a collapse: return to a healthy checkpoint, with new noise and a lower learning rate."""

from dataclasses import replace
from pathlib import Path

from facesmith.runs.checkpoints import list_checkpoints, read_metadata
from facesmith.runs.health import DIVERGED
from facesmith.training.checkpoint import Progress, load, save
from facesmith.training.collapse import Health
from facesmith.training.context import TrainingContext
from facesmith.training.sampling import next_due
from facesmith.training.settings import Recipe

LR_SCALE_AFTER_COLLAPSE, LR_SCALE_AFTER_DIVERGENCE = 0.5, 0.25


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
    """Whether a checkpoint was due at this number of images."""
    return next_due(recipe.checkpoint_kimg, images_seen - recipe.batch_size) <= images_seen
