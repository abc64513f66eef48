"""The start of a run: a new run, a resumed one, or a branch of another run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from facesmith import doctor
from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, remove_partial_files
from facesmith.machine import choose_device, configure_process, device_memory, machine_cores, usable_cores
from facesmith.networks.build import count_parameters
from facesmith.runs.health import HEALTHY
from facesmith.runs.run_data import read_card, read_recipe
from facesmith.runs.run_folder import RunFolder, utc_now
from facesmith.terms import combine_terms, terms_of
from facesmith.training.checkpoint import Progress, load, load_smaller, save
from facesmith.training.distributed import SINGLE_PROCESS, ProcessGroup
from facesmith.training.session import TrainingContext, is_out_of_memory
from facesmith.training.settings import (
    RESUMABLE_SETTINGS,
    AnyRecipe,
    Recipe,
    as_table,
    differences,
    pretrained_settings,
)
from facesmith.training.task import Task

BYTES_PER_PIXEL = 3 * 4 * 8  # a batch in float32, and at least seven times as much for the layers of G and D


class TaskFactory(Protocol):
    """Creates the task of a recipe. Trained folders that are not in ``pretrained`` are looked up by their settings."""

    def __call__(
        self, recipe: Any, dataset: Dataset, group: ProcessGroup, pretrained: dict[str, Path] | None = None, /
    ) -> Task[Any]: ...


def start_new(
    recipe: Recipe,
    dataset: Dataset,
    path: Path,
    group: ProcessGroup,
    make_task: TaskFactory,
    pretrained: dict[str, Path] | None = None,
    parent: Mapping[str, Any] | None = None,
) -> TrainingContext:
    """Create a run folder. Raises `FacesmithError` if it exists.

    ``pretrained`` are trained folders by setting; those settings are not looked up. ``parent`` is the card of the run
    that this one branches from: its terms apply to this one too.
    """
    group.local_batch(recipe.batch_size)  # raises an error if the batch cannot be divided
    recipe = group.on_rank_zero(lambda: resolve(recipe, group))
    _check_batch(recipe, dataset, group)
    with _memory_errors_as_message():
        task = make_task(recipe, dataset, group, pretrained)
        state = task.new_state()
    table = as_table(recipe)
    card: dict[str, Any] = {
        "recipe": table,
        "status": "running",
        "started": utc_now(),
        "ended": None,
        "sessions": [],
        "parameters": {task.names[name]: count_parameters(net) for name, net in state.nets.items()},
        "machine": doctor.machine(state.device),
        "dataset": {key: value for key, value in dataset.card.items() if key != "skipped"},
        "terms": combine_terms([task.terms, *([terms_of(parent)] if parent else [])]),
        "health": HEALTHY,
        "health_events": [],
    }
    if facts := task.card_entries() or (parent or {}).get("task"):
        card["task"] = facts
    if group.is_rank_zero:
        with atomic_folder(path, "run") as folder:
            RunFolder(folder).create(table, dataset, card, task.pretrained)
    group.barrier()
    return TrainingContext(RunFolder(path), recipe, dataset, task, state, Progress(), card, group)


def resume(
    recipe: Recipe, old_recipe: Recipe, dataset: Dataset, path: Path, group: ProcessGroup, make_task: TaskFactory
) -> TrainingContext:
    """Continue a run at its last checkpoint. ``recipe`` may differ from the run's ``old_recipe`` in length only."""
    run = RunFolder(path)
    _check_dataset(path, group.on_rank_zero(lambda: read_recipe(run)[1]), dataset)
    if changes := differences(old_recipe, recipe, RESUMABLE_SETTINGS):
        raise FacesmithError(
            f"{path} was trained with different settings ({'; '.join(changes)}): use the same settings, or start a "
            "branch with --resume --branch NEW_RUN"
        )
    card = group.on_rank_zero(lambda: read_card(run))
    previous = card["sessions"][-1].get("processes", 1) if card["sessions"] else group.world_size
    if previous != group.world_size:
        limit = usable_cores() // group.local_world_size
        recipe = replace(recipe, threads=max(1, min(limit, recipe.threads * previous // group.world_size)))
    recipe = replace(recipe, threads=min(recipe.threads, _max_threads(group)))  # on a smaller machine
    group.local_batch(recipe.batch_size)
    with _memory_errors_as_message():
        task = make_task(recipe, dataset, group, run.pretrained())
        state, progress = task.new_state(), Progress()
    if checkpoint := group.on_rank_zero(run.last_checkpoint):
        progress = load(checkpoint, state)
    if group.is_rank_zero:
        remove_partial_files(path)
        run.cut(progress.step, progress.kimg)  # what was recorded after the checkpoint will be recorded again
    group.barrier()
    position = (progress.rollbacks, progress.step)
    events = [event for event in card["health_events"] if (event["rollbacks"], event["step"]) <= position]
    card["health_events"] = events
    return TrainingContext(run, recipe, dataset, task, state, progress, card, group)


def branch(
    recipe: Recipe,
    old_recipe: Recipe,
    dataset: Dataset,
    old: Path,
    path: Path,
    group: ProcessGroup,
    make_task: TaskFactory,
) -> TrainingContext:
    """Start a new run from the last checkpoint of ``old``, with a recipe that may differ in all but its networks.

    With a dataset of twice the size, grow the networks: ``recipe`` is then one that `Recipe.grow` returned.
    """
    source = RunFolder(old)
    checkpoint = group.on_rank_zero(source.last_checkpoint)
    if not checkpoint:
        raise FacesmithError(f"{old} has no checkpoint to branch from: train it longer first")
    trained_on = group.on_rank_zero(lambda: read_recipe(source)[1])
    parent = group.on_rank_zero(lambda: read_card(source))
    if is_twice_the_size(trained_on, dataset):
        context = start_new(recipe, dataset, path, group, make_task, parent=parent)
        load_smaller(checkpoint, context.state)
        if group.is_rank_zero:
            save(context.run, context.state, context.progress, recipe.keep)
        return context
    if (trained_on.get("width"), trained_on.get("height")) != dataset.size:
        _check_dataset(old, trained_on, dataset)
    before, after = pretrained_settings(old_recipe), pretrained_settings(recipe)
    pretrained = {name: path for name, path in source.pretrained().items() if before.get(name) == after.get(name)}
    old_task, task = (make_task(settings, dataset, group, pretrained) for settings in (old_recipe, recipe))
    if old_task.networks != task.networks:
        raise FacesmithError(
            f"the networks of {old} cannot change in a branch ({'; '.join(differences(old_recipe, recipe))}): train a "
            "new run"
        )
    if bool(old_recipe.ema_kimg) != bool(recipe.ema_kimg):
        raise FacesmithError(f"a branch of {old} cannot add or remove the EMA: set ema_kimg={old_recipe.ema_kimg}")
    context = start_new(recipe, dataset, path, group, make_task, pretrained, parent)
    if group.is_rank_zero:
        source.copy_to(context.run, checkpoint)
    group.barrier()
    return resume(context.recipe, context.recipe, dataset, path, group, make_task)


def is_twice_the_size(trained_on: dict[str, Any], dataset: Dataset) -> bool:
    """Return whether the images of a dataset have twice the sides of those that a run was trained on."""
    return [side / 2 for side in dataset.size] == [trained_on.get("width"), trained_on.get("height")]


def resolve(recipe: AnyRecipe, group: ProcessGroup = SINGLE_PROCESS) -> AnyRecipe:
    """Replace every "auto" by its value on this machine, so that the recipe of the run records it."""
    device, limit = choose_device(recipe.device), _max_threads(group)
    if recipe.threads > limit:
        processes = f" for {group.local_world_size} processes" if group.local_world_size > 1 else ""
        raise FacesmithError(
            f"invalid threads={recipe.threads}: this machine has {machine_cores()} cores{processes}; set threads=0 to "
            "use all of them"
        )
    threads = recipe.threads or max(1, usable_cores() // group.local_world_size)
    configure_process(threads)
    fastest = doctor.fastest(device) if "auto" in (recipe.precision, recipe.memory_format) else ("", "")
    recipe = replace(
        recipe,
        device=device.type,
        threads=threads,
        precision=fastest[0] if recipe.precision == "auto" else recipe.precision,
        memory_format=fastest[1] if recipe.memory_format == "auto" else recipe.memory_format,
    )
    return recipe.resolve_machine(device.type)


def _max_threads(group: ProcessGroup) -> int:
    """Return the largest number of threads of a process: the cores of the machine, shared by its processes."""
    return max(1, machine_cores() // group.local_world_size)


@contextmanager
def _memory_errors_as_message() -> Iterator[None]:
    """Raise `FacesmithError` for networks and latents that do not fit in memory, or whose size no tensor can have."""
    try:
        yield
    except (MemoryError, RuntimeError, OverflowError, TypeError) as error:
        if not is_out_of_memory(error) and "overflow" not in str(error).lower():
            raise
        raise FacesmithError("the networks do not fit in memory: set smaller widths or a smaller latent_size") from None


def _check_batch(recipe: Recipe, dataset: Dataset, group: ProcessGroup) -> None:
    """Raise `FacesmithError` if the batches of this machine cannot fit in its memory."""
    images = recipe.batch_size // group.world_size * group.local_world_size
    width, height = dataset.size
    needed, available = images * width * height * BYTES_PER_PIXEL, device_memory(choose_device(recipe.device))
    if needed > available:
        raise FacesmithError(
            f"invalid batch_size={recipe.batch_size}: batches of {width}x{height} images need at least "
            f"{needed / 1e9:,.0f} GB of memory, but only {available / 1e9:.0f} GB are available; use "
            "a smaller batch_size"
        )


def _check_dataset(path: Path, trained_on: dict[str, Any], dataset: Dataset) -> None:
    """Raise `FacesmithError` unless the run was trained on this dataset."""
    if trained_on.get("dataset_fingerprint") == dataset.fingerprint:
        return
    if missing := {"dataset", "dataset_fingerprint", "count", "width", "height", "dataset_name"} - trained_on.keys():
        raise FacesmithError(f"{RunFolder(path).recipe} was edited (it has no {min(missing)} under [run]): restore it")
    current = {"count": len(dataset), "width": dataset.size[0], "height": dataset.size[1], "dataset_name": dataset.name}
    changes = [f"{key} {trained_on[key]} -> {value}" for key, value in current.items() if trained_on[key] != value]
    summary = "; ".join(changes) or "the same size and count, but different images or labels"
    raise FacesmithError(
        f"{path} was trained on a different dataset ({summary}): resume it with {trained_on['dataset']}"
    )
