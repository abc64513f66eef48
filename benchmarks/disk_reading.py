"""Training steps per second with images on a disk, with and without prefetching, against images in memory.

    python benchmarks/disk_reading.py [--recipe tiny] [--count 100000] [--steps 40] [--rounds 3] [--folder FOLDER]

The images are random pixels, 64x64, in a file in FOLDER (default: the folder for temporary files). Before each turn,
the system forgets the pages of the file, as it does with a dataset that is larger than memory.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import harness
import numpy as np
import torch

from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.tasks.gan.step import new_state, train_step
from facesmith.training.sampling import LATENTS, Reader, batch, draw_latents, reader
from facesmith.training.startup import resolve

SIDE, CHUNK = 64, 10_000


def write_images(path: Path, count: int) -> None:
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (count, SIDE, SIDE, 3))
    for start in range(0, count, CHUNK):
        part = images[start : start + CHUNK]
        part[:] = np.frombuffer(np.random.default_rng(start).bytes(part.size), np.uint8).reshape(part.shape)
    images.flush()


def forget(path: Path) -> None:
    """Remove the pages of a file from the system's cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> None:
    parser = harness.parser(__doc__, "--rounds", "--count", count=100_000)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    harness.require_linux()
    harness.new_record()
    device = torch.device("cpu")
    recipe = resolve(GAN_RECIPES[args.recipe].with_values(device="cpu"))
    state = new_state(recipe, (SIDE, SIDE), device)
    rows, done = np.arange(args.count), 0
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / "images.npy"
        write_images(path, args.count)
        memory, disk = (reader(path, location, device)[0] for location in ("memory", "disk"))

        def steps(read: Reader) -> None:
            nonlocal done
            for _ in range(args.steps):
                real = batch(read, recipe, done * recipe.batch_size, rows, device)
                shape = (recipe.batch_size, recipe.latent_size)
                z = draw_latents(recipe.latent, shape, device, recipe.seed, LATENTS, done)
                train_step(state, real, z, recipe, done, done * recipe.batch_size)
                done += 1

        def rate(read: Reader) -> Callable[[], float]:
            def measure() -> float:
                forget(path)
                return float(args.steps / harness.timed(steps, read)[1])

            return measure

        steps(memory)  # the first steps are slower
        sides = {"memory": rate(memory), "disk": rate(disk), "disk without prefetching": rate(Reader(disk.read))}
        harness.take_turns(sides, args.rounds, "steps/s")


if __name__ == "__main__":
    main()
