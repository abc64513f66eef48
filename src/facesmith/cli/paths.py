"""facesmith analogy, interpolate, sweep, style-mix and neighbours."""

from pathlib import Path

import click

import facesmith
from facesmith.cli import completion, options
from facesmith.cli.options import KINDS, classifier, faces, fps, out_folder, out_picture, refine


@click.command()
@options.model
@click.argument("photo", nargs=3, metavar="A B C")
@click.option("--rows", default=10, show_default=True, help="Number of rows of the grid, from A down to C.")
@click.option("--columns", default=10, show_default=True, help="Number of columns of the grid, from A to B.")
@fps(16)
@out_picture
@refine
@faces
def analogy(model: str, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Show the face that is to C as B is to A (B - A + C).

    A .png is a grid with A and B at the top, C and the result at the bottom, and the faces between them. A .gif or .mp4
    goes around the border of this grid.

    \b
    facesmith analogy my-model seed:1:4 seed:1:9 holiday.jpg --out analogy.png
    """
    facesmith.analogy(model, photo, out, **options)  # type: ignore[arg-type]
    click.echo(f"written: {out}")


@click.command()
@options.model
@click.argument("photo", nargs=-1, required=True)
@click.option("--frames", default=32, show_default=True, help="Number of faces.")
@click.option("--spherical/--linear", default=True, show_default=True, help="Interpolate along arcs or straight lines.")
@click.option("--loop", is_flag=True, help="Return to the first face at the end.")
@fps(16)
@out_picture
@refine
@faces
def interpolate(model: str, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Interpolate from each PHOTO to the next.

    \b
    facesmith interpolate my-model holiday.jpg seed:7 seed:7:3 --frames 96 --loop --out path.mp4
    """
    facesmith.interpolate(model, photo, out, **options)  # type: ignore[arg-type]
    click.echo(f"written: {out}")


@click.command()
@options.model
@click.argument("photo", nargs=-1, required=True)
@click.option("--attribute", shell_complete=completion.attributes(), help="Move along the direction of this attribute.")
@click.option("--axis", type=int, help="Move along this axis of the latent, starting at 0.")
@click.option("--direction", type=click.Path(path_type=Path), help="Move along the direction in this .npz file.")
@click.option("--from", "start", default=-3.0, show_default=True, help="Strength of the first face.")
@click.option("--to", "stop", default=3.0, show_default=True, help="Strength of the last face.")
@click.option("--steps", default=7, show_default=True, help="Number of faces.")
@click.option("--kind", default="best", show_default=True, type=KINDS, help="Kind of the attribute's direction.")
@fps(8)
@out_picture
@refine
@faces
def sweep(model: str, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Move every PHOTO along one attribute, axis or direction.

    A .gif or .mp4 goes to the last face and back.

    \b
    facesmith sweep my-model holiday.jpg --attribute Smiling --out smile.png
    facesmith sweep my-model seed:7 --axis 12 --from -2 --to 2 --steps 24 --out axis.gif
    """
    facesmith.sweep(model, photo, out, **options)  # type: ignore[arg-type]
    click.echo(f"written: {out}")


@click.command(name="style-mix")
@options.model
@click.option(
    "--coarse",
    multiple=True,
    required=True,
    metavar="PHOTO",
    help="Take the coarse style of a row from this photo; repeatable.",
)
@click.option(
    "--fine",
    multiple=True,
    required=True,
    metavar="PHOTO",
    help="Take the fine style of a column from this photo; repeatable.",
)
@click.option("--level", default=2, show_default=True, help="First level of the fine style; 0 is the coarsest.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Write to this new image file.")
@refine
@faces
def style_mix(model: str, coarse: tuple[str, ...], fine: tuple[str, ...], out: Path, **options: object) -> None:
    """Combine coarse styles with the fine styles of other faces.

    Every --coarse face is combined with every --fine face. Requires a model trained with the small or base recipe.

    \b
    facesmith style-mix my-small-model --coarse seed:1 --coarse seed:2 --fine seed:3 --fine seed:4 --out mix.png
    """
    facesmith.style_mix(model, coarse, fine, out, **options)  # type: ignore[arg-type]
    click.echo(f"written: {out}")


@click.command()
@options.model
@options.dataset
@click.argument("photo", nargs=-1, required=True)
@click.option("--count", default=8, show_default=True, help="Number of neighbours per face.")
@classifier("Also search with the features of this attribute classifier.")
@out_folder
@faces
def neighbours(model: str, dataset: Path, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Find the images of DATASET most similar to each PHOTO.

    OUT contains sheet.png and neighbours.json.

    \b
    facesmith neighbours my-model celeba64 holiday.jpg --classifier my-classifier --out similar
    """
    facesmith.neighbours(model, dataset, photo, out, **options)  # type: ignore[arg-type]
    click.echo(f"sheet: {out / 'sheet.png'}")
