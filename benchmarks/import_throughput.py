"""Photos per second of an import, against the same decoding in a plain Pillow loop with the same number of processes.

    CELEBA_ROOT=/path/to/celeba python benchmarks/import_throughput.py [--workers N] [--rounds N] [--limit N]

Both decode every photo, crop the middle 178x178 and resize it to 64x64 with Lanczos, in turns. The plain loop discards
its pixels; the import also reads the annotations, hashes, and writes the dataset. Its time is that of the whole call.
"""

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path

import harness
import numpy as np
from PIL import Image, features

import facesmith


def decode(path: str) -> np.ndarray:
    image = Image.open(path).convert("RGB").crop((0, 20, 178, 198))
    return np.asarray(image.resize((64, 64), Image.Resampling.LANCZOS))


def plain_loop(paths: list[str], workers: int) -> None:
    with ProcessPoolExecutor(workers) as pool:
        for _ in pool.map(decode, paths, chunksize=64):
            pass


def import_photos(root: Path, workers: int, limit: int | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        facesmith.import_dataset(
            root, Path(folder) / "out", size="64", crop="center:178", limit=limit, workers=workers, quiet=True
        )


def main() -> None:
    parser = harness.parser(__doc__, "--rounds")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", type=int, help="number of photos, default all")
    args = parser.parse_args()
    root = harness.celeba_root()
    paths = sorted(str(path) for path in root.rglob("*.jpg"))[: args.limit]
    harness.new_record()
    print(f"{args.workers} workers, Pillow {version('pillow')}, libjpeg {features.version_feature('libjpeg_turbo')}")
    plain_loop(paths, args.workers)  # fills the page cache

    def rate(function: Callable[..., None], *options: object) -> Callable[[], float]:
        return lambda: len(paths) / harness.timed(function, *options)[1]

    sides = {"plain loop": rate(plain_loop, paths, args.workers),
             "import": rate(import_photos, root, args.workers, args.limit)}  # fmt: skip
    harness.take_turns(sides, args.rounds, "photos/s")


if __name__ == "__main__":
    main()
