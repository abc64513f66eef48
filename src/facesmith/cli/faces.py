"""facesmith faces."""

from pathlib import Path

import click

import facesmith


@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new folder to write.")
@click.option("--size", default="64", show_default=True, help="Of the cuts: side in pixels, or WIDTHxHEIGHT.")
@click.option("--faces", default="all", show_default=True, help="all, largest, or a number from the left, 0 the first.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def faces(photos: tuple[str, ...], out: Path, size: str, faces: str, quiet: bool) -> None:
    """Show which faces are found in photos, and how they are aligned.

    OUT gets each photo with numbered boxes, every face aligned and cut as a model sees it, and faces.json.

    \b
    facesmith faces party.jpg --out found
    facesmith faces *.jpg --faces largest --size 128 --out found
    """
    said = facesmith.show_faces(photos, out, size=size, faces=faces, quiet=quiet)
    shown = len({face["photo"] for face in said["faces"]})
    click.echo(f"{out}: {len(said['faces'])} faces in {shown} of {len(photos)} photos")
    for item in said["without"]:
        click.echo(f"  {item['reason']}")
