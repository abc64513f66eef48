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
from pathlib import Path
from typing import Any

import torch

from facesmith.datasets.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.progress import progress as progress_bar
from facesmith.progress import silent, tell
from facesmith.reports.run_report import report
from facesmith.training import checkpoint, record, runs, start
from facesmith.training.batches import LATENTS, batch, latents, reader
from facesmith.training.finish import write_pictures
from facesmith.training.recipes import Recipe, get_recipe, with_settings
from facesmith.training.start import Start
from facesmith.training.step import train_step

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
    quiet: bool = False,
) -> Path:
    """Train a recipe on a dataset and return the run folder.

    ``settings`` are ``key=value`` strings for any field of the recipe. The run ends after ``kimg`` thousand pictures
    (default: the recipe's) or ``minutes`` of training, all sessions counted, whichever is first. ``resume`` goes on
    with the run exactly where its last checkpoint left it; with ``branch`` the changed recipe goes on from there in a
    new run. Ctrl-C and SIGTERM save, write the pictures and the report, and return.

    Raises `FacesmithError` for an unknown recipe or setting, a size the networks cannot make, a folder that is taken, a
    changed recipe or dataset on resume, or losses that are no longer finite.
    """
    data = dataset if isinstance(dataset, Dataset) else open_dataset(Path(dataset))
    here = _start(recipe, data, Path(run), settings, kimg, resume, Path(branch) if branch else None)
    recipe, players, progress, device = here.recipe, here.players, here.progress, here.players.device
    start.prepare_machine(recipe.threads)
    read, kept_in = reader(data.path / "images.npy", recipe.data, device)
    goal = round(recipe.kimg * 1000)
    budget = minutes * 60 if minutes is not None else float("inf")
    if progress.shown >= goal or progress.seconds >= budget:
        raise FacesmithError(
            f"{here.run.path} has already trained for {progress.kimg:g} kimg in {progress.seconds / 60:.1f} minutes: "
            f"give a longer --kimg or --minutes to go on"
        )
    say = silent if quiet else tell
    say(_announcement(here, kept_in, minutes))

    began, first = time.monotonic() - progress.seconds, progress.shown
    next_tick, next_checkpoint = _due(recipe.tick_kimg, first), _due(recipe.checkpoint_kimg, first)
    pending: list[dict[str, torch.Tensor]] = []
    line_began, line_shown, timed_from = began + progress.seconds, first, 0.0
    session = {"started": runs.now(), "ended": None, "from_kimg": first / 1000, "to_kimg": None, "reason": None}
    here.card |= {"status": "running", "ended": None, "goal": {"kimg": recipe.kimg, "minutes": minutes}}
    here.card["sessions"].append(session)
    runs.write_recipe(here.run, recipe, data)  # a resumed run may have become longer
    _write_card(here)

    with (
        _stop_signals() as stopped,
        record.tensorboard(here.run, progress.step) as writer,
        progress_bar(goal, recipe.name, shown=not quiet) as bar,
    ):
        bar.update(first)
        if first == 0:
            record.sample_sheet(here.run, players, recipe, progress, writer)  # of the untrained G
        try:
            while progress.shown < goal and not stopped:
                # One step: D, then G.
                real = batch(read, recipe, progress.shown, len(data), device)
                z = latents(recipe, recipe.batch_size, device, LATENTS, progress.step)
                pending.append(train_step(players, real, z, recipe, progress.step, progress.shown))
                progress.step += 1
                progress.shown += recipe.batch_size
                bar.update(recipe.batch_size)

                # Write down how it goes. Reading the losses waits for the device, so not at every step.
                if progress.step % recipe.log_steps == 0:
                    record.add(progress, pending)
                    means = record.metrics_line(here.run, progress, len(data), writer)
                    now = time.monotonic()
                    rate = (progress.shown - line_shown) / (now - line_began)
                    record.timing_line(here.run, progress, rate, device, writer)
                    line_began, line_shown = now, progress.shown
                    left = (progress.shown - first) / (now - began) * (budget - progress.seconds) if minutes else goal
                    bar.total = min(goal, round(progress.shown + left))
                    bar.set_postfix_str(_losses(means), refresh=False)

                # Estimate once the first steps are timed.
                steps = (progress.shown - first) // recipe.batch_size
                if steps == 2:
                    record.add(progress, pending)
                    timed_from = time.monotonic()
                elif steps == 2 + TIMED_STEPS:
                    record.add(progress, pending)
                    rate = TIMED_STEPS * recipe.batch_size / (time.monotonic() - timed_from)
                    estimate = {"images_per_second": round(rate, 1), "memory_gb": record.peak_memory(device) / 1e9}
                    here.card["estimate"] = estimate
                    bar.clear()
                    say(_estimate(estimate, goal - progress.shown, budget - progress.seconds))

                # Sheets and checkpoints.
                progress.seconds = time.monotonic() - began
                if progress.shown >= next_tick:
                    record.sample_sheet(here.run, players, recipe, progress, writer)
                    next_tick = _due(recipe.tick_kimg, progress.shown)
                    _write_card(here)
                if progress.shown >= next_checkpoint:
                    record.add(progress, pending)
                    checkpoint.save(here.run.checkpoints, players, progress, recipe.keep)
                    next_checkpoint = _due(recipe.checkpoint_kimg, progress.shown)
                if progress.seconds >= budget:
                    break
            record.add(progress, pending)
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
        checkpoint.save(here.run.checkpoints, players, progress, recipe.keep)
        _close(here, session, "interrupted" if stopped else "finished", str(stopped[0]) if stopped else "goal reached")
        record.sample_sheet(here.run, players, recipe, progress, writer)

    say("writing the video, the curves and the report")
    write_pictures(here)
    page = report(here.run.path)
    say(f"{progress.kimg:g} kimg in {progress.seconds / 60:.1f} minutes: look at {page}")
    return here.run.path


def _start(
    recipe: str | Recipe,
    data: Dataset,
    run: Path,
    settings: tuple[str, ...],
    kimg: float | None,
    resume: bool,
    branch: Path | None,
) -> Start:
    named = get_recipe(recipe) if isinstance(recipe, str) else recipe
    settings = (*settings, f"kimg={kimg}") if kimg is not None else settings
    if not resume:
        if branch:
            raise FacesmithError(f"--branch {branch} starts from a run that exists: add --resume")
        if (run / "recipe.toml").exists():
            raise FacesmithError(f"{run} is a run already: go on with it by --resume, or choose another name")
        return start.new(with_settings(named, settings), data, run)
    own, _ = runs.read_recipe(runs.RunFolder(run))
    if own.name != named.name:
        raise FacesmithError(
            f"{run} was trained with the recipe {own.name}, not {named.name}: name that one to resume it"
        )
    if branch:
        return start.branched(with_settings(own, settings), data, run, branch)
    return start.resumed(with_settings(own, settings), data, run)


def _due(interval_kimg: float, shown: int) -> float:
    """The first moment after ``shown`` pictures at which something regular is due.

    Moments lie ``interval_kimg`` apart at first and a fiftieth of the run's length later, so that a run of a week does
    not drown in sheets. They depend on nothing but the two numbers, so a resumed run meets the same ones.
    """
    moment = 0.0
    while moment <= shown:
        moment += max(interval_kimg * 1000, moment / 50)
    return moment


def _write_card(here: Start) -> None:
    done = {"kimg": here.progress.kimg, "step": here.progress.step, "seconds": round(here.progress.seconds, 2)}
    runs.write_card(here.run, here.card | done)


def _close(here: Start, session: dict[str, Any], status: str, reason: str) -> None:
    session |= {"ended": runs.now(), "to_kimg": here.progress.kimg, "reason": reason}
    here.card |= {"status": status, "ended": session["ended"]}
    _write_card(here)


@contextmanager
def _stop_signals() -> Iterator[list[str]]:
    """Collect Ctrl-C and SIGTERM in a list, for the loop to see between two steps; a second one stops at once."""
    caught: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught  # signals reach the main thread alone
        return

    def catch(number: int, _: Any) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)
        print("\nstopping after this step: saving, then the pictures (once more to stop at once)", file=sys.stderr)

    before = {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _announcement(here: Start, kept_in: str, minutes: float | None) -> str:
    recipe, data, size = here.recipe, here.dataset, "x".join(map(str, here.dataset.size))
    going_on = f", going on from {here.progress.kimg:g} kimg" if here.progress.shown else ""
    ends = f"{recipe.kimg:g} kimg ({recipe.kimg * 1000 / len(data):.1f} epochs)"
    return (
        f"{recipe.name}: {recipe.about}{going_on}\n"
        f"  data     {data.name}, {len(data):,} pictures of {size}, read from {kept_in}\n"
        f"  networks G {here.card['parameters']['generator']:,} and "
        f"D {here.card['parameters']['discriminator']:,} parameters\n"
        f"  machine  {recipe.device}, {recipe.threads} threads, {recipe.precision}, {recipe.memory_format}\n"
        f"  ends     at {ends}"
        + (f" or after {minutes:g} minutes, whichever is first" if minutes is not None else "")
        + f"\n  look at  {here.run.samples} while it runs, one sheet every {recipe.tick_kimg:g} kimg"
    )


def _estimate(estimate: dict[str, float], pictures_left: int, seconds_left: float) -> str:
    rate = estimate["images_per_second"]
    seconds = min(pictures_left / rate, seconds_left)
    length = f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
    return (
        f"measured here: {rate:.0f} images/s, so {seconds * rate / 1000:.0f} kimg in about {length}; "
        f"{estimate['memory_gb']:.1f} GB of memory"
    )


def _losses(means: dict[str, float]) -> str:
    return (
        f"D {means['loss_D']:.2f} G {means['loss_G']:.2f} "
        f"D is right on {means['accuracy_real']:.0%} real {means['accuracy_fake']:.0%} fake"
    )


def _out_of_memory(error: Exception) -> bool:
    """Whether memory ran out: CUDA has an exception of its own for it, the CPU's allocator only a sentence."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
