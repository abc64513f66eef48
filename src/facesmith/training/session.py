"""A session: the part of a run between its start, or a resume, and the moment training ends or stops."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from facesmith.errors import FacesmithError
from facesmith.runs.run_folder import utc_now
from facesmith.training.context import TrainingContext
from facesmith.training.distributed import ProcessGroup
from facesmith.training.settings import as_table


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
    """Begin a session. An error ends it as failed; running out of memory becomes a `FacesmithError`."""
    session = Session(context, minutes)
    try:
        yield session
    except FacesmithError as error:
        session.end("failed", str(error))
        raise
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        session.end("failed", "out of memory")
        device, batch_size = context.state.device.type, context.recipe.batch_size
        raise FacesmithError(
            f"{device} has too little memory for batches of {batch_size}: "
            f"train again with --set batch_size={max(2, batch_size // 2)}"
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
            print("\nstopping after this step and saving; press Ctrl-C again to stop at once", file=sys.stderr)

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield names
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out. CUDA has its own exception; the CPU's allocator only has a message."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
