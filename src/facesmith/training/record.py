"""What a run writes down as it goes: metrics, timing, TensorBoard events and sample sheets."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facesmith.extras import require
from facesmith.reports.sheets import save_image, sheet
from facesmith.training.batches import REAL, SHEET, latents
from facesmith.training.checkpoint import Progress, kimg_name
from facesmith.training.processes import Team
from facesmith.training.recipes import Recipe
from facesmith.training.runs import append_line
from facesmith.training.start import Start
from facesmith.training.watch import Watch, look, spread

SHEET_COUNT = 64
SHEET_PIXELS = 64  # pictures smaller than this are enlarged by a whole number, so that a sheet can be looked at


def add(progress: Progress, pending: list[dict[str, Tensor]], team: Team) -> None:
    """Move what the steps measured, averaged over the team, into the sums of the metrics line that is filling up."""
    if not pending:
        return
    together = torch.stack([value.float() for measured in pending for value in measured.values()])
    team.average([together])
    values = iter(together.tolist())  # one wait for the device, not one a value
    for measured in pending:
        for name in measured:
            total, count = progress.sums.get(name, [0.0, 0])
            progress.sums[name] = [total + next(values), count + 1]
    pending.clear()


def metrics_line(here: Start, watch: Watch, writer: Any) -> tuple[dict[str, float], Watch]:
    """Append the means since the last line, and what the watch says of them, to metrics.jsonl and TensorBoard.

    Only what the seed decides goes there, no clock: a resumed run writes the same file to the bit. Returns the means
    and the watch after them.
    """
    progress = here.progress
    values = {name: sum_ / count for name, (sum_, count) in progress.sums.items()}
    progress.sums = {}
    where = {"step": progress.step, "kimg": progress.kimg, "epoch": round(progress.shown / len(here.dataset), 4)}
    watch = look(watch, where | values, here.recipe)
    if here.team.leads:
        append_line(here.run.metrics, where | values | {"watch": watch.verdict})
    for name, value in values.items():
        writer.add_scalar(name, value, progress.step)
    return values, watch


def timing_line(here: Start, rate: float, writer: Any) -> None:
    """Append seconds so far, images a second and peak memory to timing.jsonl."""
    values = {
        "step": here.progress.step,
        "kimg": here.progress.kimg,
        "seconds": round(here.progress.seconds, 2),
        "images_per_second": round(rate, 2),
        "memory_gb": round(peak_memory(here.players.device) / 1e9, 3),
    }
    if here.team.leads:
        append_line(here.run.timing, values)
    writer.add_scalar("images_per_second", rate, here.progress.step)


def event(here: Start, watch: Watch) -> None:
    """Note on the run's card what the verdict now is; it is written with the next sheet, or at the end."""
    progress = here.progress
    here.card["verdict"] = watch.verdict
    here.card["watch"].append(
        {"step": progress.step, "kimg": progress.kimg, "verdict": watch.verdict, "since": watch.since,
         "rollbacks": progress.rollbacks, "gentleness": progress.gentleness}
    )  # fmt: skip


def sample_sheet(here: Start, writer: Any) -> None:
    """Draw the run's 64 faces, always from the same latents, into samples/."""
    if not here.team.leads:
        return
    faces = draw(here.players.average, sheet_latents(here))
    picture = sheet(faces, scale=max(1, SHEET_PIXELS // faces.shape[1]))
    save_image(picture, here.run.samples / f"{kimg_name(here.progress.kimg)}.png")
    writer.add_image("samples", np.asarray(picture), here.progress.step, dataformats="HWC")


def sheet_latents(here: Start) -> Tensor:
    """The 64 latents of the run's sheets."""
    return latents(here.recipe, SHEET_COUNT, here.players.device, SHEET)


def draw(net: nn.Module, z: Tensor) -> NDArray[np.uint8]:
    """Faces (N x H x W x 3, uint8) of a G, in float32 whatever the training's precision."""
    return to_uint8(pictures_of(net, z))


@torch.no_grad()
def pictures_of(net: nn.Module, z: Tensor) -> Tensor:
    """What a G makes of z when it is used, not trained: N x 3 x H x W in [-1, 1]."""
    training = net.training
    net.eval()
    pictures: Tensor = net(z)
    net.train(training)
    return pictures


def diversity(here: Start, real: float) -> Tensor:
    """How far apart the sheet's faces of the G in training lie, in units of what is usual among real pictures.

    Of G itself and not its average, which would tell of a collapse when it is long past.
    """
    return spread(pictures_of(here.players.G, sheet_latents(here))) / real


def real_spread(images: NDArray[np.uint8], recipe: Recipe) -> float:
    """The `spread` of as many real pictures as there are on a sheet, averaged over a few draws."""
    rng = np.random.default_rng([recipe.seed, REAL])
    draws = [rng.permutation(len(images))[:SHEET_COUNT] for _ in range(8)]
    chosen = [torch.from_numpy(images[np.sort(draw)]).permute(0, 3, 1, 2) / 127.5 - 1 for draw in draws]
    return max(1e-6, sum(float(spread(each)) for each in chosen) / len(chosen))


def to_uint8(pictures: Tensor) -> NDArray[np.uint8]:
    """Pictures (N x 3 x H x W in [-1, 1]) as bytes (N x H x W x 3), rounded to the nearest."""
    scaled = pictures.permute(0, 2, 3, 1).float().mul(127.5).add(127.5).round().clamp(0, 255)
    bytes_: NDArray[np.uint8] = scaled.to(torch.uint8).cpu().numpy()
    return bytes_


@contextmanager
def tensorboard(here: Start) -> Iterator[Any]:
    """A TensorBoard writer; what an earlier session wrote after the run's step is hidden."""
    require("tensorboard", "train", "training")
    from torch.utils.tensorboard import SummaryWriter

    if not here.team.leads:
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
