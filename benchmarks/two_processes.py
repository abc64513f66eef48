"""Training in two processes (gloo, CPU) against one: the difference of the results, and the speed.

    python benchmarks/two_processes.py DATASET [--steps 20] [--recipe tiny] [--recipe celebrity] [--set KEY=VALUE]

Each recipe trains three times from the same seed, in float32 and without augmentation: one process with one thread; one
with two threads, which sum in another order and so show the effect of rounding alone; and two processes with one thread
each. Printed are the differences of the final weights, as a share of their change in training, and the largest relative
difference of the metrics. D's accuracies are left out, because each process draws its own images for them. Then the
speeds, from runs without checkpoints and sheets.
"""

import os
import statistics
import subprocess
import tempfile
from pathlib import Path

import harness
import numpy as np
from safetensors.numpy import load_file

import facesmith
from facesmith.networks.build import build
from facesmith.runs.checkpoints import list_checkpoints
from facesmith.runs.json_lines import read_lines
from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.tasks.gan.step import network_config
from facesmith.training.checkpoint import EMA
from facesmith.training.settings import with_settings

FIXED = ("checkpoint_kimg=1e6", "tick_kimg=1e6", "score_kimg=0", "device=cpu", "precision=float32", "compile=none",
         "memory_format=channels_last", "augment=0", "log_steps=5", "watch_steps=5")  # fmt: skip


def train(recipe: str, dataset: str, run: Path, steps: int, settings: list[str], processes: int = 1) -> None:
    """Train in this many processes, started as torchrun does."""
    kimg = steps * with_settings(GAN_RECIPES[recipe], settings).batch_size / 1000
    command = harness.train_command(recipe, dataset, run, "--kimg", str(kimg), settings=[*FIXED, *settings])
    environment = os.environ | {
        "WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": harness.HOST, "MASTER_PORT": str(harness.free_port()),
    }  # fmt: skip
    ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]
    started = [subprocess.Popen(command, env=environment | rank) for rank in ranks]
    assert [process.wait() for process in started] == [0] * processes


def final_weights(run: Path) -> dict[str, np.ndarray]:
    return load_file(list_checkpoints(run / "checkpoints")[-1])


def initial_weights(recipe: str, dataset: str, settings: list[str]) -> dict[str, np.ndarray]:
    configured = with_settings(GAN_RECIPES[recipe], settings)
    config = network_config(configured, facesmith.open_dataset(dataset).size)
    G, D = build(configured.family, config, configured.seed)
    networks = {"G": G, "D": D, EMA: G}
    return {f"{net}.{name}": t.numpy() for net, module in networks.items() for name, t in module.state_dict().items()}


def difference(run: Path, other: Path, initial: dict[str, np.ndarray]) -> str:
    weights, other_weights = final_weights(run), final_weights(other)
    words = []
    for net in ("G", "D", EMA):
        names = [name for name in weights if name.startswith(f"{net}.") and "num_batches" not in name]
        distance, change = (
            sum(float(np.square(weights[name].astype(float) - end[name]).sum()) for name in names) ** 0.5
            for end in (other_weights, initial)
        )
        if names:
            words.append(f"{net} {distance / change:.1e}")
    largest = max(
        abs(a[name] - b[name]) / max(abs(a[name]), 1e-12)
        for a, b in zip(read_lines(run / "metrics.jsonl"), read_lines(other / "metrics.jsonl"), strict=True)
        for name in a.keys() - {"accuracy_real", "accuracy_fake"}
        if isinstance(a[name], int | float)
    )
    return f"{', '.join(words)}, metrics {largest:.1e}"


def images_per_second(run: Path) -> float:
    """Return the median of a run's lines except the first, which includes the warm-up."""
    return statistics.median(float(line["images_per_second"]) for line in read_lines(run / "timing.jsonl")[1:])


def main() -> None:
    parser = harness.parser(__doc__, "--set")
    parser.add_argument("dataset")
    parser.add_argument("--steps", type=int, default=20, help="steps of the compared runs")
    parser.add_argument("--timed", type=int, default=60, help="steps of the timed runs, 0: none")
    parser.add_argument("--recipe", dest="recipes", action="append", help="default: tiny, small and celebrity")
    args = parser.parse_args()
    harness.new_record()
    teams = {"one process, one thread": (1, 1), "one process, two threads": (2, 1), "two processes": (1, 2)}
    for recipe in args.recipes or ("tiny", "small", "celebrity"):
        with tempfile.TemporaryDirectory() as folder:
            runs = {name: Path(folder) / name for name in teams}
            for name, (threads, processes) in teams.items():
                settings = [*args.settings, f"threads={threads}"]
                train(recipe, args.dataset, runs[name], args.steps, settings, processes)
                if args.timed:
                    train(recipe, args.dataset, Path(folder) / f"timed {name}", args.timed, settings, processes)
            initial = initial_weights(recipe, args.dataset, args.settings)
            reference, *others = teams
            print(f"{recipe}, {args.steps} steps: difference from {reference}", flush=True)
            for name in others:
                print(f"  {name}: {difference(runs[reference], runs[name], initial)}", flush=True)
            speeds = {name: images_per_second(Path(folder) / f"timed {name}") for name in teams if args.timed}
            for name, speed in speeds.items():
                print(f"  {name}: {speed:.0f} images/s, ratio {speed / speeds[reference]:.2f}", flush=True)


if __name__ == "__main__":
    main()
