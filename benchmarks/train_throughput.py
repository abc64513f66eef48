"""Our `celebrity` step against the plain float32 loop of PyTorch's DCGAN example: images a second, and their ratio.

    python benchmarks/train_throughput.py [--rounds 5] [--steps 20] [--recipe celebrity]

Same networks, same batch of 64, same pictures already in memory. Each side runs in a process of its own, as its user
would run it, and the two take turns, so that a machine that changes its speed changes both. Prints every round and the
medians; the ratio is what to quote. Then the floor under our step: its arithmetic at the speed of a large bfloat16
matrix product, and the bytes its operations read and write at the speed of a large copy, both measured here and now.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from hardware_limits import Counter, copy_bandwidth, matmul_peak
from torch import nn

from facesmith import doctor
from facesmith.tasks.gan.recipe import GAN_RECIPES
from facesmith.tasks.gan.step import new_state, train_step
from facesmith.training.sampling import LATENTS, batch, draw_latents, reader
from facesmith.training.startup import resolve

BATCH, PICTURES, WARM_UP = 64, 4096, 4


def plain() -> Callable[[int], None]:
    """The example's loop, written out: float32, two backward passes for D, one through D for G, Adam."""

    def up(before: int, after: int, stride: int, padding: int) -> list[nn.Module]:
        return [nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False), nn.BatchNorm2d(after), nn.ReLU(True)]

    def down(before: int, after: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, inplace=True)]

    def first_weights(module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)

    G = nn.Sequential(
        *up(100, 512, 1, 0), *up(512, 256, 2, 1), *up(256, 128, 2, 1), *up(128, 64, 2, 1),
        nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh(),
    ).apply(first_weights)  # fmt: skip
    D = nn.Sequential(
        nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True),
        *down(64, 128), *down(128, 256), *down(256, 512),
        nn.Conv2d(512, 1, 4, 1, 0, bias=False), nn.Sigmoid(), nn.Flatten(0),
    ).apply(first_weights)  # fmt: skip
    adam_G = torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999))
    adam_D = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999))
    pictures = torch.from_numpy(_pictures()).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()
    ones, zeros = torch.ones(BATCH), torch.zeros(BATCH)

    def step(number: int) -> None:
        first = number * BATCH % PICTURES
        D.zero_grad()
        F.binary_cross_entropy(D(pictures[first : first + BATCH]), ones).backward()
        fake = G(torch.randn(BATCH, 100, 1, 1))
        F.binary_cross_entropy(D(fake.detach()), zeros).backward()
        adam_D.step()
        G.zero_grad()
        F.binary_cross_entropy(D(fake), ones).backward()
        adam_G.step()

    return step


def ours(name: str) -> Callable[[int], None]:
    """The step of `facesmith train`, with all it does for a step: drawing, mirroring, losses, accuracies."""
    recipe = resolve(GAN_RECIPES[name].changed(device="cpu", batch_size=BATCH))
    state = new_state(recipe, (64, 64), torch.device("cpu"))
    folder = tempfile.TemporaryDirectory()
    np.save(Path(folder.name) / "images.npy", _pictures())
    read, _ = reader(Path(folder.name) / "images.npy", "memory", state.device)

    def step(number: int) -> None:
        real = batch(read, recipe, number * BATCH, np.arange(PICTURES), state.device)
        z = draw_latents(recipe.latent, (BATCH, recipe.latent_size), state.device, recipe.seed, LATENTS, number)
        train_step(state, real, z, recipe, number, number * BATCH)

    return step


def _pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (PICTURES, 64, 64, 3), np.uint8)


def time_side(side: str, steps: int) -> float:
    """Images a second of one side, by the median step."""
    torch.manual_seed(0)
    step = plain() if side == "plain" else ours(side)
    for number in range(WARM_UP):
        step(number)
    seconds = []
    for number in range(WARM_UP, WARM_UP + steps):
        began = time.perf_counter()
        step(number)
        seconds.append(time.perf_counter() - began)
    # Penalties make every fourth step dearer: the mean over whole groups of four is what a run feels.
    return BATCH / (statistics.median(seconds) if side in ("plain", "celebrity") else statistics.fmean(seconds))


def floor(name: str) -> dict[str, float]:
    """What a step of ours has to do, averaged over four, and how fast this machine can do it at best."""
    step = ours(name)
    step(0)
    with Counter() as counter:
        for number in range(4, 8):
            step(number)
    cpu = torch.device("cpu")
    return {
        "flop": counter.flops / 4,
        "bytes": counter.bytes / 4,
        "flop_a_second": matmul_peak(cpu),
        "bytes_a_second": copy_bandwidth(cpu),
    }


def say_floor(found: dict[str, float], images_per_second: float) -> None:
    arithmetic, memory = found["flop"] / found["flop_a_second"], found["bytes"] / found["bytes_a_second"]
    took = BATCH / images_per_second
    print(
        f"arithmetic: {found['flop'] / 1e9:.0f} GFLOP a step at {found['flop_a_second'] / 1e12:.2f} TFLOP/s, "
        f"{1000 * arithmetic:.0f} ms\n"
        f"memory: {found['bytes'] / 1e9:.2f} GB a step at {found['bytes_a_second'] / 1e9:.1f} GB/s, "
        f"{1000 * memory:.0f} ms\n"
        f"a step takes {1000 * took:.0f} ms; the floor is {max(arithmetic, memory) / took:.0%} of it if the two "
        f"overlap, {(arithmetic + memory) / took:.0%} if they do not"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--recipe", default="celebrity")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--floor", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        print(time_side(args.side, args.steps))
        return
    if args.floor:
        print(json.dumps(floor(args.floor)))
        return
    print(json.dumps(doctor.machine(torch.device("cpu"))))
    speeds: dict[str, list[float]] = {"plain": [], args.recipe: []}
    for number in range(args.rounds):
        for side, found in speeds.items():
            command = [sys.executable, __file__, "--side", side, "--steps", str(args.steps)]
            found.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        pair = " ".join(f"{side} {found[-1]:.0f}" for side, found in speeds.items())
        print(
            f"round {number + 1}: {pair} images/s, ratio {speeds[args.recipe][-1] / speeds['plain'][-1]:.2f}",
            flush=True,
        )
    ratios = [ours / plain for ours, plain in zip(speeds[args.recipe], speeds["plain"], strict=True)]
    medians = {side: round(statistics.median(found)) for side, found in speeds.items()}
    print(f"median images/s {medians}, ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    command = [sys.executable, __file__, "--floor", args.recipe]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    say_floor(found, statistics.median(speeds[args.recipe]))


if __name__ == "__main__":
    main()
