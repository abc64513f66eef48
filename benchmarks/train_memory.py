"""Peak memory of a training that reads its pictures from disk: 5,000 photos against 18,000.

    CELEBA_ROOT=~/celeba python benchmarks/train_memory.py [--kimg 18]

Both datasets are imported at 64x64 into a temporary folder; each run shows the same number of pictures, enough to touch
every one. Peak is the process's own (its resident pages, mapped files counted). The same run with the dataset in memory
is printed for comparison.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

import facesmith
from facesmith import doctor

COUNTS = (5_000, 18_000)


def peak_megabytes(dataset: Path, run: Path, where: str, kimg: float) -> float:
    """Train ``tiny`` in a process of its own and return the peak it recorded."""
    command = [sys.executable, "-m", "facesmith", "train", "tiny", str(dataset), str(run), "--quiet"]
    subprocess.run([*command, "--kimg", str(kimg), "--set", f"data={where}", "--set", "tick_kimg=1000"], check=True)
    return 1000 * float(json.loads((run / "timing.jsonl").read_text().splitlines()[-1])["memory_gb"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kimg", type=float, default=18)
    args = parser.parse_args()
    root = os.environ.get("CELEBA_ROOT")
    if not root:
        sys.exit("set CELEBA_ROOT to a folder with CelebA's photos")
    print(json.dumps(doctor.machine(torch.device("cpu"))))
    with tempfile.TemporaryDirectory() as folder:
        for count in COUNTS:
            dataset = Path(folder) / f"faces-{count}"
            facesmith.import_dataset(root, dataset, crop="center:178", limit=count, quiet=True)
            for where in ("disk", "memory"):
                peak = peak_megabytes(dataset, Path(folder) / f"run-{count}-{where}", where, args.kimg)
                size = (dataset / "images.npy").stat().st_size / 1e6
                print(f"{count:6,} photos ({size:.0f} MB) from {where:6}: peak {peak:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
