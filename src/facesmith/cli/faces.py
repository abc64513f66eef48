"""facesmith faces."""

from pathlib import Path

import click

import facesmith
from facesmith.cli.options import out_folder, quiet
from facesmith.errors import plural


@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@out_folder
@click.option(
    "--size",
    default="64",
    show_default=True,
    help="Size of the crops in pixels: one number for square crops, or WIDTHxHEIGHT.",
)
@click.option(
    "--faces",
    default="all",
    show_default=True,
    help="Select faces: all, largest, or a number counted from the left, starting at 0.",
)
@quiet
def faces(photos: tuple[str, ...], out: Path, size: str, faces: str, quiet: bool) -> None:
    """Detect and align the faces in photos.

    OUT contains each photo with numbered boxes, every face aligned and cropped as for a model, and faces.json.

    \b
    facesmith faces party.jpg --out crops
    facesmith faces *.jpg --faces largest --size 128 --out crops
    """
    result = facesmith.show_faces(photos, out, size=size, faces=faces, quiet=quiet)
    with_faces = len({face["photo"] for face in result["faces"]})
    found = plural(len(result["faces"]), "face")
    click.echo(f"{out}: {found} found in {with_faces:,} of {plural(len(photos), 'photo')}")
    for item in result["without"]:
        click.echo(f"  {item['reason']}")
