"""Kill a short run with SIGKILL at random moments, resume it, and compare it bit for bit with an uninterrupted run.

    python benchmarks/kill_and_resume.py DATASET [--kills 20] [--kimg 8] [--recipe tiny] [--set threads=1]

Every trial starts a new run, kills it at a moment drawn from the time that the uninterrupted run took, resumes it to
the end, and compares all weights, optimizer states and metrics.jsonl.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness
import numpy as np
from safetensors.numpy import load_file

from facesmith.runs.checkpoints import SUFFIX, list_checkpoints
from facesmith.runs.run_data import read_card
from facesmith.runs.run_folder import RunFolder


def main() -> None:
    parser = harness.parser(__doc__, "--seed", "--set")
    parser.add_argument("dataset")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--kimg", type=float, default=8)
    parser.add_argument("--recipe", default="tiny")
    args = parser.parse_args()
    random_moments = random.Random(args.seed)
    settings = ["tick_kimg=1", "checkpoint_kimg=1", *args.settings]

    def train(run: Path, *options: str) -> subprocess.Popen[bytes]:
        command = harness.train_command(
            args.recipe, args.dataset, run, "--kimg", str(args.kimg), *options, settings=settings
        )
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "uninterrupted"
        status, length = harness.timed(lambda: train(reference).wait())
        assert status == 0
        print(f"uninterrupted: {args.kimg} kimg in {length:.1f} s")
        equal = 0
        for trial in range(args.kills):
            run = Path(folder) / f"killed-{trial}"
            process = train(run)
            moment = random_moments.uniform(0, length)
            time.sleep(moment)
            process.kill()
            process.wait()
            checkpoint = last_checkpoint(run)
            if not run.exists():  # killed before there was anything to resume
                assert train(run).wait() == 0
            elif read_card(RunFolder(run))["status"] != "finished":
                assert train(run, "--resume").wait() == 0
            same = runs_equal(reference, run)
            equal += same
            result = "equal" if same else "DIFFERENT"
            print(f"kill {trial + 1:2} after {moment:5.1f} s, at checkpoint {checkpoint}: {result}", flush=True)
        print(f"{equal} of {args.kills} bit-identical: weights, optimizers, metrics.jsonl")
        sys.exit(equal != args.kills)


def last_checkpoint(run: Path) -> str:
    files = list_checkpoints(run / "checkpoints") if run.exists() else []
    return files[-1].name.removesuffix(SUFFIX) if files else "none"


def runs_equal(a: Path, b: Path) -> bool:
    weights, other = (load_file(list_checkpoints(run / "checkpoints")[-1]) for run in (a, b))
    return (
        weights.keys() == other.keys()
        and all(np.array_equal(weights[name], other[name], equal_nan=True) for name in weights)
        and (a / "metrics.jsonl").read_bytes() == (b / "metrics.jsonl").read_bytes()
    )


if __name__ == "__main__":
    main()
