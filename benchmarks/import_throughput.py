"""How fast photos are imported, against the same work in a bare Pillow loop on the same processes.

    CELEBA_ROOT=/path/to/celeba python benchmarks/import_throughput.py [--workers N] [--rounds N] [--limit N]

Both decode every photo, cut the middle 178x178 and resize it to 64x64 with Lanczos, in turn, a few rounds each. The
bare loop throws its pixels away; the import also reads the annotations, hashes and writes the dataset: its time is
that of the whole call.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image, features

from facesmith.data.importer import import_dataset


def bare(path: str) -> np.ndarray:
    image = Image.open(path).convert("RGB").crop((0, 20, 178, 198))
    return np.asarray(image.resize((64, 64), Image.Resampling.LANCZOS))


def bare_loop(paths: list[str], workers: int) -> float:
    start = time.perf_counter()
    with ProcessPoolExecutor(workers) as pool:
        for _ in pool.map(bare, paths, chunksize=64):
            pass
    return time.perf_counter() - start


def ours(root: Path, workers: int, limit: int | None) -> float:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        import_dataset(
            root, Path(folder) / "out", size="64", crop="center:178", limit=limit, workers=workers, quiet=True
        )
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=None)
    options = parser.parse_args()
    if "CELEBA_ROOT" not in os.environ:
        sys.exit("set CELEBA_ROOT to a folder with CelebA's photos")
    root = Path(os.environ["CELEBA_ROOT"])
    paths = sorted(str(path) for path in root.rglob("*.jpg"))[: options.limit]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {options.workers} workers, Python {platform.python_version()}, "
        f"Pillow {version('pillow')} (libjpeg-turbo {features.version_feature('libjpeg_turbo')}), "
        f"NumPy {version('numpy')}, pyarrow {version('pyarrow')}"
    )
    bare_loop(paths, options.workers)  # fills the page cache
    rounds = []
    for number in range(options.rounds):
        loop, whole = bare_loop(paths, options.workers), ours(root, options.workers, options.limit)
        rounds.append(loop / whole)
        print(
            f"round {number + 1}: bare loop {len(paths) / loop:,.0f} photos/s, "
            f"import {len(paths) / whole:,.0f} photos/s, ratio {loop / whole:.2f}"
        )
    print(f"{len(paths):,} photos: the import runs at {statistics.median(rounds):.2f} of the bare loop (median)")


if __name__ == "__main__":
    main()
