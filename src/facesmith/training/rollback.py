"""What follows a collapse: back to a healthy checkpoint, and on with other noise and smaller steps."""

from dataclasses import replace
from pathlib import Path

from facesmith.files import finished_files
from facesmith.runs import run_folder as runs
from facesmith.runs.health import DIVERGED
from facesmith.training import checkpoint
from facesmith.training.checkpoint import Progress
from facesmith.training.collapse import Health
from facesmith.training.sampling import due
from facesmith.training.settings import Recipe
from facesmith.training.start import Start


def roll_back(here: Start, health: Health) -> None:
    """Put ``here`` back where it was healthy, and set aside what was recorded since.

    The checkpoint is the newest from before the trouble began; the one that a rollback has already returned to is
    passed over for an older one, and where there is none the run begins anew. The noise of the steps to come follows
    from the number of rollbacks, and the learning rate is halved (after a divergence: quartered). The new state is
    written before the old is removed, so a run killed on the way meets the same trouble again and rolls back once more.
    """
    group, collapsed = here.group, here.progress
    stored = group.on_rank_zero(lambda: checkpoint.stored(here.run.checkpoints))
    healthy = group.on_rank_zero(lambda: _healthy(stored, health, collapsed.rollback_step, here.recipe))
    here.state = here.task.fresh()
    back = checkpoint.load(healthy[-1], here.state) if healthy else Progress()
    here.progress = replace(
        back,
        seconds=collapsed.seconds,  # the time is spent
        rollbacks=collapsed.rollbacks + 1,
        rollback_step=back.step,
        lr_scale=collapsed.lr_scale * (0.25 if health.status == DIVERGED else 0.5),
    )
    if group.is_rank_zero:
        kept = checkpoint.save(here.run.checkpoints, here.state, here.progress, keep=len(stored) + 1)
        for path in stored:
            if path.name > kept.name:
                path.unlink()
        _set_aside(here)
    group.barrier()


def _healthy(stored: list[Path], health: Health, rollback_step: int, recipe: Recipe) -> list[Path]:
    """The checkpoints that may be returned to, the best choice last.

    Those that only an interruption has left come behind all others: the run never interrupted does not have them.
    """
    cards = {path: checkpoint.read_card(path) for path in stored}
    healthy = [path for path in stored if cards[path]["step"] <= health.since]
    if len(healthy) > 1 and cards[healthy[-1]]["step"] == rollback_step:
        healthy.pop()
    regular = [path for path in healthy if _regular(cards[path]["images_seen"], recipe)]
    return regular or healthy


def _regular(shown: int, recipe: Recipe) -> bool:
    """Whether a checkpoint was due when that many pictures had been shown."""
    return due(recipe.checkpoint_kimg, shown - recipe.batch_size) <= shown


def _set_aside(here: Start) -> None:
    """Move what was recorded after the progress now reached to rolled_back/NUMBER: lines, and sheets."""
    progress, folder = here.progress, here.run.rolled_back / str(here.progress.rollbacks)
    folder.mkdir(parents=True, exist_ok=True)
    for path in here.run.records:
        runs.cut_lines(path, progress.step, folder / path.name)
    for sample in finished_files(here.run.samples, ".png"):
        if sample.stem > checkpoint.kimg_name(progress.kimg):
            sample.replace(folder / sample.name)
