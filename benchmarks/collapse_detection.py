"""The watch, tried on trainings that are made to fail, and on healthy ones.

    facesmith data import ~/celeba celeba64 --size 64 --crop center:178
    python benchmarks/collapse_detection.py celeba64 [--recipe tiny] [--kimg 40] [--healthy MINUTES]

* frozen: D learns no more after half of --kimg, the fourth seed's own experiment: how soon does the watch speak?
* nan: at half of --kimg a weight of G becomes NaN. blow-up: from there on the learning rate is a thousandfold, once.
  Both are to be rolled back, and the run is to end healthy.
* --healthy trains MINUTES without any interference: the watch is to say nothing.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import facesmith
from facesmith import doctor
from facesmith.runs.json_lines import read_lines
from facesmith.runs.run_files import read_card
from facesmith.runs.run_folder import RunFolder
from facesmith.tasks.gan import task as game

BLOW_UP_STEPS = 8  # long enough to ruin the weights, and over before the first look at them


@contextmanager
def meddling(meddle: Callable[[Any, Any], Any]) -> Iterator[None]:
    """Let ``meddle(players, recipe)`` see every step of training, and change the recipe it is made with."""
    choose = game.choose_step  # type: ignore[attr-defined]

    def meddled(*which: Any) -> Any:
        step = choose(*which)
        return lambda state, real, z, recipe, turn, shown: step(
            state, real, z, meddle((state, shown), recipe), turn, shown
        )

    game.choose_step = meddled  # type: ignore[assignment,attr-defined]
    try:
        yield
    finally:
        game.choose_step = choose  # type: ignore[attr-defined]


def poison(at: int) -> Callable[[Any, Any], Any]:
    """Once, at ``at`` pictures, one weight of G becomes NaN."""
    done: list[int] = []

    def meddle(where: Any, recipe: Any) -> Any:
        state, shown = where
        if shown >= at and not done:
            done.append(shown)
            with torch.no_grad():
                next(state.nets["G"].parameters()).view(-1)[0] = float("nan")
        return recipe

    return meddle


def overheat(at: int) -> Callable[[Any, Any], Any]:
    """Once, from ``at`` pictures on, `BLOW_UP_STEPS` steps with a thousand times the learning rate."""
    left = [BLOW_UP_STEPS]

    def meddle(where: Any, recipe: Any) -> Any:
        if where[1] >= at and left[0]:
            left[0] -= 1
            return replace(recipe, learning_rate=1000 * recipe.learning_rate)
        return recipe

    return meddle


def health_history(run: Path) -> dict[str, Any]:
    """How a run went: events of the watch, rollbacks, and its last diversity."""
    folder = RunFolder(run)
    card, lines = read_card(folder), read_lines(folder.metrics)
    seen = [line["diversity"] for line in lines if "diversity" in line]
    return {
        "status": card["status"],
        "health": card["health"],
        "kimg": card["kimg"],
        "step": card["step"],
        "events": card["health_events"],
        "last diversity": round(seen[-1], 3) if seen else None,
        "lowest diversity after 15 kimg": min(
            (round(line["diversity"], 3) for line in lines if "diversity" in line and line["kimg"] >= 15), default=None
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--kimg", type=float, default=40)
    parser.add_argument("--healthy", type=float, metavar="MINUTES")
    parser.add_argument("--only", choices=["frozen", "nan", "blow-up"], help="one of the trials")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, help="keep the runs in this folder")
    args = parser.parse_args()
    print(json.dumps(doctor.machine(torch.device("cpu"))))
    half = args.kimg / 2
    with tempfile.TemporaryDirectory() as scratch:
        out = args.out or Path(scratch)

        def trial(name: str, *more: str, minutes: float | None = None) -> None:
            run, settings = out / f"{args.recipe}-{name}", (*args.settings, *more)
            try:
                facesmith.train(
                    args.recipe, args.dataset, run, settings=settings,
                    kimg=None if minutes else args.kimg, minutes=minutes, quiet=True,
                )  # fmt: skip
            except facesmith.FacesmithError as error:
                print(f"{name}: ended with: {error}", file=sys.stderr)
            print(json.dumps({"recipe": args.recipe, "trial": name, **health_history(run)}), flush=True)

        if args.healthy:
            trial("healthy", minutes=args.healthy)
            return
        if args.only in (None, "frozen"):
            trial("frozen", f"freeze_discriminator_after={half}", "on_collapse=warn")
        if args.only in (None, "nan"):
            with meddling(poison(round(half * 1000))):
                trial("nan")
        if args.only in (None, "blow-up"):
            with meddling(overheat(round(half * 1000))):
                trial("blow-up")


if __name__ == "__main__":
    main()
