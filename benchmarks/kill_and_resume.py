"""Kill -9 a short run at random moments, resume it each time, and compare the end to the bit with a run left alone.

    python benchmarks/kill_and_resume.py DATASET [--kills 20] [--kimg 8] [--recipe tiny] [--set threads=1]

Every trial starts a new run, kills it at a moment drawn between its start and the time the undisturbed run took,
resumes it to the end, and compares all weights, optimiser states and metrics.jsonl.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from facesmith.runs.checkpoints import SUFFIX, list_checkpoints


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--kimg", type=float, default=8)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="as for facesmith train")
    args = parser.parse_args()
    draw = random.Random(args.seed)
    settings = ["--kimg", str(args.kimg), "--quiet"]
    settings += [
        word for setting in ("tick_kimg=1", "checkpoint_kimg=1", *args.settings) for word in ("--set", setting)
    ]

    def train(run: Path, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "facesmith", "train", args.recipe, args.dataset, str(run), *settings, *more]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "alone"
        began = time.monotonic()
        assert train(alone).wait() == 0
        length = time.monotonic() - began
        print(f"left alone: {args.kimg} kimg in {length:.1f} s")
        equal = 0
        for trial in range(args.kills):
            run = Path(folder) / f"killed-{trial}"
            process = train(run)
            moment = draw.uniform(0, length)
            time.sleep(moment)
            process.kill()
            process.wait()
            reached = _reached(run)
            # Killed before the folder stood, or after the end, there is nothing to resume: begin, or leave it.
            if not run.exists():
                assert train(run).wait() == 0
            elif json.loads((run / "run.json").read_text())["status"] != "finished":
                assert train(run, "--resume").wait() == 0
            same = _same(alone, run)
            equal += same
            verdict = "equal" if same else "DIFFERENT"
            print(f"kill {trial + 1:2} after {moment:5.1f} s, at checkpoint {reached}: {verdict}", flush=True)
        print(f"{equal} of {args.kills} bit-identical: weights, optimisers, metrics.jsonl")
        sys.exit(equal != args.kills)


def _reached(run: Path) -> str:
    found = list_checkpoints(run / "checkpoints") if run.exists() else []
    return found[-1].name.removesuffix(SUFFIX) if found else "none"


def _same(a: Path, b: Path) -> bool:
    one, other = (load_file(list_checkpoints(run / "checkpoints")[-1]) for run in (a, b))
    return (
        one.keys() == other.keys()
        and all(np.array_equal(one[key], other[key], equal_nan=True) for key in one)
        and (a / "metrics.jsonl").read_bytes() == (b / "metrics.jsonl").read_bytes()
    )


if __name__ == "__main__":
    main()
