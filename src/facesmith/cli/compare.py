"""facesmith compare."""

from pathlib import Path

import click

import facesmith


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...", type=click.Path(path_type=Path))
@click.option(
    "--out",
    default="comparison",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The folder to write; with --dataset it holds the runs, too.",
)
@click.option("--dataset", type=click.Path(path_type=Path), help="Train the runs to compare on this dataset first.")
@click.option("--recipe", default="artiface", show_default=True, help="What to train on --dataset.")
@click.option(
    "--turns",
    multiple=True,
    metavar="TURNS",
    help="A way of taking turns to train with; repeatable. By default every, ratio:5, decay:5,0.8,25, accuracy:0.8.",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any field of the recipe; repeatable.")
@click.option("--kimg", type=float, help="End each run after this many thousand pictures; by default the recipe's.")
@click.option("--minutes", type=float, help="End each run after this many minutes of training.")
@click.option("--quiet", is_flag=True, help="Say nothing.")
def compare(runs: tuple[Path, ...], out: Path, turns: tuple[str, ...], **options: object) -> None:
    """Write one page that compares each RUN: curves, sheets, scores, and which won.

    With --dataset, runs that differ in how D and G take turns are trained first, each from the same seed, on the same
    data, for as long. A study that was stopped goes on when the same command is given again.

    \b
    facesmith compare runs/first runs/second
    facesmith compare --dataset celeba128 --minutes 60 --set score_kimg=20 --out turns
    facesmith compare --dataset celeba64 --recipe tiny --turns every --turns ratio:2 --kimg 200 --out ratio
    """
    chosen = {"turns": turns} if turns else {}
    facesmith.compare(runs, out, **chosen, **options)  # type: ignore[arg-type]
