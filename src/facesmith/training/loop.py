"""Training: dataset → run.

    train("tiny", "celeba64", "runs/first", minutes=10)

The loop below reads from top to bottom. Progress is counted in real pictures shown (kimg: thousands of them).
"""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.progress import progress as progress_bar
from facesmith.progress import silent, tell
from facesmith.reports.run_report import report
from facesmith.runs import run_folder as runs
from facesmith.runs.health import COLLAPSED, DIVERGED
from facesmith.tasks.recipes import get_recipe
from facesmith.training import checkpoint, start
from facesmith.training import messages as words
from facesmith.training import recorder as record
from facesmith.training.collapse import detect
from facesmith.training.distributed import ProcessGroup, process_group
from facesmith.training.rollback import roll_back
from facesmith.training.run_pictures import write_pictures
from facesmith.training.sampling import LAYERS, due, reader, seed_of
from facesmith.training.schedules import scheduled
from facesmith.training.scoring import Scores
from facesmith.training.settings import Recipe, with_settings
from facesmith.training.start import Start

GOAL = "goal reached"
TIMED_STEPS = 8  # after two that warm up; with penalties every 4th step, an honest share of the dear ones


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

    ``settings`` are ``key=value`` strings for any field of the recipe; ``model``, the one that an encoder is fitted to,
    is one of them. The run ends after ``kimg`` thousand pictures (default: the recipe's) or ``minutes`` of training,
    all sessions counted, whichever is first. ``resume`` goes on with the run exactly where its last checkpoint left it;
    with ``branch`` the changed recipe goes on from there in a new run. Ctrl-C and SIGTERM save, write the pictures and
    the report, and return. Started by torchrun, it is one of several processes that train together.

    Raises `FacesmithError` for an unknown recipe or setting, a size the networks cannot make, a folder that is taken, a
    changed recipe or dataset on resume, or a collapse that was not to be, or could not be, rolled back.
    """
    with process_group() as group:
        settings = (*settings, f"model={model}") if model is not None else settings
        data = dataset if isinstance(dataset, Dataset) else open_dataset(Path(dataset))
        here = _start(recipe, data, Path(run), settings, kimg, resume, Path(branch) if branch else None, group)
        say = tell if group.is_rank_zero and not quiet else silent
        failed = _train(here, minutes, say)
        if group.is_rank_zero:
            say("writing the video, the curves and the report")
            write_pictures(here)
            page = report(here.run.path)
            say(f"{here.progress.kimg:g} kimg in {here.progress.seconds / 60:.1f} minutes: look at {page}")
        group.barrier()  # torchrun stops all when the first has failed
        if failed:
            raise FacesmithError(failed)
    return here.run.path


def _train(here: Start, minutes: float | None, say: Any) -> str | None:
    """Run the loop until its end, whatever ends it; the reason if it is a collapse."""
    recipe, device, group = here.recipe, here.state.device, here.group
    start.prepare_machine(recipe.threads)
    health = group.on_rank_zero(lambda: detect(runs.read_lines(here.run.metrics), recipe))
    read, kept_in = reader(here.dataset.path / "images.npy", recipe.data, device)
    here.task.prepare(read, say)
    goal, budget = round(recipe.kimg * 1000), minutes * 60 if minutes is not None else float("inf")
    first, began = here.progress.images_seen, time.monotonic() - here.progress.seconds
    if first >= goal or here.progress.seconds >= budget:
        raise FacesmithError(
            f"{here.run.path} has already trained for {here.progress.kimg:g} kimg in "
            f"{here.progress.seconds / 60:.1f} minutes: give a longer --kimg or --minutes to go on"
        )
    say(words.announcement(here, kept_in, minutes))

    next_tick, next_checkpoint = due(recipe.tick_kimg, first), due(recipe.checkpoint_kimg, first)
    pending: list[dict[str, Tensor]] = []
    session_steps, line_began, line_shown, timed_from = 0, time.monotonic(), first, 0.0
    failed: str | None = None
    reason: str | None = None
    session = _open(here, minutes)

    with (
        _stop_signals(group) as stopped,
        record.tensorboard(here) as writer,
        progress_bar(goal, recipe.name, shown=say is tell) as bar,
    ):
        scores = Scores(here, say)
        bar.update(first)
        if first == 0:
            record.sample_sheet(here, writer)  # of what has learned nothing
        try:
            while here.progress.images_seen < goal:
                # One step of the task.
                pending.append(_step(here))
                session_steps += 1
                bar.update(recipe.batch_size)
                progress = here.progress

                # Write down how it goes. Reading the losses waits for the device, so not at every step.
                if progress.step % recipe.watch_steps == 0:
                    pending.append(here.task.look(here.state))
                if progress.step % recipe.log_steps == 0:
                    record.add(progress, pending, group)
                    before = health
                    means, health = record.metrics_line(here, health, writer)
                    now = time.monotonic()
                    rate = (progress.images_seen - line_shown) / (now - line_began)
                    record.timing_line(here, rate, writer)
                    line_began, line_shown = now, progress.images_seen
                    bar.total = round(min(goal, progress.images_seen + rate * (budget - progress.seconds)))
                    bar.set_postfix_str(f"{health.status}; {here.task.on_the_bar(means)}", refresh=False)

                    # Say when it goes otherwise than before, and turn back when it goes wrong.
                    if health.status != before.status:
                        bar.clear()
                        record.event(here, health)
                        say(words.note(here, health))
                    if health.status in COLLAPSED and not _borne(here):
                        if recipe.on_collapse != "rollback" or progress.rollbacks >= recipe.rollbacks:
                            failed = words.given_up(here, health)
                            break
                        roll_back(here, health)
                        say(words.rolled_back(here))
                        health = group.on_rank_zero(lambda: detect(runs.read_lines(here.run.metrics), recipe))
                        pending = []
                        record.event(here, health)
                        _write_card(here)
                        line_shown = bar.n = here.progress.images_seen
                        next_tick = due(recipe.tick_kimg, here.progress.images_seen)
                        next_checkpoint = due(recipe.checkpoint_kimg, here.progress.images_seen)
                        scores.plan()
                        continue

                # Estimate once the first steps are timed.
                if session_steps == 2:
                    record.add(progress, pending, group)
                    timed_from = time.monotonic()
                elif session_steps == 2 + TIMED_STEPS:
                    record.add(progress, pending, group)
                    rate = TIMED_STEPS * recipe.batch_size / (time.monotonic() - timed_from)
                    here.card["estimate"] = {
                        "images_per_second": round(rate, 1), "memory_gb": record.peak_memory(device) / 1e9
                    }  # fmt: skip
                    bar.clear()
                    say(words.estimate(here.card["estimate"], goal - progress.images_seen, budget - progress.seconds))

                # Sheets, checkpoints and scores.
                progress.seconds = time.monotonic() - began
                if progress.images_seen >= next_tick:
                    record.sample_sheet(here, writer)
                    next_tick = due(recipe.tick_kimg, progress.images_seen)
                    _write_card(here)
                if progress.images_seen >= next_checkpoint:
                    record.add(progress, pending, group)
                    if group.is_rank_zero and checkpoint.finite(here.state):  # if not, the next line of metrics says so
                        checkpoint.save(here.run.checkpoints, here.state, progress, recipe.keep)
                    next_checkpoint = due(recipe.checkpoint_kimg, progress.images_seen)
                if scores.due():
                    scores.measure(writer)
                if reason := _ends(here, stopped, budget):
                    break
        except FacesmithError as error:
            _close(here, session, "failed", str(error))
            raise
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            _close(here, session, "failed", "out of memory")
            raise FacesmithError(
                f"{device.type} has too little memory for batches of {recipe.batch_size}: "
                f"train again with --set batch_size={max(2, recipe.batch_size // 2)}"
            ) from None

        # Save first: whoever asked us to stop may not wait for the video.
        if failed is None:
            record.add(here.progress, pending, group)
            if not checkpoint.finite(here.state):
                failed = words.given_up(here, replace(health, status=DIVERGED, since=here.progress.step))
            elif group.is_rank_zero:
                checkpoint.save(here.run.checkpoints, here.state, here.progress, recipe.keep)
        if failed is not None:
            _close(here, session, "failed", failed)
        else:
            _close(here, session, "finished" if reason in (None, GOAL) else "interrupted", reason or GOAL)
        if group.is_rank_zero:
            record.sample_sheet(here, writer)
            if failed is None:
                scores.finish(writer)
    return failed


def _step(here: Start) -> dict[str, Tensor]:
    """Let the task learn from the next batch, and count. Returns what was measured."""
    progress = here.progress
    now = scheduled(here.recipe, progress.images_seen, progress.lr_scale)
    layers = (LAYERS, progress.step, progress.rollbacks, here.group.rank)
    torch.manual_seed(seed_of(now.seed, *layers))  # what dropout draws
    measured = here.task.step(here.state, now, progress)
    progress.step += 1
    progress.images_seen += now.batch_size
    return measured


def _borne(here: Start) -> bool:
    """Whether a collapse leads to no more than words: only where numbers are still numbers."""
    return here.recipe.on_collapse == "warn" and checkpoint.finite(here.state)


def _ends(here: Start, stopped: list[str], budget: float) -> str | None:
    """Why to end, if someone asked for it or the time is up; many processes ask each other when they write a line."""
    if here.group.world_size > 1 and here.progress.step % here.recipe.log_steps:
        return None
    own = stopped[0] if stopped else GOAL if here.progress.seconds >= budget else None
    return next((reason for reason in here.group.all_gather(own) if reason), None)


def _start(
    recipe: str | Recipe,
    data: Dataset,
    run: Path,
    settings: tuple[str, ...],
    kimg: float | None,
    resume: bool,
    branch: Path | None,
    group: ProcessGroup,
) -> Start:
    named = get_recipe(recipe) if isinstance(recipe, str) else recipe
    settings = (*settings, f"kimg={kimg}") if kimg is not None else settings
    if not resume:
        if branch:
            raise FacesmithError(f"--branch {branch} starts from a run that exists: add --resume")
        if group.is_rank_zero and (run / "recipe.toml").exists():
            raise FacesmithError(f"{run} is a run already: go on with it by --resume, or choose another name")
        return start.new(with_settings(named, settings), data, run, group)
    own, _ = group.on_rank_zero(lambda: runs.read_recipe(runs.RunFolder(run)))
    if own.name != named.name:
        raise FacesmithError(
            f"{run} was trained with the recipe {own.name}, not {named.name}: name that one to resume it"
        )
    if branch:
        return start.branched(with_settings(own, settings), data, run, branch, group)
    return start.resumed(with_settings(own, settings), data, run, group)


def _open(here: Start, minutes: float | None) -> dict[str, Any]:
    """Write down that a session begins; returns its entry."""
    session = {
        "started": runs.now(), "ended": None, "from_kimg": here.progress.kimg, "to_kimg": None, "reason": None,
        "processes": here.group.world_size,
    }  # fmt: skip
    here.card |= {"status": "running", "ended": None, "goal": {"kimg": here.recipe.kimg, "minutes": minutes}}
    here.card["sessions"].append(session)
    if here.group.is_rank_zero:
        runs.write_recipe(here.run, here.recipe, here.dataset)  # a resumed run may have become longer
    _write_card(here)
    return session


def _write_card(here: Start) -> None:
    done = {"kimg": here.progress.kimg, "step": here.progress.step, "seconds": round(here.progress.seconds, 2)}
    if here.group.is_rank_zero:
        runs.write_card(here.run, here.card | done)


def _close(here: Start, session: dict[str, Any], status: str, reason: str) -> None:
    session |= {"ended": runs.now(), "to_kimg": here.progress.kimg, "reason": reason}
    here.card |= {"status": status, "ended": session["ended"]}
    _write_card(here)


@contextmanager
def _stop_signals(group: ProcessGroup) -> Iterator[list[str]]:
    """Collect Ctrl-C and SIGTERM in a list, for the loop to see between two steps; a second one stops at once."""
    caught: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught  # signals reach the main thread alone
        return

    def catch(number: int, _: Any) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)
        if group.is_rank_zero:
            print("\nstopping after this step: saving, then the pictures (once more to stop at once)", file=sys.stderr)

    before = {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _out_of_memory(error: Exception) -> bool:
    """Whether memory ran out: CUDA has an exception of its own for it, the CPU's allocator only a sentence."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
