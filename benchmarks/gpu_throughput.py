"""Images per second of every recipe on a GPU: eager, compiled and in CUDA graphs, against the plain float32 loop.

    python benchmarks/gpu_throughput.py [--json record.json]
    python benchmarks/gpu_throughput.py --device cpu --recipes tiny --batch 8 --steps 4 --rounds 1   # to try it

Each recipe trains at its own image size and batch size, with steps as in `facesmith train`: batches drawn on the
device, losses, accuracies and EMA included. "plain" is the same networks and losses, eager, in float32, with PyTorch's
default memory format. The modes take turns, so that a change of the GPU's clock affects all.

Printed are the median speeds, the share of the measured bfloat16 matrix peak (FLOP of the step's matrix products and
convolutions), and the largest difference of D's losses and gradient norms when two modes take a step from the same
weights during warm-up: compile and graph from eager, eager from plain. (G's loss in the same step follows Adam's first
updates, which keep only the sign of a small gradient.) A mode that cannot run prints the reason. The exit status is 1
if a difference exceeds the tolerance.
"""

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import harness
import numpy as np
import torch
from hardware_limits import OperationCounter, matmul_peak, synchronize

from facesmith import FacesmithError, doctor
from facesmith.machine import choose_device, configure_process, usable_cores
from facesmith.tasks.gan.compiled_step import Step, choose_step
from facesmith.tasks.gan.recipes import GAN_RECIPES, GANRecipe
from facesmith.tasks.gan.step import new_state, train_step
from facesmith.training.distributed import SINGLE_PROCESS
from facesmith.training.sampling import DROPOUT, LATENTS, Reader, batch, draw_latents, reader, seed_of
from facesmith.training.train_state import TrainState

IMAGES = 4096
SIDES = {"mini28": 28, "artiface": 128}  # of the images in pixels; 64 for all other recipes
WARM_UP_STEPS = 16  # four of each variant, after which every variant is compiled and recorded
TOLERANCE = 0.05  # relative, or absolute where the value is below 1: bfloat16 has 8 bits
MODES: dict[str, dict[str, Any]] = {
    "plain": {"precision": "float32", "memory_format": "contiguous", "compile": "none"},
    "eager": {"precision": "bfloat16", "memory_format": "channels_last", "compile": "none"},
    "compile": {"precision": "bfloat16", "memory_format": "channels_last", "compile": "compile"},
    "graph": {"precision": "bfloat16", "memory_format": "channels_last", "compile": "graph"},
}


@dataclass
class Training:
    """The state of a training, its step, and the number of steps taken."""

    recipe: GANRecipe
    state: TrainState
    step: Step
    read: Reader
    steps: int = 0

    def advance(self, steps: int) -> list[dict[str, torch.Tensor]]:
        """Take steps as the training loop does; the measurements stay on the device."""
        measurements, recipe, device = [], self.recipe, self.state.device
        for number in range(self.steps, self.steps + steps):
            real = batch(self.read, recipe, number * recipe.batch_size, np.arange(IMAGES), device)
            size = recipe.batch_size, recipe.latent_size
            z = draw_latents(recipe.latent, size, device, recipe.seed, LATENTS, number)
            torch.manual_seed(seed_of(recipe.seed, DROPOUT, number))
            measurements.append(self.step(self.state, real, z, recipe, number, number * recipe.batch_size))
        self.steps += steps
        return measurements

    def tensors(self) -> list[torch.Tensor]:
        """Return every tensor that a step changes."""
        tables = [net.state_dict() for net in (*self.state.nets.values(), self.state.ema)]
        for optimizer in self.state.optimizers.values():
            tables += optimizer.state.values()
        return [tensor for table in tables for tensor in table.values()]


def measure(name: str, args: argparse.Namespace, peak: float, device: torch.device) -> list[dict[str, Any]]:
    """Return a row for each mode of the recipe."""
    side, folder = SIDES.get(name, 64), tempfile.TemporaryDirectory()
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, side, side, 3), np.uint8)
    np.save(Path(folder.name) / "images.npy", images)
    read, _ = reader(Path(folder.name) / "images.npy", "memory", device)
    recipe = GAN_RECIPES[name].with_values(device=device.type, threads=torch.get_num_threads())
    recipe = replace(recipe, batch_size=args.batch or recipe.batch_size)
    start = {"recipe": name, "side": side, "batch": recipe.batch_size}
    rows: dict[str, dict[str, Any]] = {mode: start | {"mode": mode} for mode in args.modes}
    trainings: dict[str, Training] = {}
    notices: dict[str, list[str]] = {mode: [] for mode in args.modes}
    for mode in args.modes:
        configured = replace(recipe, **MODES[mode])
        try:
            step = choose_step(configured, SINGLE_PROCESS, notices[mode].append)
            trainings[mode] = Training(configured, new_state(configured, (side, side), device), step, read)
        except FacesmithError as error:
            rows[mode]["failed"] = str(error)
    losses = warm_up(trainings, rows)
    speeds, timed = time_in_turns(trainings, args.rounds, args.steps, recipe.batch_size, device)
    flops = step_flops(replace(recipe, **MODES["plain"]), side, read, device)
    for mode in trainings:
        speed, other = statistics.median(speeds[mode]), "plain" if mode == "eager" else "eager"
        rows[mode] |= {
            "images_per_second": round(speed, 1),
            "gflop_per_step": round(flops / 1e9, 2),
            "share_of_peak": round(flops / recipe.batch_size * speed / peak, 4),
        }
        for loss in ("loss_D", "loss_G"):
            rows[mode][loss] = round(statistics.fmean(float(measured[loss]) for measured in timed[mode]), 4)
        if "plain" in speeds:
            rows[mode]["ratio_to_plain"] = round(speed / statistics.median(speeds["plain"]), 2)
        if other in losses and mode != "plain":
            reference = np.array(losses[other])
            difference = np.abs(losses[mode] - reference) / np.maximum(1, np.abs(reference))
            rows[mode] |= {"compared_with": other, "difference": float(f"{difference.max():.2g}")}
        if notices[mode]:
            rows[mode]["notice"] = notices[mode][0]
    return list(rows.values())


def warm_up(trainings: dict[str, Training], rows: dict[str, dict[str, Any]]) -> dict[str, list[float]]:
    """Take every step in each mode from the same weights; return D's losses and gradient norms.

    A mode that fails is removed and its row gets the reason.
    """
    losses: dict[str, list[float]] = {mode: [] for mode in trainings}
    for _ in range(WARM_UP_STEPS):
        before = [tensor.clone() for tensor in next(iter(trainings.values())).tensors()]
        for mode, training in list(trainings.items()):
            torch._foreach_copy_(training.tensors(), before)
            try:
                (measured,) = training.advance(1)
                losses[mode] += [float(measured["loss_D"]), float(measured["grad_D"])]
            except RuntimeError as error:
                del trainings[mode], losses[mode]
                rows[mode]["failed"] = str(error).splitlines()[0]
    return losses


def time_in_turns(
    trainings: dict[str, Training], rounds: int, steps: int, batch_size: int, device: torch.device
) -> tuple[dict[str, list[float]], dict[str, list[dict[str, torch.Tensor]]]]:
    """Return the images per second of each round, and the measurements of the timed steps."""
    speeds: dict[str, list[float]] = {mode: [] for mode in trainings}
    measurements: dict[str, list[dict[str, torch.Tensor]]] = {mode: [] for mode in trainings}

    def advance(training: Training) -> list[dict[str, torch.Tensor]]:
        result = training.advance(steps)
        synchronize(device)
        return result

    for _ in range(rounds):
        for mode, training in trainings.items():
            synchronize(device)
            result, seconds = harness.timed(advance, training)
            measurements[mode] += result
            speeds[mode].append(steps * batch_size / seconds)
    return speeds, measurements


def step_flops(recipe: GANRecipe, side: int, read: Reader, device: torch.device) -> float:
    """Return the FLOP of a step of the plain layers, averaged over steps with and without penalties."""
    training = Training(recipe, new_state(recipe, (side, side), device), train_step, read)
    with OperationCounter() as counter:
        training.advance(recipe.penalty_every)
    flops: int = counter.flops
    return flops / recipe.penalty_every


def text(row: dict[str, Any]) -> str:
    head = f"{row['recipe']:10} {row['side']:4} {row['batch']:5} {row['mode']:8}"
    if "failed" in row:
        return f"{head} {row['failed']}"
    compared = f"{row['difference']:.2g} from {row['compared_with']}" if "difference" in row else ""
    notice = f"; {row['notice']}" if "notice" in row else ""
    speeds = f"{row['images_per_second']:10,.1f} {row.get('ratio_to_plain', 1):7.2f} {row['share_of_peak']:8.1%}"
    return f"{head} {speeds}  {compared}{notice}"


def main() -> None:
    parser = harness.parser(__doc__, "--rounds", "--json")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--recipes", nargs="+", choices=list(GAN_RECIPES), default=list(GAN_RECIPES))
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    parser.add_argument("--batch", type=int, help="replace each recipe's batch size")
    parser.add_argument("--steps", type=int, default=48, help="steps per round; a multiple of 4 covers all variants")
    args = parser.parse_args()
    device = choose_device(args.device)
    configure_process(usable_cores())
    peak = matmul_peak(device)
    record: dict[str, Any] = {
        "machine": doctor.machine(device),
        "cuda": torch.version.cuda,
        "bfloat16_matmul_tflops": round(peak / 1e12, 2),
        "protocol": {"steps": args.steps, "rounds": args.rounds, "tolerance": TOLERANCE},
    }
    print(record)
    record["results"] = []
    print(
        f"{'recipe':10} {'side':>4} {'batch':>5} {'mode':8} {'images/s':>10} {'plain x':>7} {'of peak':>8}  difference"
    )
    for name in args.recipes:
        for row in measure(name, args, peak, device):
            record["results"].append(row)
            print(text(row), flush=True)
        if device.type == "cuda":
            torch.cuda.empty_cache()
        harness.save_record(record, args.json)
    if any(row.get("difference", 0) > TOLERANCE for row in record["results"]):
        sys.exit(f"losses or gradients of D differ by more than the tolerance of {TOLERANCE}: see the last column")


if __name__ == "__main__":
    main()
