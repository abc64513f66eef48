"""Getting a run under way: a new one, one that goes on, or one that branches off another."""

import ctypes
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from facesmith import doctor
from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, finished_files, remove_partial_files
from facesmith.networks.build import count_parameters
from facesmith.runs import run_folder as runs
from facesmith.runs.health import HEALTHY
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.registry import task_type
from facesmith.training import checkpoint
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import SINGLE_PROCESS, ProcessGroup
from facesmith.training.pretrained import copy_pretrained, find_pretrained, list_pretrained
from facesmith.training.settings import LENGTH_SETTINGS, AnyRecipe, Recipe, differences, pretrained_settings
from facesmith.training.task import Task
from facesmith.training.train_state import TrainState

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names and numbers of glibc's malloc.h


@dataclass
class Start:
    """All the loop needs, and changes."""

    run: RunFolder
    recipe: Recipe
    dataset: Dataset
    task: Task[Any]
    state: TrainState
    progress: Progress
    card: dict[str, Any]
    group: ProcessGroup


def new(
    recipe: Recipe, dataset: Dataset, path: Path, group: ProcessGroup, known: dict[str, Path] | None = None
) -> Start:
    """Make a run folder for a recipe, its machine settings resolved. Raises `FacesmithError` if the folder is taken.

    ``known`` is what need not be looked for of what the recipe is given.
    """
    group.local_batch(recipe.batch_size)  # raises if it cannot
    recipe = group.on_rank_zero(lambda: resolve(recipe, group))
    found = group.on_rank_zero(lambda: find_pretrained(recipe, known))
    task = task_type(recipe.task)(recipe, dataset, group, found)
    state = task.fresh()
    card: dict[str, Any] = {
        "status": "running",
        "started": runs.now(),
        "ended": None,
        "sessions": [],
        "parameters": {task.names[name]: count_parameters(net) for name, net in state.nets.items()},
        "machine": doctor.machine(state.device),
        "dataset": {key: value for key, value in dataset.card.items() if key != "skipped"},
        "health": HEALTHY,
        "health_events": [],
    }
    if facts := task.facts():
        card["task"] = facts
    if group.is_rank_zero:
        with atomic_folder(path, "run") as folder:
            run = RunFolder(folder)
            for part in (run.checkpoints, run.samples):
                part.mkdir()
            copy_pretrained(found, run.pretrained)
            runs.write_recipe(run, recipe, dataset)
            runs.write_card(run, card)
    group.barrier()
    return Start(RunFolder(path), recipe, dataset, task, state, Progress(), card, group)


def resumed(recipe: Recipe, dataset: Dataset, path: Path, group: ProcessGroup) -> Start:
    """Take a run up at its last checkpoint. ``recipe`` may differ from the run's own in its length alone."""
    run = RunFolder(path)
    own, trained_on = group.on_rank_zero(lambda: runs.read_recipe(run))
    _refuse_other_dataset(path, trained_on, dataset)
    changed = [line for line in differences(own, recipe) if line.split()[0] not in LENGTH_SETTINGS]
    if changed:
        raise FacesmithError(
            f"{path} was trained with another recipe ({'; '.join(changed)}): leave that as it was, "
            f"or train the changed recipe from here with --resume --branch NEW_RUN"
        )
    card = group.on_rank_zero(lambda: runs.read_card(run))
    before = card["sessions"][-1].get("processes", 1) if card["sessions"] else group.world_size
    if before != group.world_size:
        most = doctor.usable_cores() // group.local_world_size
        recipe = replace(recipe, threads=max(1, min(most, recipe.threads * before // group.world_size)))
    group.local_batch(recipe.batch_size)
    task = task_type(recipe.task)(recipe, dataset, group, list_pretrained(run.pretrained))
    state, progress = task.fresh(), Progress()
    found = group.on_rank_zero(lambda: checkpoint.stored(run.checkpoints))
    if found:
        progress = checkpoint.load(found[-1], state)
    if group.is_rank_zero:
        remove_partial_files(path)
        # What the last session recorded after its last checkpoint is about to happen again.
        for record in run.records:
            runs.cut_lines(record, progress.step)
        for sample in finished_files(run.samples, ".png"):
            if sample.stem > checkpoint.kimg_name(progress.kimg):
                sample.unlink()
    group.barrier()
    reached = (progress.rollbacks, progress.step)
    card["health_events"] = [event for event in card["health_events"] if (event["rollbacks"], event["step"]) <= reached]
    return Start(run, recipe, dataset, task, state, progress, card, group)


def branched(recipe: Recipe, dataset: Dataset, old: Path, path: Path, group: ProcessGroup) -> Start:
    """Start a new run from another's last checkpoint, with a recipe that may differ in all but its networks."""
    source = RunFolder(old)
    own, trained_on = group.on_rank_zero(lambda: runs.read_recipe(source))
    if (trained_on["width"], trained_on["height"]) != dataset.size:
        _refuse_other_dataset(old, trained_on, dataset)
    same = [name for name, text in pretrained_settings(own).items() if pretrained_settings(recipe).get(name) == text]
    known = {name: path for name, path in list_pretrained(source.pretrained).items() if name in same}
    before, after = (task_type(each.task)(each, dataset, group, find_pretrained(each, known)) for each in (own, recipe))
    if before.networks != after.networks:
        raise FacesmithError(
            f"the networks of {old} cannot change in a branch ({'; '.join(differences(own, recipe))}): train a new run"
        )
    if bool(own.ema_kimg) != bool(recipe.ema_kimg):
        raise FacesmithError(f"a branch of {old} must keep an average as it does: set ema_kimg={own.ema_kimg}")
    found = group.on_rank_zero(lambda: checkpoint.stored(source.checkpoints))
    if not found:
        raise FacesmithError(f"{old} has no checkpoint to branch from: train it longer first")
    new(recipe, dataset, path, group, known)
    target = RunFolder(path)
    if group.is_rank_zero:
        shutil.copy2(found[-1], target.checkpoints)
        for sample in finished_files(source.samples, ".png"):
            if sample.stem <= found[-1].name.removesuffix(checkpoint.SUFFIX):
                shutil.copy2(sample, target.samples)
        for record, copy in zip(source.records, target.records, strict=True):
            if record.exists():
                shutil.copy2(record, copy)
    group.barrier()
    return resumed(group.on_rank_zero(lambda: runs.read_recipe(target)[0]), dataset, path, group)


def resolve(recipe: AnyRecipe, group: ProcessGroup = SINGLE_PROCESS) -> AnyRecipe:
    """Settle what "auto" means on this machine, so that the run's recipe says what was really used."""
    device = doctor.choose_device(recipe.device)
    threads = recipe.threads or max(1, doctor.usable_cores() // group.local_world_size)
    prepare_machine(threads)
    fastest = doctor.fastest(device) if "auto" in (recipe.precision, recipe.memory_format) else ("", "")
    return replace(
        recipe.resolved(device.type),
        device=device.type,
        threads=threads,
        precision=fastest[0] if recipe.precision == "auto" else recipe.precision,
        memory_format=fastest[1] if recipe.memory_format == "auto" else recipe.memory_format,
    )


def prepare_machine(threads: int) -> None:
    """Settle what holds for the whole process: threads, and that freed memory stays at hand."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.deterministic = True  # without it a resumed run on a GPU is not the same to the bit
    # A step frees and takes some 80 MB again. glibc gives blocks this large back to the system, which then clears them
    # page by page at the next step: on 2 cores that was a tenth of the time (benchmarks/train_throughput.py).
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def _refuse_other_dataset(path: Path, trained_on: dict[str, Any], dataset: Dataset) -> None:
    if trained_on["dataset_fingerprint"] == dataset.fingerprint:
        return
    now = {"count": len(dataset), "width": dataset.size[0], "height": dataset.size[1], "dataset_name": dataset.name}
    changed = [f"{key} {trained_on[key]} -> {value}" for key, value in now.items() if trained_on[key] != value]
    what = "; ".join(changed) or "the same size and count, but other pictures or labels"
    raise FacesmithError(f"{path} was trained on another dataset ({what}): resume it with {trained_on['dataset']}")
