"""facesmith train and report."""

from pathlib import Path

import click

import facesmith
from facesmith.cli.plugins import plugin_option


@click.command()
@click.argument("recipe")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any field of the recipe; repeatable.")
@click.option("--kimg", type=float, help="End after this many thousand pictures shown; by default the recipe's.")
@click.option("--model", help="For an encoder: the model whose generator it is fitted to.")
@click.option("--direction", "directions", multiple=True, help="For a makeover: mtf, ftm, mtm or ftf; repeatable.")
@click.option("--source", metavar="EXPRESSION", help="For a makeover: the faces to change, 'Male & ~Eyeglasses'.")
@click.option("--target", metavar="EXPRESSION", help="For a makeover: the faces they are to become.")
@click.option("--minutes", type=float, help="End after this many minutes of training, all sessions counted.")
@click.option("--resume", is_flag=True, help="Go on with RUN exactly where its last checkpoint left it.")
@click.option(
    "--branch", type=click.Path(path_type=Path), help="With --resume: go on in this new run, changed by --set."
)
@click.option(
    "--on-collapse",
    type=click.Choice(["rollback", "stop", "warn"]),
    help="What a collapse leads to; by default the recipe's: back to the last healthy checkpoint.",
)
@click.option(
    "--freeze-discriminator-after", type=float, metavar="KIMG", help="An experiment: D learns no more, and G collapses."
)
@click.option("--quiet", is_flag=True, help="Say nothing.")
@plugin_option
def train(
    recipe: str,
    dataset: Path,
    run: Path,
    settings: tuple[str, ...],
    directions: tuple[str, ...],
    source: str | None,
    target: str | None,
    on_collapse: str | None,
    freeze_discriminator_after: float | None,
    **options: object,
) -> None:
    """Train RECIPE on DATASET in the new folder RUN.

    Watch RUN/samples while it trains. Ctrl-C saves, writes the pictures and the report, and ends; --resume goes on.

    \b
    facesmith recipes
    facesmith train tiny celeba64 runs/first --minutes 10
    facesmith train tiny celeba64 runs/first --minutes 20 --resume
    facesmith train celebrity celeba64 runs/classic --set d_schedule=ratio:2 --on-collapse stop
    facesmith train celebrity celeba64 runs/classic --kimg 500 --set batch_size=128 --set seed=1
    facesmith train tiny celeba64 runs/first --resume --branch runs/gentler --set learning_rate=2e-4
    facesmith train encoder celeba64 runs/encoder --model my-model
    facesmith train classifier celeba64 runs/classifier
    facesmith train makeover+ celeba80 runs/both-ways --direction mtf --direction ftm
    facesmith train makeover celeba80 runs/older --source 'Young & ~Blurry' --target '~Young & ~Blurry'
    """
    if (source is None) != (target is None):
        raise click.UsageError("--source and --target are the two sides of one makeover: give both")
    directions += (f"{source} > {target}",) if source else ()
    settings += (f"directions={'; '.join(directions)}",) if directions else ()
    flags = {"on_collapse": on_collapse, "freeze_discriminator_after": freeze_discriminator_after}
    settings += tuple(f"{name}={value}" for name, value in flags.items() if value is not None)
    facesmith.train(recipe, dataset, run, settings=settings, **options)  # type: ignore[arg-type]


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def report(run: Path) -> None:
    """Write the page that tells the story of RUN, from what it has recorded so far.

    \b
    facesmith report runs/first
    """
    click.echo(f"look at {facesmith.report(run)}")
