"""facesmith compare."""

from pathlib import Path

import click

import facesmith
from facesmith.cli import completion


@click.command()
@click.argument(
    "runs", nargs=-1, metavar="[RUN]...", type=click.Path(path_type=Path), shell_complete=completion.folders_of("run")
)
@click.option(
    "--out",
    default="comparison",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Write to this folder. With --dataset, the runs are also written to it.",
)
@click.option(
    "--dataset",
    type=click.Path(path_type=Path),
    shell_complete=completion.folders_of("dataset"),
    help="Train the runs on this dataset first.",
)
@click.option(
    "--recipe",
    default="artiface",
    show_default=True,
    shell_complete=completion.recipe_names,
    help="Train this recipe on --dataset.",
)
@click.option(
    "--d-schedule",
    "d_schedules",
    multiple=True,
    metavar="SCHEDULE",
    help="Train one run with this discriminator schedule; repeatable. Default: every, ratio:5, decay:5,0.8,25, "
    "accuracy:0.8.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=completion.setting_names,
    help="Change a setting; repeatable.",
)
@click.option(
    "--kimg", type=float, help="Stop each run after this many thousand images. Default: the recipe's setting."
)
@click.option("--minutes", type=float, help="Stop each run after this many minutes of training.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
def compare(runs: tuple[Path, ...], out: Path, d_schedules: tuple[str, ...], **options: object) -> None:
    """Compare runs on one page.

    The page shows curves, sample sheets, scores and the winner. With --dataset, runs that differ only in the
    discriminator schedule are trained first. To continue an interrupted comparison, run the same command again.

    \b
    facesmith compare runs/first runs/second
    facesmith compare --dataset celeba128 --minutes 60 --set score_kimg=20 --out schedules
    facesmith compare --dataset celeba64 --recipe tiny --d-schedule every --d-schedule ratio:2 --kimg 200 --out ratio
    """
    schedules = {"d_schedules": d_schedules} if d_schedules else {}
    facesmith.compare(runs, out, **schedules, **options)  # type: ignore[arg-type]
