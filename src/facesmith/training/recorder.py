"""What a run writes down as it goes: metrics, timing, TensorBoard events and sample sheets."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facesmith.extras import require
from facesmith.images.grid import save_image
from facesmith.runs.run_folder import append_line
from facesmith.training.checkpoint import Progress, kimg_name
from facesmith.training.collapse import Health, update
from facesmith.training.distributed import ProcessGroup
from facesmith.training.start import Start


def add(progress: Progress, pending: list[dict[str, Tensor]], group: ProcessGroup) -> None:
    """Move what the steps measured, averaged over the team, into the sums of the metrics line that is filling up."""
    if not pending:
        return
    together = torch.stack([value.float() for measured in pending for value in measured.values()])
    group.all_reduce_mean([together])
    values = iter(together.tolist())  # one wait for the device, not one a value
    for measured in pending:
        for name in measured:
            total, count = progress.metric_sums.get(name, [0.0, 0])
            progress.metric_sums[name] = [total + next(values), count + 1]
    pending.clear()


def metrics_line(here: Start, health: Health, writer: Any) -> tuple[dict[str, float], Health]:
    """Append the means since the last line, and what the watch says of them, to metrics.jsonl and TensorBoard.

    Only what the seed decides goes there, no clock: a resumed run writes the same file to the bit. Returns the means
    and the watch after them.
    """
    progress = here.progress
    values = {name: sum_ / count for name, (sum_, count) in progress.metric_sums.items()}
    progress.metric_sums = {}
    where = {"step": progress.step, "kimg": progress.kimg, "epoch": round(progress.images_seen / len(here.dataset), 4)}
    health = update(health, where | values, here.recipe)
    if here.group.is_rank_zero:
        append_line(here.run.metrics, where | values | {"health": health.status})
    for name, value in values.items():
        writer.add_scalar(name, value, progress.step)
    return values, health


def timing_line(here: Start, rate: float, writer: Any) -> None:
    """Append seconds so far, images a second and peak memory to timing.jsonl."""
    values = {
        "step": here.progress.step,
        "kimg": here.progress.kimg,
        "seconds": round(here.progress.seconds, 2),
        "images_per_second": round(rate, 2),
        "memory_gb": round(peak_memory(here.state.device) / 1e9, 3),
    }
    if here.group.is_rank_zero:
        append_line(here.run.timing, values)
    writer.add_scalar("images_per_second", rate, here.progress.step)


def event(here: Start, health: Health) -> None:
    """Note on the run's card what the verdict now is; it is written with the next sheet, or at the end."""
    progress = here.progress
    here.card["health"] = health.status
    here.card["health_events"].append(
        {"step": progress.step, "kimg": progress.kimg, "health": health.status, "since": health.since,
         "rollbacks": progress.rollbacks, "lr_scale": progress.lr_scale}
    )  # fmt: skip


def sample_sheet(here: Start, writer: Any) -> None:
    """Draw the run's sheet into samples/."""
    if not here.group.is_rank_zero:
        return
    picture = here.task.sheet(here.state)
    save_image(picture, here.run.samples / f"{kimg_name(here.progress.kimg)}.png")
    writer.add_image("samples", np.asarray(picture), here.progress.step, dataformats="HWC")


@contextmanager
def tensorboard(here: Start) -> Iterator[Any]:
    """A TensorBoard writer; what an earlier session wrote after the run's step is hidden."""
    require("tensorboard", "train", "training")
    from torch.utils.tensorboard import SummaryWriter

    if not here.group.is_rank_zero:
        yield _Mute()
        return
    writer = SummaryWriter(str(here.run.tensorboard), purge_step=here.progress.step or None)
    try:
        yield writer
    finally:
        writer.close()


class _Mute:
    """The writer of a process that writes nothing."""

    def add_scalar(self, *_: Any, **__: Any) -> None: ...
    def add_image(self, *_: Any, **__: Any) -> None: ...


def peak_memory(device: torch.device) -> float:
    """The most bytes this process has held: on the GPU if it trains there, else in all."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    try:
        import resource
        import sys
    except ImportError:  # Windows
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0)
