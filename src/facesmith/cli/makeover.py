"""facesmith makeover."""

from pathlib import Path

import click

import facesmith
from facesmith.cli.edit import faces


@click.command()
@click.argument("model")
@click.argument("photo", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new folder to write.")
@click.option("--direction", metavar="NAME", help="Which of MODEL's; by default its first.")
@click.option("--strength", default=1.0, show_default=True, help="From 0, as it was, to 1, all the way.")
@click.option("--steps", default=2, show_default=True, help="Of the sheet, from before to after.")
@click.option("--whole", is_flag=True, help="Also whole photos, the faces in them made over.")
@click.option("--video", type=click.Path(path_type=Path), help="Also a film there and back: a new .mp4 or .gif.")
@faces
def makeover(model: str, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Turn the faces in every PHOTO into MODEL's kind of face, the same person; a folder stands for all photos in it.

    OUT gets the faces after, by the names of their photos, sheet.png (before beside after), with --whole the photos
    with their faces put back, and makeover.json. facesmith models lists the makeovers that come along.

    \b
    facesmith makeover celeba-makeover holiday.jpg --out made
    facesmith makeover celeba-makeover album/ wedding.jpg --face all --strength 0.7 --whole --out album-made
    facesmith makeover celeba-makeover holiday.jpg --direction ftm --steps 6 --video morph.mp4 --out there-and-back
    """
    said = facesmith.make_over(model, photo, out, **options)  # type: ignore[arg-type]
    photos = len({face["photo"] for face in said["faces"]})
    click.echo(f"{out}: {len(said['faces']):,} faces of {photos:,} photos, made over by {said['direction']}")
    for item in said["without"]:
        click.echo(f"  {item['reason']}")
    click.echo(f"look at {out / 'sheet.png'}")
