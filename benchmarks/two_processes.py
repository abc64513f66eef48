"""Two processes that train together (gloo, on a CPU) against one: do they learn the same, and how fast are they?

    python benchmarks/two_processes.py DATASET [--steps 20] [--recipe tiny] [--recipe celebrity] [--set KEY=VALUE]

Each recipe trains three times from the same seed, in float32 and without augmentation: by one process of one thread, by
one of two threads (which sum in another order, and so show how far rounding alone goes), and by two processes of one.
Printed are the distances of the ends: of weights, as a share of the way they have come; of the metrics, the largest,
relative. D's accuracies are left out, whose line each process draws for itself. Then the speed of two processes
of one thread against that of one process of one thread, and of two, from a run of each without checkpoints or sheets.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

from facesmith import doctor
from facesmith.data.dataset import open_dataset
from facesmith.networks import build as networks
from facesmith.runs.checkpoints import list_checkpoints
from facesmith.runs.json_lines import read_lines
from facesmith.tasks.gan.recipe import GAN_RECIPES
from facesmith.tasks.gan.step import network_config
from facesmith.training.settings import with_settings

QUIETLY = ("checkpoint_kimg=1e6", "tick_kimg=1e6", "score_kimg=0", "device=cpu", "precision=float32", "compile=none")


def train(recipe: str, dataset: str, run: Path, kimg: float, settings: list[str], processes: int = 1) -> None:
    """Train in ``processes`` processes of their own, as torchrun would start them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "facesmith", "train", recipe, dataset, str(run), "--kimg", str(kimg), "--quiet"]
    command += [word for setting in (*QUIETLY, *settings) for word in ("--set", setting)]
    team = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    started = [
        subprocess.Popen(command, env=os.environ | team | place | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(processes)
    ]
    assert [process.wait() for process in started] == [0] * processes


def weights(run: Path) -> dict[str, np.ndarray]:
    return load_file(list_checkpoints(run / "checkpoints")[-1])


def start_weights(recipe: str, dataset: str, settings: list[str]) -> dict[str, np.ndarray]:
    """The weights before the first step."""
    start = with_settings(GAN_RECIPES[recipe], settings)
    config = network_config(start, open_dataset(Path(dataset)).size)
    G, D = networks.build(start.family, config, start.seed)
    nets = {"G": G, "D": D, "average": G}
    return {f"{net}.{name}": t.numpy() for net, module in nets.items() for name, t in module.state_dict().items()}


def distances(run: Path, other: Path, begin: dict[str, np.ndarray]) -> str:
    """How far two runs have come apart."""
    one, two = weights(run), weights(other)
    words = []
    for net in ("G", "D", "average"):
        names = [name for name in one if name.startswith(f"{net}.") and "num_batches" not in name]
        if names:
            apart, way = (
                sum(float(np.square(a[name].astype(float) - b[name]).sum()) for name in names) ** 0.5
                for a, b in ((one, two), (one, begin))
            )
            words.append(f"{net} {apart / way:.1e}")
    largest = max(
        abs(a[name] - b[name]) / max(abs(a[name]), 1e-12)
        for a, b in zip(read_lines(run / "metrics.jsonl"), read_lines(other / "metrics.jsonl"), strict=True)
        for name in a.keys() - {"accuracy_real", "accuracy_fake", "watch"}
    )
    return f"{', '.join(words)}, metrics {largest:.1e}"


def images_a_second(run: Path) -> float:
    """The median of a run's lines but the first, which warms up."""
    return statistics.median(float(line["images_per_second"]) for line in read_lines(run / "timing.jsonl")[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--steps", type=int, default=20, help="of the comparison")
    parser.add_argument("--timed", type=int, default=60, help="steps of the timed runs, 0 for none")
    parser.add_argument("--recipe", dest="recipes", action="append", help="default: tiny, small and celebrity")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="as for facesmith train")
    args = parser.parse_args()
    print(json.dumps(doctor.machine(torch.device("cpu"))))
    for recipe in args.recipes or ("tiny", "small", "celebrity"):
        batch = with_settings(GAN_RECIPES[recipe], args.settings).batch_size
        kimg, settings = args.steps * batch / 1000, ["augment=0", "log_steps=5", "watch_steps=5", *args.settings]
        with tempfile.TemporaryDirectory() as folder:
            alone, threads, two = (Path(folder) / name for name in ("alone", "threads", "two"))
            one_thread = [*settings, "threads=1", "memory_format=channels_last"]
            train(recipe, args.dataset, alone, kimg, one_thread)
            train(recipe, args.dataset, threads, kimg, [*settings, "threads=2", "memory_format=channels_last"])
            train(recipe, args.dataset, two, kimg, one_thread, processes=2)
            begin = start_weights(recipe, args.dataset, settings)
            print(f"{recipe}, {args.steps} steps of {batch}: how far from one process of one thread", flush=True)
            print(f"  by two threads:   {distances(alone, threads, begin)}")
            print(f"  by two processes: {distances(alone, two, begin)}", flush=True)
            if args.timed:
                speeds = {}
                for team in ((1, 1), (2, 1), (1, 2)):  # threads, processes
                    run = Path(folder) / f"timed-{team[0]}-{team[1]}"
                    timed = [*settings, "memory_format=channels_last", f"threads={team[0]}"]
                    train(recipe, args.dataset, run, args.timed * batch / 1000, timed, team[1])
                    speeds[team] = images_a_second(run)
                print(
                    f"  two processes of one thread: {speeds[1, 2]:.0f} images/s, "
                    f"{speeds[1, 2] / speeds[1, 1]:.2f} times one process of one thread and "
                    f"{speeds[1, 2] / speeds[2, 1]:.2f} times one of two",
                    flush=True,
                )


if __name__ == "__main__":
    main()
