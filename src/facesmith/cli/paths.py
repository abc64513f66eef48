"""facesmith analogy, interpolate, sweep, style-mix and neighbours."""

from pathlib import Path

import click

import facesmith
from facesmith.cli.edit import KINDS, faces, refine

OUT = click.option("--out", required=True, type=click.Path(path_type=Path), help="The new file: .png, .gif or .mp4.")


@click.command()
@click.argument("model")
@click.argument("photo", nargs=3, metavar="A B C")
@click.option("--rows", default=10, show_default=True, help="From A down to C.")
@click.option("--columns", default=10, show_default=True, help="From A along to B.")
@click.option("--fps", default=16, show_default=True, help="Faces a second of a film.")
@OUT
@refine
@faces
def analogy(model: str, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Show what is to C as B is to A: the face B - A + C, and all between the four.

    As .png a grid with A and B above, C and the answer below; as .gif or .mp4 the way round its border.

    \b
    facesmith analogy my-model seed:1:4 seed:1:9 holiday.jpg --out analogy.png
    """
    facesmith.analogy(model, photo, out, **options)  # type: ignore[arg-type]
    click.echo(f"look at {out}")


@click.command()
@click.argument("model")
@click.argument("photo", nargs=-1, required=True)
@click.option("--frames", default=32, show_default=True, help="How many faces.")
@click.option("--spherical/--linear", default=True, show_default=True, help="Along arcs, or straight lines.")
@click.option("--loop", is_flag=True, help="Come back to the first face.")
@click.option("--fps", default=16, show_default=True, help="Faces a second of a film.")
@OUT
@refine
@faces
def interpolate(model: str, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Show the way from one PHOTO to the next, through two or more.

    \b
    facesmith interpolate my-model holiday.jpg seed:7 seed:7:3 --frames 96 --loop --out way.mp4
    """
    facesmith.interpolate(model, photo, out, **options)  # type: ignore[arg-type]
    click.echo(f"look at {out}")


@click.command()
@click.argument("model")
@click.argument("photo", nargs=-1, required=True)
@click.option("--attribute", help="What to move along, in its strengths.")
@click.option("--axis", type=int, help="Or one axis of the latent, counted from 0.")
@click.option("--direction", type=click.Path(path_type=Path), help="Or an .npz file with one direction in it.")
@click.option("--from", "start", default=-3.0, show_default=True, help="Strength of the first face.")
@click.option("--to", "stop", default=3.0, show_default=True, help="Strength of the last.")
@click.option("--steps", default=7, show_default=True, help="How many faces.")
@click.option("--kind", default="orthogonal", show_default=True, type=KINDS, help="Of an attribute's direction.")
@click.option("--fps", default=8, show_default=True, help="Faces a second of a film.")
@OUT
@refine
@faces
def sweep(model: str, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Move every PHOTO along one attribute, axis or direction; a film goes there and back.

    \b
    facesmith sweep my-model holiday.jpg --attribute Smiling --out smile.png
    facesmith sweep my-model seed:7 --axis 12 --from -2 --to 2 --steps 24 --out axis.gif
    """
    facesmith.sweep(model, photo, out, **options)  # type: ignore[arg-type]
    click.echo(f"look at {out}")


@click.command(name="style-mix")
@click.argument("model")
@click.option("--coarse", multiple=True, required=True, metavar="PHOTO", help="Whose large forms, a row each.")
@click.option("--fine", multiple=True, required=True, metavar="PHOTO", help="Whose style, a column each.")
@click.option("--level", default=2, show_default=True, help="From which level on; 0 is the coarsest.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new picture.")
@refine
@faces
def style_mix(model: str, coarse: tuple[str, ...], fine: tuple[str, ...], out: Path, **options: object) -> None:
    """Give every face of --coarse the style of every face of --fine; for models of the recipes small and base.

    \b
    facesmith style-mix my-small-model --coarse seed:1 --coarse seed:2 --fine seed:3 --fine seed:4 --out mix.png
    """
    facesmith.style_mix(model, coarse, fine, out, **options)  # type: ignore[arg-type]
    click.echo(f"look at {out}")


@click.command()
@click.argument("model")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("photo", nargs=-1, required=True)
@click.option("--count", default=8, show_default=True, help="How many of each.")
@click.option(
    "--classifier",
    "--judge",
    "classifier",
    type=click.Path(path_type=Path),
    help="Also search the feature space of this attribute classifier.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new folder to write.")
@faces
def neighbours(model: str, dataset: Path, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Find the pictures of DATASET nearest to every PHOTO: sheet.png and neighbours.json.

    \b
    facesmith neighbours my-model celeba64 holiday.jpg --classifier my-classifier --out alike
    """
    facesmith.neighbours(model, dataset, photo, out, **options)  # type: ignore[arg-type]
    click.echo(f"look at {out / 'sheet.png'}")
