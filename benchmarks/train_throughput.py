"""Images per second of the `celebrity` step against the plain float32 loop of PyTorch's DCGAN example.

    python benchmarks/train_throughput.py [--rounds 5] [--steps 20] [--recipe celebrity]

Same networks, same batch of 64, same images in memory. Each side runs in its own process, and the two take turns. Quote
the ratio. Then the lower bound of our step is printed: its arithmetic at the speed of a large bfloat16 matrix product,
and the bytes that its operations read and write at the speed of a large copy, both measured in the same minutes.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness
import numpy as np
import torch
import torch.nn.functional as F
from hardware_limits import OperationCounter, copy_bandwidth, matmul_peak
from torch import nn

from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.tasks.gan.step import new_state, train_step
from facesmith.training.sampling import LATENTS, batch, draw_latents, reader
from facesmith.training.startup import resolve

BATCH, IMAGES, WARM_UP_STEPS = 64, 4096, 4


def plain_step() -> Callable[[int], None]:
    """Return the example's step: float32, two backward passes for D, one through D for G, Adam."""

    def up(before: int, after: int, stride: int, padding: int) -> list[nn.Module]:
        return [nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False), nn.BatchNorm2d(after), nn.ReLU(True)]

    def down(before: int, after: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, inplace=True)]

    def initialize(module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)

    G = nn.Sequential(
        *up(100, 512, 1, 0), *up(512, 256, 2, 1), *up(256, 128, 2, 1), *up(128, 64, 2, 1),
        nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh(),
    ).apply(initialize)  # fmt: skip
    D = nn.Sequential(
        nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True),
        *down(64, 128), *down(128, 256), *down(256, 512),
        nn.Conv2d(512, 1, 4, 1, 0, bias=False), nn.Sigmoid(), nn.Flatten(0),
    ).apply(initialize)  # fmt: skip
    adam_G = torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999))
    adam_D = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999))
    images = torch.from_numpy(_images()).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()
    ones, zeros = torch.ones(BATCH), torch.zeros(BATCH)

    def step(number: int) -> None:
        first = number * BATCH % IMAGES
        D.zero_grad()
        F.binary_cross_entropy(D(images[first : first + BATCH]), ones).backward()
        fake = G(torch.randn(BATCH, 100, 1, 1))
        F.binary_cross_entropy(D(fake.detach()), zeros).backward()
        adam_D.step()
        G.zero_grad()
        F.binary_cross_entropy(D(fake), ones).backward()
        adam_G.step()

    return step


def recipe_step(name: str) -> Callable[[int], None]:
    """Return the step of `facesmith train` with all its work: drawing, mirroring, losses, accuracies."""
    recipe = resolve(GAN_RECIPES[name].with_values(device="cpu", batch_size=BATCH))
    state = new_state(recipe, (64, 64), torch.device("cpu"))
    folder = tempfile.TemporaryDirectory()
    np.save(Path(folder.name) / "images.npy", _images())
    read, _ = reader(Path(folder.name) / "images.npy", "memory", state.device)

    def step(number: int) -> None:
        real = batch(read, recipe, number * BATCH, np.arange(IMAGES), state.device)
        z = draw_latents(recipe.latent, (BATCH, recipe.latent_size), state.device, recipe.seed, LATENTS, number)
        train_step(state, real, z, recipe, number, number * BATCH)

    return step


def _images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (IMAGES, 64, 64, 3), np.uint8)


def measure_side(side: str, steps: int) -> float:
    """Return images per second."""
    torch.manual_seed(0)
    step = plain_step() if side == "plain" else recipe_step(side)
    for number in range(WARM_UP_STEPS):
        step(number)
    seconds = [harness.timed(step, number)[1] for number in range(WARM_UP_STEPS, WARM_UP_STEPS + steps)]
    # Recipes with penalties have a slower fourth step: the mean over whole groups of four is the speed of a run.
    return BATCH / (statistics.median(seconds) if side in ("plain", "celebrity") else statistics.fmean(seconds))


def lower_bound(recipe: str) -> dict[str, float]:
    """Return operations and bytes of a step, averaged over four, and the peak rates of this machine."""
    step, cpu = recipe_step(recipe), torch.device("cpu")
    step(0)
    with OperationCounter() as counter:
        for number in range(4, 8):
            step(number)
    work = {"flop": counter.flops / 4, "bytes": counter.bytes / 4}
    return work | {"flop_per_second": matmul_peak(cpu), "bytes_per_second": copy_bandwidth(cpu)}


def main() -> None:
    parser = harness.parser(__doc__, "--rounds", rounds=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--recipe", default="celebrity")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        is_bound = args.side == "lower bound"
        print(json.dumps(lower_bound(args.recipe) if is_bound else measure_side(args.side, args.steps)))
        return

    def in_process(side: str) -> Callable[[], Any]:
        command = [sys.executable, __file__, "--side", side, "--steps", str(args.steps), "--recipe", args.recipe]
        return lambda: json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    harness.new_record()
    sides = {side: in_process(side) for side in ("plain", args.recipe)}
    rates = harness.take_turns(sides, args.rounds, "images/s")
    bound: dict[str, float] = in_process("lower bound")()
    arithmetic, memory = bound["flop"] / bound["flop_per_second"], bound["bytes"] / bound["bytes_per_second"]
    step = BATCH / statistics.median(rates[args.recipe])
    rows = [
        (
            "arithmetic",
            f"{bound['flop'] / 1e9:.0f} GFLOP",
            f"{bound['flop_per_second'] / 1e12:.2f} TFLOP/s",
            arithmetic,
        ),
        ("memory", f"{bound['bytes'] / 1e9:.2f} GB", f"{bound['bytes_per_second'] / 1e9:.1f} GB/s", memory),
        ("step", "", "", step),
    ]
    print(harness.table(["part", "amount", "rate", "seconds"], rows))
    print(f"the lower bound is {max(arithmetic, memory) / step:.0%} of the step if arithmetic and memory overlap, "
          f"{(arithmetic + memory) / step:.0%} if they do not")  # fmt: skip


if __name__ == "__main__":
    main()
