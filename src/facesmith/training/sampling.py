"""Which pictures, which latents: every draw is a function of (seed, position), so a run can be taken up anywhere.

Nothing here has state to save. The order of pictures is an endless chain of shuffled epochs; the draws of a step come
from a generator seeded by (seed, what for, step), the idea of edm2's resumable sampler.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facesmith.images.pixels import to_float
from facesmith.training.settings import Recipe

# What a draw is for: streams that never overlap.
SHUFFLE, FLIPS, LATENTS, SHEET, AUGMENT, LAYERS, REAL, SCORES, NOISE, VIEW = range(10)
MEMORY_SHARE = 0.5  # of the memory that is free, the most a dataset may take


def seed_of(*key: int) -> int:
    """A seed for torch's generators that depends on ``key`` alone."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]) & (2**63 - 1)


def generator(device: torch.device, *key: int) -> torch.Generator:
    """A generator on ``device`` whose draws depend on ``key`` alone."""
    return torch.Generator(device).manual_seed(seed_of(*key))


def due(interval_kimg: float, shown: int) -> float:
    """The first moment after ``shown`` pictures at which something regular is due.

    Moments lie ``interval_kimg`` apart at first and a fiftieth of the run's length later, so that a run of a week does
    not drown in sheets. They depend on nothing but the two numbers, so a resumed run meets the same ones.
    """
    moment = 0.0
    while moment <= shown:
        moment += max(interval_kimg * 1000, moment / 50)
    return moment


def picture_indices(seed: int, start: int, count: int, total: int, share: float = 1.0) -> NDArray[np.int64]:
    """Indices of pictures ``start`` to ``start + count`` of the endless shuffled stream over ``total`` pictures.

    An epoch is a ``share`` of them, drawn anew from all for each epoch, none twice.
    """
    parts = []
    length = max(1, round(share * total))
    while count:
        epoch, offset = divmod(start, length)
        part = _epoch_order(seed, epoch, total)[:length][offset : offset + count]
        parts.append(part)
        start, count = start + len(part), count - len(part)
    return np.concatenate(parts)


@lru_cache(maxsize=16)  # the newest epochs: steps ask for the same ones, of all sides, thousands of times in a row
def _epoch_order(seed: int, epoch: int, total: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, SHUFFLE, epoch]).permutation(total)


def draw_latents(latent: str, shape: tuple[int, int], device: torch.device, *key: int) -> Tensor:
    """Draws of a distribution that depend on ``key`` alone: N(0, 1), or uniform on [-1, 1]."""
    rng = generator(device, *key)
    if latent == "uniform":
        return torch.rand(shape, generator=rng, device=device) * 2 - 1
    return torch.randn(shape, generator=rng, device=device)


Reader = Callable[[NDArray[np.int64]], Tensor]


def reader(path: Path, where: str, device: torch.device) -> tuple[Reader, str]:
    """A function from indices (N) to uint8 pictures (N x H x W x 3) on ``device``, and where it reads: memory or disk.

    ``where`` is "memory", "disk" or "auto": memory if half of what is free holds the dataset.
    """
    if where == "auto":
        where = "memory" if path.stat().st_size < MEMORY_SHARE * free_memory(device) else "disk"
    if where == "memory":
        stored = torch.from_numpy(np.load(path)).to(device)
        return lambda indices: stored[_onto(device, indices)], where

    def from_disk(indices: NDArray[np.int64]) -> Tensor:
        # Mapped anew for each batch: pages once touched would otherwise count as ours until the run ends.
        return _onto(device, np.load(path, mmap_mode="r")[indices])

    return from_disk, where


def _onto(device: torch.device, array: NDArray[Any]) -> Tensor:
    """The array on ``device``, without waiting for a GPU's work in flight."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def batch(
    read: Reader,
    recipe: Recipe,
    shown: int,
    learned: NDArray[np.int64],
    device: torch.device,
    share: slice = slice(None),
) -> Tensor:
    """The real pictures after the first ``shown``, in [-1, 1] and mirrored at random or not: N x 3 x H x W.

    They are drawn from those with the indices ``learned``. ``share`` is the part of the batch that is wanted; draws are
    made for all of it.
    """
    places = picture_indices(recipe.seed, shown, recipe.batch_size, len(learned), recipe.epoch_share)
    return pictures(read, learned[places], recipe, shown, device, share)


def pictures(
    read: Reader, indices: NDArray[np.int64], recipe: Recipe, shown: int, device: torch.device, share: slice
) -> Tensor:
    """The pictures of the batch ``indices``, in [-1, 1] and mirrored at random or not: N x 3 x H x W."""
    x = read(indices[share])
    if recipe.flip:
        rng = generator(device, recipe.seed, FLIPS, shown)
        mirrored = torch.rand(len(indices), generator=rng, device=device)[share] < 0.5
        x = torch.where(
            mirrored[:, None, None, None], x.flip(2), x
        )  # before the conversion, while a pixel is three bytes
    return to_float(x)


def free_memory(device: torch.device) -> float:
    """Bytes that could still be taken where ``device`` keeps its tensors."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):  # not Linux: half of what is installed is a cautious guess
        return 0.5 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
