"""Collapse detection, tested on trainings that are made to fail and on healthy ones.

    facesmith data import ~/celeba celeba64 --size 64 --crop center:178
    python benchmarks/collapse_detection.py celeba64 [--recipe tiny] [--kimg 40] [--healthy MINUTES]

* frozen: D stops learning after half of --kimg. How soon is the collapse reported?
* nan: at half of --kimg a weight of G becomes NaN. blow-up: at half of --kimg, eight steps have 1,000 times the
  learning rate. Both must be rolled back, and the run must end healthy.
* --healthy trains MINUTES without interference; nothing must be reported.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import harness
import torch

import facesmith
from facesmith.runs.json_lines import read_lines
from facesmith.runs.run_data import read_card
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.gan import task as gan_task
from facesmith.tasks.gan.compiled_step import Step, choose_step
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.training.train_state import TrainState

BLOW_UP_STEPS = 8  # enough to ruin the weights, and over before they are checked
GRACE_KIMG = 15
Interference = Callable[[TrainState, GANRecipe, int], GANRecipe]  # of state, recipe and images shown


def interfere(interference: Interference) -> Any:
    """Return a patch that calls ``interference`` before every training step and trains with its recipe."""

    def choose(*options: Any) -> Step:
        step = choose_step(*options)
        return lambda state, real, z, recipe, d_step, shown: step(
            state, real, z, interference(state, recipe, shown), d_step, shown
        )

    return mock.patch.object(gan_task, "choose_step", choose)


def set_nan(images: int) -> Interference:
    """Set one weight of G to NaN, once, after this many images."""
    pending = [True]

    def interference(state: TrainState, recipe: GANRecipe, shown: int) -> GANRecipe:
        if shown >= images and pending:
            pending.clear()
            with torch.no_grad():
                next(state.nets["G"].parameters()).view(-1)[0] = float("nan")
        return recipe

    return interference


def raise_learning_rate(images: int) -> Interference:
    """Train `BLOW_UP_STEPS` steps with 1,000 times the learning rate, once, after this many images."""
    steps = iter(range(BLOW_UP_STEPS))

    def interference(_: TrainState, recipe: GANRecipe, shown: int) -> GANRecipe:
        blow_up = shown >= images and next(steps, None) is not None
        return replace(recipe, learning_rate=1000 * recipe.learning_rate) if blow_up else recipe

    return interference


def health_report(path: Path) -> dict[str, Any]:
    folder = RunFolder(path)
    card = read_card(folder)
    lines = [line for line in read_lines(folder.metrics) if "diversity" in line]
    late = [round(line["diversity"], 3) for line in lines if line["kimg"] >= GRACE_KIMG]
    return {key: card[key] for key in ("status", "health", "kimg", "step", "health_events")} | {
        "last_diversity": round(lines[-1]["diversity"], 3) if lines else None,
        f"lowest_diversity_after_{GRACE_KIMG}_kimg": min(late, default=None),
    }


def main() -> None:
    parser = harness.parser(__doc__, "--set")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--kimg", type=float, default=40)
    parser.add_argument("--healthy", type=float, metavar="MINUTES")
    parser.add_argument("--only", choices=["frozen", "nan", "blow-up"], help="run one of the trials")
    args = parser.parse_args()
    harness.new_record()
    half = args.kimg / 2
    trials: dict[str, tuple[Any, tuple[str, ...]]] = {
        "frozen": (nullcontext(), (f"freeze_discriminator_after={half}", "on_collapse=warn")),
        "nan": (interfere(set_nan(round(half * 1000))), ()),
        "blow-up": (interfere(raise_learning_rate(round(half * 1000))), ()),
    }
    if args.healthy:
        trials = {"healthy": (nullcontext(), ())}
    with tempfile.TemporaryDirectory() as folder:
        for name, (interference, settings) in trials.items():
            if args.only in (None, name):
                run, limits = Path(folder) / name, {"minutes": args.healthy} if args.healthy else {"kimg": args.kimg}
                try:
                    with interference:
                        facesmith.train(
                            args.recipe, args.dataset, run, settings=(*args.settings, *settings), quiet=True, **limits
                        )
                except facesmith.FacesmithError as error:
                    print(f"{name}: ended with: {error}", file=sys.stderr)
                print(json.dumps({"recipe": args.recipe, "trial": name} | health_report(run)), flush=True)


if __name__ == "__main__":
    main()
