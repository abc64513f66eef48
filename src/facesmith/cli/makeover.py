"""facesmith makeover."""

from pathlib import Path

import click

import facesmith
from facesmith.cli import completion
from facesmith.cli.options import faces, out_folder
from facesmith.errors import plural


@click.command()
@click.argument("model", shell_complete=completion.makeovers)
@click.argument("photo", nargs=-1, required=True)
@out_folder
@click.option("--direction", metavar="NAME", help="Use this direction of MODEL. Default: the first.")
@click.option("--strength", default=1.0, show_default=True, help="Strength of the change, from 0 (none) to 1 (full).")
@click.option(
    "--steps", default=2, show_default=True, help="Number of faces per photo on the sheet, from before to after."
)
@click.option("--whole", is_flag=True, help="Also write the whole photos with the changed faces blended in.")
@click.option(
    "--video",
    type=click.Path(path_type=Path),
    help="Also write a video (.mp4 or .gif) that morphs to the changed face and back.",
)
@faces
def makeover(model: str, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Apply the makeover MODEL to the faces in every PHOTO.

    The person should remain recognisable. PHOTO is a photo or a folder of photos. OUT contains the changed faces (named
    after their photos), sheet.png (before and after), the changed photos (with --whole), and makeover.json, a list of
    the faces. `facesmith models` lists the included makeovers and their directions.

    \b
    facesmith makeover celeba-makeover holiday.jpg --out results
    facesmith makeover celeba-makeover album/ wedding.jpg --face all --strength 0.7 --whole --out album-results
    facesmith makeover celeba-makeover holiday.jpg --direction ftm --steps 6 --video morph.mp4 --out morph
    """
    result = facesmith.make_over(model, photo, out, **options)  # type: ignore[arg-type]
    photos = len({face["photo"] for face in result["faces"]})
    changed = plural(len(result["faces"]), "face")
    click.echo(f"{out}: {changed} changed in {plural(photos, 'photo')} (direction {result['direction']})")
    for item in result["without"]:
        click.echo(f"  {item['reason']}")
    click.echo(f"sheet: {out / 'sheet.png'}")
    if options["video"] is not None:
        click.echo(f"video: {options['video']}")
