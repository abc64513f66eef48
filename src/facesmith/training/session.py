"""A session: the part of a run between its start, or a resume, and the moment training ends or stops."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch

from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError
from facesmith.machine import peak_memory
from facesmith.progress import tell
from facesmith.runs.run_folder import RunFolder, utc_now
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import ProcessGroup
from facesmith.training.settings import Recipe, as_table
from facesmith.training.task import Task
from facesmith.training.train_state import TrainState

MAX_STEP_SECONDS = 6 * 3600.0  # a longer time between two steps means that the system clock was changed
WARM_UP_STEPS = 2  # not timed
MIN_SECONDS = 1e-6  # between two measurements
TIMED_STEPS = 8  # penalties are computed every 4th step, so this includes their share


@dataclass
class TrainingContext:
    """A run that is being trained. A rollback replaces ``state`` and ``progress``; ``card`` is written to run.json."""

    run: RunFolder
    recipe: Recipe
    dataset: Dataset
    task: Task[Any]
    state: TrainState
    progress: Progress
    card: dict[str, Any]
    group: ProcessGroup

    def write_card(self) -> None:
        progress = self.progress
        position = {"kimg": progress.kimg, "step": progress.step, "seconds": round(progress.seconds, 2)}
        if self.group.is_rank_zero:
            checkpoint = self.run.last_checkpoint()
            self.run.write_card(self.card | position | {"checkpoint": checkpoint.stem if checkpoint else None})


class Clock:
    """Counts training time over all sessions. ``goal`` is in images; ``limit`` in seconds, infinite without one."""

    def __init__(self, context: TrainingContext, minutes: float | None, notify: Callable[[str], Any] = tell) -> None:
        self.context, self.notify = context, notify
        self.goal = round(context.recipe.kimg * 1000)
        self.limit = float("inf") if minutes is None else minutes * 60
        if context.card.get("goal") != {"kimg": context.recipe.kimg, "minutes": minutes}:
            context.progress.anneal_from = context.progress.anneal_to = 0  # planned for another length
        self._last = time.monotonic()
        self._steps = 0
        self._timed_since = 0.0
        if self.goal_reached or self.time_is_up:
            raise FacesmithError(
                f"{context.run.path} has already trained for {context.progress.kimg:g} kimg in "
                f"{context.progress.seconds / 60:.1f} minutes: set a higher --kimg or --minutes to continue"
            )

    @property
    def goal_reached(self) -> bool:
        return self.context.progress.images_seen >= self.goal

    @property
    def time_is_up(self) -> bool:
        return self.context.progress.seconds >= self.limit

    def update(self) -> None:
        """Add the time since the last call to the training time in the run's progress, unless the clock has jumped."""
        now = time.monotonic()
        elapsed, self._last = now - self._last, now
        if 0 <= elapsed <= MAX_STEP_SECONDS:
            self.context.progress.seconds += elapsed
        else:
            self.notify(f"the clock jumped by {elapsed:,.0f} seconds, which do not count as training time")

    def plan(self) -> None:
        """Fix the images at which schedules of a run that ends by time begin or end, once their time has come."""
        progress = self.context.progress
        if self.limit == float("inf") or (progress.quarter and progress.anneal_to):
            return
        seconds = self.context.group.on_rank_zero(lambda: progress.seconds)  # the other processes count differently
        if not progress.quarter and seconds >= self.limit / 4:
            progress.quarter = progress.images_seen
        self._plan_annealing(seconds)

    def _plan_annealing(self, seconds: float) -> None:
        """Fix the images over which a run that ends by time anneals, when its last ``anneal_fraction`` begins."""
        context, progress = self.context, self.context.progress
        fraction = context.recipe.anneal_fraction
        if progress.anneal_to or not fraction:
            return
        if seconds < (1 - fraction) * self.limit or progress.images_seen > (1 - fraction) * self.goal:
            return
        rate = progress.images_seen / seconds
        progress.anneal_from = progress.images_seen
        progress.anneal_to = progress.images_seen + max(1, round(rate * (self.limit - seconds)))

    def images_until_end(self, rate: float) -> float:
        """Return how many more images will be seen at ``rate`` images per second."""
        progress = self.context.progress
        return min(self.goal - progress.images_seen, rate * (self.limit - progress.seconds))

    def estimate(self, wait: Callable[[], Any]) -> dict[str, float] | None:
        """Count a step. Returns images per second and memory once the first steps have been timed, else None.

        ``wait()`` returns when the device has done the steps.
        """
        self._steps += 1
        if self._steps == WARM_UP_STEPS:
            wait()
            self._timed_since = time.monotonic()
        if self._steps != WARM_UP_STEPS + TIMED_STEPS:
            return None
        wait()
        rate = images_per_second(TIMED_STEPS * self.context.recipe.batch_size, self._timed_since)
        return {"images_per_second": rate, "memory_gb": peak_memory(self.context.state.device) / 1e9}


def images_per_second(images: int, since: float) -> float:
    """Return the speed since a time of the monotonic clock, to three digits; positive, also if the clock has jumped."""
    return float(f"{images / max(time.monotonic() - since, MIN_SECONDS):.3g}")


class Session:
    """The entry of a session in run.json."""

    def __init__(self, context: TrainingContext, minutes: float | None) -> None:
        self.context = context
        self.entry: dict[str, Any] = {
            "started": utc_now(), "ended": None, "from_kimg": context.progress.kimg, "to_kimg": None, "reason": None,
            "processes": context.group.world_size,
        }  # fmt: skip
        table = as_table(context.recipe)
        context.card |= {
            "recipe": table,
            "status": "running",
            "ended": None,
            "goal": {"kimg": context.recipe.kimg, "minutes": minutes},
        }
        context.card["sessions"].append(self.entry)
        if context.group.is_rank_zero:  # the length of a resumed run may have changed
            context.run.write_recipe(table, context.dataset)
        context.write_card()

    def end(self, status: str, reason: str) -> None:
        """Write how the session ended: ``status`` is "finished", "interrupted" or "failed"."""
        self.entry |= {"ended": utc_now(), "to_kimg": self.context.progress.kimg, "reason": reason}
        self.context.card |= {"status": status, "ended": self.entry["ended"]}
        self.context.write_card()


@contextmanager
def open_session(context: TrainingContext, minutes: float | None) -> Iterator[Session]:
    """Begin a session. An error ends it as failed.

    Errors of the disk and running out of memory become a `FacesmithError`.
    """
    session = Session(context, minutes)
    try:
        yield session
    except FacesmithError as error:
        with suppress(OSError):
            session.end("failed", str(error))
        raise
    except OSError as error:
        with suppress(OSError):
            session.end("failed", error.strerror or str(error))
        raise FacesmithError(
            f"{context.run.path} cannot be written ({error.strerror or error}): free up disk space, or check the disk, "
            "then continue with --resume"
        ) from error
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        session.end("failed", "out of memory")
        device, batch_size = context.state.device.type, context.recipe.batch_size
        raise FacesmithError(
            f"{device} does not have enough memory for batches of {batch_size}: try --set "
            f"batch_size={max(2, batch_size // 2)}"
        ) from None


@contextmanager
def stop_signals(group: ProcessGroup) -> Iterator[list[str]]:
    """Yield a list that Ctrl-C and SIGTERM add their names to; a second signal raises KeyboardInterrupt."""
    names: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield names  # only the main thread receives signals
        return

    def handle(number: int, _: Any) -> None:
        if names:
            raise KeyboardInterrupt
        names.append("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)
        if group.is_rank_zero:
            print("\nstopping after this step and saving; press Ctrl-C again to stop immediately", file=sys.stderr)

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield names
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether memory ran out. CUDA has its own exception; the CPU's allocator only has a message."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
