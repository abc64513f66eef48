"""Peak memory of a training that reads its pictures from disk: 5,000 photos against 18,000; and over 2,000 steps.

    CELEBA_ROOT=~/celeba python benchmarks/train_memory.py [--kimg 18]
    python benchmarks/train_memory.py --steps 2000 --dataset celeba64 [--recipe tiny]     # does it stay flat?

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


def course(dataset: Path, run: Path, recipe: str, steps: int) -> None:
    """Print a training's peak memory so far at every tenth of its steps; scores, once in a while, have a peak too."""
    batch = facesmith.RECIPES[recipe].batch_size
    facesmith.train(recipe, dataset, run, kimg=steps * batch / 1000, settings=("score_kimg=0",), quiet=True)
    lines = [json.loads(line) for line in (run / "timing.jsonl").read_text().splitlines()]
    for tenth in range(1, 11):
        line = min(lines, key=lambda each: abs(each["step"] - tenth * steps / 10))
        print(f"step {line['step']:6,}: peak so far {1000 * line['memory_gb']:.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kimg", type=float, default=18)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--dataset", type=Path)
    parser.add_argument("--recipe", default="tiny")
    args = parser.parse_args()
    if args.steps:
        print(json.dumps(doctor.machine(torch.device("cpu"))))
        with tempfile.TemporaryDirectory() as folder:
            course(args.dataset, Path(folder) / "run", args.recipe, args.steps)
        return
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
