"""Training: dataset → run.

train("tiny", "celeba64", "runs/first", minutes=10)
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.files import lock
from facesmith.progress import in_notebook, silent, tell
from facesmith.reports.run_report import report
from facesmith.runs.checkpoints import read_metadata
from facesmith.runs.run_data import read_card, read_recipe
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.tasks.gan.start import inherited_settings
from facesmith.tasks.notebook_view import NotebookView
from facesmith.tasks.pretrained import find_pretrained, pretrained_terms
from facesmith.tasks.recipes import from_table, get_recipe
from facesmith.tasks.registry import task_type
from facesmith.terms import combine_terms
from facesmith.training.distributed import ProcessGroup, process_group
from facesmith.training.loop import train_until_end
from facesmith.training.recorder import write_final_images
from facesmith.training.run_check import check_recipe, check_records
from facesmith.training.session import TrainingContext
from facesmith.training.settings import AdversarialRecipe, Recipe, with_settings
from facesmith.training.startup import branch as start_branch
from facesmith.training.startup import is_twice_the_size, start_new
from facesmith.training.startup import resume as start_resumed
from facesmith.training.task import Task

MAX_MINUTES = 10_000_000  # nineteen years


def train(
    recipe: str | Recipe,
    dataset: str | Path | Dataset,
    run: str | Path,
    *,
    settings: tuple[str, ...] = (),
    kimg: float | None = None,
    minutes: float | None = None,
    resume: bool = False,
    branch: str | Path | None = None,
    model: str | Path | None = None,
    quiet: bool = False,
) -> Path:
    """Train a recipe on a dataset and return the run folder.

    ``settings`` are ``key=value`` strings for any setting of the recipe; ``model``, the model that a GAN starts from or
    an encoder is fitted to, is one of them. The run ends after ``kimg`` thousand images (default: the recipe's) or
    after ``minutes`` of training, counted over all sessions, whichever is first. ``resume`` continues the run exactly
    from its last checkpoint; with ``branch``, a new run with a changed recipe starts from there, or a larger network on
    a dataset of twice the image size, initialised from the old network. Ctrl-C and SIGTERM save a checkpoint, write the
    images and the report, and return. In a notebook, the newest sheet and curves are shown meanwhile, and interrupting
    the kernel works like Ctrl-C. Started by torchrun, the processes train together.

    Raises `FacesmithError` for an unknown recipe or setting, an image size that the networks cannot generate, a folder
    that exists, a changed recipe or dataset on resume, or a collapse that was not rolled back.
    """
    notify = silent if quiet else tell
    check_minutes(minutes)
    with process_group() as group, ExitStack() as locks:
        if not group.is_rank_zero:
            notify = silent
        changes = [*settings]
        if model is not None and any(change.partition("=")[0].strip() == "model" for change in changes):
            raise FacesmithError("the model is given twice: leave out --set model")
        changes += [f"model={model}"] if model is not None else []
        changes += [f"kimg={kimg}"] if kimg is not None else []
        data = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
        if resume and not branch and group.is_rank_zero and Path(run).is_dir():
            locks.enter_context(lock(Path(run)))
        context = _start(recipe, data, Path(run), changes, resume, Path(branch) if branch else None, minutes, group)
        if group.is_rank_zero and (branch or not resume):
            locks.enter_context(lock(context.run.path))
        view = NotebookView(context.run.path) if notify is tell and in_notebook() else None
        failure = train_until_end(context, minutes, notify, notify is tell, view.refresh if view else lambda: None)
        if group.is_rank_zero:
            notify("writing the video, the charts and the report")
            write_final_images(context)
            page = report(context.run.path)
            if view:
                view.refresh(force=True)
            notify(f"{context.progress.kimg:g} kimg in {context.progress.seconds / 60:.1f} minutes; report: {page}")
        group.barrier()  # torchrun stops all processes when the first one has failed
        if failure:
            raise FacesmithError(failure)
    return context.run.path


def check_minutes(minutes: float | None) -> None:
    if minutes is not None and not 0 < minutes <= MAX_MINUTES:
        raise FacesmithError(f"invalid --minutes {minutes}: expected more than 0 and at most {MAX_MINUTES:,}")


def _start(
    recipe: str | Recipe,
    dataset: Dataset,
    path: Path,
    changes: list[str],
    resume: bool,
    branch: Path | None,
    minutes: float | None,
    group: ProcessGroup,
) -> TrainingContext:
    """Start a new run, resume one, or start a branch."""
    base = get_recipe(recipe) if isinstance(recipe, str) else recipe
    if not resume:
        if branch:
            raise FacesmithError(f"--branch {branch} starts from an existing run: add --resume")
        if group.is_rank_zero and RunFolder(path).exists:
            raise FacesmithError(f"{path} is already a run: resume it with --resume, or choose another name")
        inherited = group.on_rank_zero(lambda: inherited_settings(base, changes))
        return start_new(with_settings(base, [*inherited, *changes]), dataset, path, group, make_task)
    source = RunFolder(path)
    table, trained_on = group.on_rank_zero(lambda: read_recipe(source))
    old_recipe = from_table(table, source.recipe)
    recorded = group.on_rank_zero(lambda: read_card(source)).get("recipe")
    if recorded is not None:  # version 0.1 did not record it
        check_recipe(source, old_recipe, from_table(recorded, source.card))
    if old_recipe.name != base.name:
        raise FacesmithError(
            f"{path} was trained with the recipe {old_recipe.name}, not {base.name}: use that recipe to resume it"
        )
    if branch and is_twice_the_size(trained_on, dataset) and isinstance(old_recipe, AdversarialRecipe):
        old_recipe = old_recipe.grow()
        minutes = None  # a larger network starts anew
    changed = with_settings(old_recipe, changes)
    if isinstance(changed, GANRecipe) and isinstance(old_recipe, GANRecipe) and changed.model != old_recipe.model:
        raise FacesmithError(f"{path} cannot change the model it started from: leave out --model, or start a new run")
    if branch:
        group.on_rank_zero(lambda: _check_branch_minutes(source, minutes))
        return start_branch(changed, old_recipe, dataset, path, branch, group, make_task)
    group.on_rank_zero(lambda: check_records(source, old_recipe))
    return start_resumed(changed, old_recipe, dataset, path, group, make_task)


def _check_branch_minutes(source: RunFolder, minutes: float | None) -> None:
    """Raise `FacesmithError` for a branch that would end at once, before its folder is created."""
    checkpoint = source.last_checkpoint()
    seconds = read_metadata(checkpoint)["seconds"] if checkpoint else 0.0
    if minutes is not None and 60 * minutes <= seconds:
        raise FacesmithError(
            f"{source.path} has already trained for {seconds / 60:.1f} minutes: set a higher --minutes to branch from "
            "it"
        )


def make_task(recipe: Recipe, dataset: Dataset, group: ProcessGroup, known: dict[str, Path] | None = None) -> Task[Any]:
    """Create the task of a recipe whose machine settings are resolved.

    Trained folders that are not in ``known`` are looked up by the recipe's settings. Raises `FacesmithError` for a
    dataset that the task cannot use, or for a trained folder that does not fit.
    """
    pretrained = group.on_rank_zero(lambda: find_pretrained(recipe, known))
    task: Task[Any] = task_type(recipe.task)(recipe, dataset, group, pretrained)
    task.terms = combine_terms([task.terms, *group.on_rank_zero(lambda: pretrained_terms(pretrained))])
    return task
