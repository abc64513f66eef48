"""Sampling of images and latents: every draw is a function of (seed, position), so a run can be resumed anywhere.

There is no state to save. The order of images is an endless sequence of shuffled epochs; the draws of a step
come from a generator seeded by (seed, stream, step), as in EDM2's resumable sampler.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facesmith.arrays import Integers
from facesmith.errors import FacesmithError
from facesmith.images.pixels import to_float
from facesmith.machine import free_memory
from facesmith.training.settings import Recipe

# Streams of random numbers that never overlap, by purpose.
SHUFFLE, FLIPS, LATENTS, SHEET, AUGMENT, DROPOUT, REAL, SCORES, NOISE, VIEW, CONDITIONS, BALANCE, STEP_CHECK = range(13)
MAX_MEMORY_SHARE = 0.5  # of the free memory, for a dataset


def seed_of(*key: int) -> int:
    """Return a seed for torch's generators that depends on ``key`` alone."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]) & (2**63 - 1)


def seeded_rng(device: torch.device, *key: int) -> torch.Generator:
    """Return a generator on ``device`` whose draws depend on ``key`` alone."""
    return torch.Generator(device).manual_seed(seed_of(*key))


def image_indices(seed: int, start: int, count: int, total: int, share: float = 1.0) -> Integers:
    """Return the positions ``start`` to ``start + count`` of the endless shuffled stream of ``total`` images.

    An epoch is a ``share`` of the images, drawn again for each epoch, without repetition.
    """
    parts = []
    length = max(1, round(share * total))
    while count:
        epoch, offset = divmod(start, length)
        part = _epoch_order(seed, epoch, total)[:length][offset : offset + count]
        parts.append(part)
        start, count = start + len(part), count - len(part)
    return np.concatenate(parts)


@lru_cache(maxsize=16)  # thousands of consecutive steps read the same epochs: one for each domain
def _epoch_order(seed: int, epoch: int, total: int) -> Integers:
    return np.random.default_rng([seed, SHUFFLE, epoch]).permutation(total)


def draw_latents(distribution: str, shape: tuple[int, int], device: torch.device, *key: int) -> Tensor:
    """Draw from N(0, 1), or for "uniform" from [-1, 1]; the draws depend on ``key`` alone."""
    rng = seeded_rng(device, *key)
    if distribution == "uniform":
        return torch.rand(shape, generator=rng, device=device) * 2 - 1
    return torch.randn(shape, generator=rng, device=device)


@dataclass(frozen=True)
class Reader:
    """Reads images by their indices (N) to a device: uint8, N x H x W x 3.

    ``prefetch`` starts to read the images of the next batch, and does not wait for them.
    """

    read: Callable[[Integers], Tensor]
    prefetch: Callable[[Integers], None] = lambda indices: None

    def __call__(self, indices: Integers) -> Tensor:
        return self.read(indices)


def reader(path: Path, location: str, device: torch.device) -> tuple[Reader, str]:
    """Return a reader of the images in ``path``, and its location: "memory" or "disk".

    With ``location`` "auto" it is memory if the images take less than `MAX_MEMORY_SHARE` of what is free.
    """
    if location == "auto":
        location = "memory" if path.stat().st_size < MAX_MEMORY_SHARE * free_memory(device) else "disk"
    if location == "memory":
        try:
            images = torch.from_numpy(np.load(path)).to(device)
        except (MemoryError, torch.OutOfMemoryError):
            raise FacesmithError(f"the images in {path} do not fit in memory: set data=disk") from None
        return Reader(lambda indices: images[_to_device(indices, device)]), location

    stored = np.load(path, mmap_mode="r")
    offset, size, shape = stored.offset, stored.strides[0], stored.shape[1:]

    def read_from_disk(indices: Integers) -> Tensor:
        # Not through a memory map: 64 images that are not cached then took 50 times as long.
        images = np.empty((len(indices), *shape), np.uint8)
        with path.open("rb", buffering=0) as file:
            for image, index in zip(images, indices.tolist(), strict=True):
                file.seek(offset + index * size)
                file.readinto(image.data)
        return _to_device(images, device)

    def prefetch(indices: Integers) -> None:
        if hasattr(os, "posix_fadvise"):
            with path.open("rb") as file:
                for index in indices.tolist():
                    os.posix_fadvise(file.fileno(), offset + index * size, size, os.POSIX_FADV_WILLNEED)

    return Reader(read_from_disk, prefetch), location


def _to_device(array: NDArray[Any], device: torch.device) -> Tensor:
    """Copy an array to ``device`` without waiting for a GPU's work."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def batch(
    read: Reader,
    recipe: Recipe,
    images_seen: int,
    rows: Integers,
    device: torch.device,
    part: slice = slice(None),
) -> Tensor:
    """Return the next real images after ``images_seen``, drawn from these ``rows``; see `load_batch`."""
    indices = batch_indices(recipe, images_seen, rows)
    images = load_batch(read, indices, recipe, images_seen, device, part)
    read.prefetch(batch_indices(recipe, images_seen + recipe.batch_size, rows)[part])
    return images


def batch_indices(recipe: Recipe, images_seen: int, rows: Integers) -> Integers:
    """Return the rows of the next batch after ``images_seen``, drawn from these ``rows``."""
    return rows[image_indices(recipe.seed, images_seen, recipe.batch_size, len(rows), recipe.epoch_share)]


def load_batch(
    read: Reader, indices: Integers, recipe: Recipe, images_seen: int, device: torch.device, part: slice
) -> Tensor:
    """Return ``part`` of the batch ``indices``, in [-1, 1] and randomly mirrored: N x 3 x H x W.

    Random numbers are drawn for the whole batch, so they do not depend on the part.
    """
    images = read(indices[part])
    if recipe.flip:
        rng = seeded_rng(device, recipe.seed, FLIPS, images_seen)
        is_mirrored = torch.rand(len(indices), generator=rng, device=device)[part] < 0.5
        # Before the conversion, while a pixel is three bytes.
        images = torch.where(is_mirrored[:, None, None, None], images.flip(2), images)
    return to_float(images)
