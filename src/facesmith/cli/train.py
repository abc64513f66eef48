"""facesmith train and report."""

from pathlib import Path

import click

import facesmith
from facesmith.cli import completion, options
from facesmith.cli.plugins import plugin_option

GROUPS = {
    "Settings and length": ("settings", "kimg", "minutes"),
    "Resume and branch": ("resume", "branch"),
    "Collapse": ("on_collapse", "freeze_discriminator_after"),
    "Trained models": ("model",),
    "Makeovers": ("directions", "source", "target"),
}


class _GroupedCommand(click.Command):
    """A command whose help lists its options by task."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)):
                group = next((group for group, names in GROUPS.items() if param.name in names), "General")
                groups.setdefault(group, []).append(record)
        for group in [*GROUPS, "General"]:
            with formatter.section(group):
                formatter.write_dl(groups[group])


@click.command(cls=_GroupedCommand)
@click.argument("recipe", shell_complete=completion.recipe_names)
@options.dataset
@options.run
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=completion.setting_names,
    help="Change a setting of the recipe; repeatable.",
)
@click.option("--kimg", type=float, help="Stop after this many thousand images. Default: the recipe's setting.")
@click.option(
    "--model", shell_complete=completion.models, help="Start a GAN from this model, or train an encoder for it."
)
@click.option(
    "--direction",
    "directions",
    multiple=True,
    help="Train a makeover in this direction: mtf, ftm, mtm or ftf (m: male, f: female, t: to); repeatable.",
)
@click.option(
    "--source",
    metavar="EXPRESSION",
    shell_complete=completion.attributes(),
    help="Train a makeover that changes the faces matching this expression, for example 'Male & ~Eyeglasses'.",
)
@click.option(
    "--target",
    metavar="EXPRESSION",
    shell_complete=completion.attributes(),
    help="Train a makeover that changes faces so that they match this expression.",
)
@click.option("--minutes", type=float, help="Stop after this many minutes of training, counted over all sessions.")
@click.option("--resume", is_flag=True, help="Resume RUN exactly from its last checkpoint.")
@click.option(
    "--branch",
    type=click.Path(path_type=Path),
    help="With --resume, continue in this new run instead of RUN and apply the changes made with --set. If DATASET "
    "has images twice as wide and high as those of RUN, networks of the smooth family (portrait recipe) grow to that "
    "size.",
)
@click.option(
    "--on-collapse",
    type=click.Choice(["rollback", "stop", "warn"]),
    help="Choose what happens if training collapses. Default: the recipe's setting, usually rollback (to the last "
    "healthy checkpoint).",
)
@click.option(
    "--freeze-discriminator-after",
    type=float,
    metavar="KIMG",
    help="Stop training the discriminator of a GAN after this many thousand images, to provoke a collapse for testing.",
)
@click.option("--quiet", is_flag=True, help="Print nothing.")
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
    """Train a model with RECIPE on DATASET.

    RUN is the new folder to write to or, with --resume, the run to continue. Sample sheets appear in RUN/samples. Press
    Ctrl-C to save a checkpoint, write the report and exit; use --resume to continue.

    \b
    facesmith recipes
    facesmith train tiny celeba64 runs/first --minutes 10
    facesmith train tiny celeba64 runs/first --minutes 20 --resume
    facesmith train celebrity celeba64 runs/ratio --set d_schedule=ratio:2 --on-collapse stop
    facesmith train celebrity celeba64 runs/classic --kimg 500 --set batch_size=128 --set seed=1
    facesmith train tiny celeba64 runs/first --resume --branch runs/gentler --set learning_rate=2e-4
    facesmith train finetune faces runs/friends --model celeba64 --minutes 10
    facesmith train encoder celeba64 runs/encoder --model my-model
    facesmith train classifier celeba64 runs/classifier
    facesmith train makeover+ celeba80 runs/both-ways --direction mtf --direction ftm
    facesmith train makeover celeba80 runs/older --source 'Young & ~Blurry' --target '~Young & ~Blurry'
    """
    if (source is None) != (target is None):
        raise click.UsageError("--source and --target must be used together: pass both")
    directions += (f"{source} > {target}",) if source else ()
    settings += (f"directions={'; '.join(directions)}",) if directions else ()
    flags = {"on_collapse": on_collapse, "freeze_discriminator_after": freeze_discriminator_after}
    settings += tuple(f"{name}={value}" for name, value in flags.items() if value is not None)
    facesmith.train(recipe, dataset, run, settings=settings, **options)  # type: ignore[arg-type]


@click.command()
@options.run
def report(run: Path) -> None:
    """Write a report on RUN from its measurements so far.

    \b
    facesmith report runs/first
    """
    click.echo(f"report: {facesmith.report(run)}")
