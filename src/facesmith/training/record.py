"""What a run writes down as it goes: metrics, timing, TensorBoard events and sample sheets."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.reports.sheets import save_image, sheet
from facesmith.training.batches import SHEET, latents
from facesmith.training.checkpoint import Progress, kimg_name
from facesmith.training.recipes import Recipe
from facesmith.training.runs import RunFolder, append_line
from facesmith.training.step import Players

SHEET_COUNT = 64
SHEET_PIXELS = 64  # pictures smaller than this are enlarged by a whole number, so that a sheet can be looked at


def add(progress: Progress, pending: list[dict[str, Tensor]]) -> None:
    """Move what the steps measured from the device into the sums of the metrics line that is filling up."""
    for measured in pending:
        for name, value in measured.items():
            total, count = progress.sums.get(name, [0.0, 0])
            progress.sums[name] = [total + float(value), count + 1]
    pending.clear()
    broken = [name for name, (total, _) in progress.sums.items() if not math.isfinite(total)]
    if broken:
        raise FacesmithError(
            f"training diverged near step {progress.step}: {', '.join(broken)} is no longer finite; go on from "
            f"the last checkpoint with --resume --branch NEW_RUN and a lower --set learning_rate"
        )


def metrics_line(run: RunFolder, progress: Progress, total: int, writer: Any) -> dict[str, float]:
    """Append the means since the last line to metrics.jsonl and TensorBoard. ``total`` is the size of the dataset.

    Only what the seed decides goes there, no clock: a resumed run writes the same file to the bit.
    """
    values = {name: sum_ / count for name, (sum_, count) in progress.sums.items()}
    progress.sums = {}
    where = {"step": progress.step, "kimg": progress.kimg, "epoch": round(progress.shown / total, 4)}
    append_line(run.metrics, where | values)
    for name, value in values.items():
        writer.add_scalar(name, value, progress.step)
    return values


def timing_line(run: RunFolder, progress: Progress, rate: float, device: torch.device, writer: Any) -> None:
    """Append seconds so far, images a second and peak memory to timing.jsonl."""
    values = {
        "step": progress.step,
        "kimg": progress.kimg,
        "seconds": round(progress.seconds, 2),
        "images_per_second": round(rate, 2),
        "memory_gb": round(peak_memory(device) / 1e9, 3),
    }
    append_line(run.timing, values)
    writer.add_scalar("images_per_second", rate, progress.step)


def sample_sheet(run: RunFolder, players: Players, recipe: Recipe, progress: Progress, writer: Any) -> None:
    """Draw the run's 64 faces, always from the same latents, into samples/."""
    faces = draw(players, latents(recipe, SHEET_COUNT, players.device, SHEET))
    picture = sheet(faces, scale=max(1, SHEET_PIXELS // faces.shape[1]))
    save_image(picture, run.samples / f"{kimg_name(progress.kimg)}.png")
    writer.add_image("samples", np.asarray(picture), progress.step, dataformats="HWC")


@torch.no_grad()
def draw(players: Players, z: Tensor) -> NDArray[np.uint8]:
    """Faces (N x H x W x 3, uint8) of the averaged G, in float32 whatever the training's precision."""
    net = players.average
    training = net.training
    net.eval()
    pictures = net(z)
    net.train(training)
    return to_uint8(pictures)


def to_uint8(pictures: Tensor) -> NDArray[np.uint8]:
    """Pictures (N x 3 x H x W in [-1, 1]) as bytes (N x H x W x 3), rounded to the nearest."""
    scaled = pictures.permute(0, 2, 3, 1).float().mul(127.5).add(127.5).round().clamp(0, 255)
    bytes_: NDArray[np.uint8] = scaled.to(torch.uint8).cpu().numpy()
    return bytes_


@contextmanager
def tensorboard(run: RunFolder, step: int) -> Iterator[Any]:
    """A TensorBoard writer; what an earlier session wrote after ``step`` is hidden."""
    require("tensorboard", "train", "training")
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(run.tensorboard), purge_step=step or None)
    try:
        yield writer
    finally:
        writer.close()


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
