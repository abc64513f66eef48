"""Images a second of every recipe on a GPU: eager, compiled and in CUDA graphs, against the plain float32 loop.

    python benchmarks/gpu_throughput.py [--json record.json]
    python benchmarks/gpu_throughput.py --device cpu --recipes tiny --batch 8 --steps 4 --rounds 1   # to try it

Each recipe at its own picture size and batch, as `facesmith train` takes its steps: batches drawn on the device,
losses, accuracies and the average included. "plain" is the same networks and losses eagerly in float32, pixels in
torch's own order. The ways take turns, so that a GPU that changes its clock changes all of them. Printed are the
medians, the share of the measured bfloat16 matrix peak (FLOP of the step's matrix products and convolutions), and how
far D's losses and the norms of their gradients lie apart when two ways take a step from the same weights, at most over
the warm-up: compile's and graph's from eager's, which have its precision; eager's from plain's. (G's loss in the same
step comes after Adam's first moves, which take of a small gradient no more than its sign.) A way that cannot run says
why. Ends with 1 if they lie further apart than the tolerance. The record also holds every way's mean losses of the
timed steps, which each trains from there on its own.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hardware_limits import Counter, matmul_peak, wait

from facesmith import FacesmithError, doctor
from facesmith.machine import choose_device, configure_process, usable_cores
from facesmith.tasks.gan.compiled_step import Step, choose_step
from facesmith.tasks.gan.recipe import GAN_RECIPES, GANRecipe
from facesmith.tasks.gan.step import new_state, train_step
from facesmith.training.distributed import SINGLE_PROCESS
from facesmith.training.sampling import LATENTS, LAYERS, Reader, batch, draw_latents, reader, seed_of
from facesmith.training.train_state import TrainState

PICTURES = 4096
SIDES = {"mini28": 28, "artiface": 128}  # the others' own size is 64
WARM_UP = 16  # steps: four of each kind, after which every kind is compiled and recorded
TOLERANCE = 0.05  # of a loss or norm, or of 1 where it is smaller: bfloat16 has 8 bits
WAYS: dict[str, dict[str, Any]] = {
    "plain": {"precision": "float32", "memory_format": "contiguous", "compile": "none"},
    "eager": {"precision": "bfloat16", "memory_format": "channels_last", "compile": "none"},
    "compile": {"precision": "bfloat16", "memory_format": "channels_last", "compile": "compile"},
    "graph": {"precision": "bfloat16", "memory_format": "channels_last", "compile": "graph"},
}


@dataclass
class Way:
    """A training under way: its networks, its step, and how many it has taken."""

    recipe: GANRecipe
    state: TrainState
    step: Step
    read: Reader
    taken: int = 0

    def go(self, steps: int) -> list[dict[str, torch.Tensor]]:
        """Take some steps, as the loop does; what they measured stays on the device."""
        found, recipe, device = [], self.recipe, self.state.device
        for number in range(self.taken, self.taken + steps):
            real = batch(self.read, recipe, number * recipe.batch_size, np.arange(PICTURES), device)
            z = draw_latents(
                recipe.latent, (recipe.batch_size, recipe.latent_size), device, recipe.seed, LATENTS, number
            )
            torch.manual_seed(seed_of(recipe.seed, LAYERS, number))
            found.append(self.step(self.state, real, z, recipe, number, number * recipe.batch_size))
        self.taken += steps
        return found


def measure(name: str, args: argparse.Namespace, peak: float, device: torch.device) -> list[dict[str, Any]]:
    """A row for each way to train the recipe."""
    side, folder = SIDES.get(name, 64), tempfile.TemporaryDirectory()
    pictures = np.random.default_rng(0).integers(0, 256, (PICTURES, side, side, 3), np.uint8)
    np.save(Path(folder.name) / "images.npy", pictures)
    read, _ = reader(Path(folder.name) / "images.npy", "memory", device)
    recipe = GAN_RECIPES[name].changed(device=device.type, threads=torch.get_num_threads())
    recipe = replace(recipe, batch_size=args.batch or recipe.batch_size)

    rows = [{"recipe": name, "side": side, "batch": recipe.batch_size, "way": way} for way in args.ways]
    ways: dict[str, Way] = {}
    said: dict[str, list[str]] = {way: [] for way in args.ways}
    for row in rows:
        settled = replace(recipe, **WAYS[row["way"]])
        try:
            step = choose_step(settled, SINGLE_PROCESS, said[row["way"]].append)
            ways[row["way"]] = Way(settled, new_state(settled, (side, side), device), step, read)
        except FacesmithError as error:
            row["failed"] = str(error)
    losses: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(WARM_UP):
        before = [tensor.clone() for tensor in state_tensors(next(iter(ways.values())).state)]
        for way, training in list(ways.items()):
            torch._foreach_copy_(state_tensors(training.state), before)
            try:
                (measured,) = training.go(1)
                losses[way] += [float(measured["loss_D"]), float(measured["grad_D"])]
            except RuntimeError as error:  # a finding, too: the others are still to be measured
                del ways[way], losses[way]
                next(row for row in rows if row["way"] == way)["failed"] = str(error).splitlines()[0]

    speeds: dict[str, list[float]] = {way: [] for way in ways}
    timed: dict[str, list[dict[str, torch.Tensor]]] = {way: [] for way in ways}
    for _ in range(args.rounds):
        for way, training in ways.items():
            wait(device)
            began = time.perf_counter()
            timed[way] += training.go(args.steps)
            wait(device)
            speeds[way].append(args.steps * recipe.batch_size / (time.perf_counter() - began))

    arithmetic = step_flops(replace(recipe, **WAYS["plain"]), side, read, device)
    for row in rows:
        if row["way"] in speeds:
            speed = statistics.median(speeds[row["way"]])
            row |= {
                "images_per_second": round(speed, 1),
                "gflop_a_step": round(arithmetic / 1e9, 2),
                "share_of_peak": round(arithmetic / recipe.batch_size * speed / peak, 4),
            }
            for loss in ("loss_D", "loss_G"):
                row[loss] = round(statistics.fmean(float(measured[loss]) for measured in timed[row["way"]]), 4)
            if "plain" in speeds:
                row["ratio_to_plain"] = round(speed / statistics.median(speeds["plain"]), 2)
            other = "plain" if row["way"] == "eager" else "eager"
            if other in losses and row["way"] != "plain":
                ours, theirs = np.array(losses[row["way"]]), np.array(losses[other])
                apart = np.abs(ours - theirs) / np.maximum(1, np.abs(theirs))
                row |= {"losses_compared_with": other, "losses_apart": float(f"{apart.max():.2g}")}
            if said[row["way"]]:
                row["said"] = said[row["way"]][0]
    return rows


def state_tensors(state: TrainState) -> list[torch.Tensor]:
    """Every tensor a step changes."""
    tables = [net.state_dict() for net in (*state.nets.values(), state.ema)]
    for optimizer in state.optimizers.values():
        tables += optimizer.state.values()
    return [tensor for table in tables for tensor in table.values()]


def step_flops(recipe: GANRecipe, side: int, read: Reader, device: torch.device) -> float:
    """FLOP of a step of the plain layers, averaged over steps with and without penalties."""
    training = Way(recipe, new_state(recipe, (side, side), device), train_step, read)
    with Counter() as counter:
        training.go(recipe.penalty_every)
    flops: int = counter.flops
    return flops / recipe.penalty_every


def line(row: dict[str, Any]) -> str:
    head = f"{row['recipe']:10} {row['side']:4} {row['batch']:4}  {row['way']:8}"
    if "failed" in row:
        return f"{head} {row['failed']}"
    compared = f"{row['losses_apart']:.2g} from {row['losses_compared_with']}" if "losses_apart" in row else ""
    return (
        f"{head} {row['images_per_second']:10,.1f} {row.get('ratio_to_plain', 1):6.2f} {row['share_of_peak']:8.1%}  "
        f"{compared}{'; ' + row['said'] if 'said' in row else ''}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--recipes", nargs="+", choices=list(GAN_RECIPES), default=list(GAN_RECIPES))
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--batch", type=int, help="instead of each recipe's own")
    parser.add_argument("--steps", type=int, default=48, help="timed in each round; a multiple of 4 holds all kinds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write what was measured there")
    args = parser.parse_args()
    device = choose_device(args.device)
    configure_process(usable_cores())
    peak = matmul_peak(device)
    record: dict[str, Any] = {
        "machine": doctor.machine(device),
        "cuda": torch.version.cuda,
        "bfloat16_matmul_tflops": round(peak / 1e12, 2),
        "protocol": {"steps": args.steps, "rounds": args.rounds, "tolerance": TOLERANCE},
        "results": [],
    }
    print(json.dumps({key: value for key, value in record.items() if key != "results"}))
    print(
        f"{'recipe':10} {'side':>4} {'batch':>5} {'way':8} {'images/s':>10} {'plain x':>6} {'of peak':>8}  losses apart"
    )
    for name in args.recipes:
        for row in measure(name, args, peak, device):
            record["results"].append(row)
            print(line(row), flush=True)
        if device.type == "cuda":
            torch.cuda.empty_cache()
        if args.json:
            args.json.write_text(json.dumps(record, indent=2))
    if any(row.get("losses_apart", 0) > TOLERANCE for row in record["results"]):
        sys.exit("D's losses or gradients lie further apart than rounding explains: see the last column")


if __name__ == "__main__":
    main()
