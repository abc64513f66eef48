"""facesmith encode, reconstruct, directions, edit and describe."""

import json
from pathlib import Path
from typing import Any

import click

import facesmith
from facesmith.cli import completion, options
from facesmith.cli.options import KINDS, as_json, classifier, faces, out_folder, quiet, refine
from facesmith.errors import plural


@click.command()
@options.model
@click.argument("photo", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Write to this new .npz file.")
@refine
@faces
def encode(model: str, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Write the latents of every PHOTO to a file.

    The .npz file contains z (N x latent_size) and names. A PHOTO can also be seed:7 (face 0 of seed 7), seed:7:3
    (face 3 of seed 7), latents.npz (all latents in the file) or latents.npz:5.

    \b
    facesmith encode my-model holiday.jpg wedding.jpg --face all --out latents.npz
    """
    latents = facesmith.encode(model, photo, out, **options)  # type: ignore[arg-type]
    click.echo(f"{out}: {len(latents):,} latents")


@click.command()
@options.model
@click.argument("photo", nargs=-1, required=True)
@out_folder
@refine
@classifier("Also compare the features of this attribute classifier.")
@faces
def reconstruct(model: str, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Reconstruct every PHOTO and measure PSNR and SSIM.

    MODEL encodes each photo and regenerates it from the latent. OUT contains sheet.png, scores.json and latents.npz,
    which can be used in place of a photo.

    \b
    facesmith reconstruct my-model holiday.jpg --out reconstruction
    facesmith reconstruct my-model *.jpg --refine 100 --out refined
    facesmith edit my-model refined/latents.npz --set Smiling=+1 --out smiling
    """
    scores = facesmith.reconstruct(model, photo, out, **options)  # type: ignore[arg-type]
    for stage, means in scores["mean"].items():
        values = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in means.items())
        click.echo(f"{stage}: {values}")
    click.echo(f"sheet: {out / 'sheet.png'}")


@click.command()
@options.model
@click.argument(
    "dataset",
    required=False,
    type=click.Path(path_type=Path),
    shell_complete=completion.folders_of("dataset"),
)
@classifier("Label the faces with this attribute classifier.")
@click.option("--count", default=20_000, show_default=True, help="Number of faces to generate if DATASET is omitted.")
@click.option("--seed", default=0, show_default=True, help="Random seed for the generated faces.")
@click.option(
    "--orthogonal-to",
    metavar="A,B",
    shell_complete=completion.attributes(),
    help="Keep these attributes constant. Default: penalise changes in all other attributes.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write a copy of MODEL instead of changing it.")
@quiet
def directions(model: str, dataset: Path | None, orthogonal_to: str | None, **options: object) -> None:
    """Fit the attribute directions required by edit and describe.

    They are fitted to the labelled photos of DATASET or, with only --classifier, to generated faces, and saved in
    MODEL's folder.

    \b
    facesmith directions my-model celeba64
    facesmith directions my-model --classifier my-classifier --count 20000
    facesmith directions celeba64 --classifier my-classifier --out my-model
    """
    names = [name for name in (orthogonal_to or "").split(",") if name.strip()]
    result = facesmith.fit_directions(model, dataset, orthogonal_to=names, **options)  # type: ignore[arg-type]
    about, accuracy = result.directions.about, result.directions.about["accuracy"]
    known = [value for value in accuracy.values() if value is not None]
    mean = f", mean accuracy on held-out faces {sum(known) / len(known):.1%} (chance: 50%)" if known else ""
    click.echo(
        f"{result.path}: directions for {plural(len(accuracy), 'attribute')}, fitted to {about['faces']:,} faces{mean}"
    )


@click.command()
@options.model
@click.argument("photo", nargs=-1, required=True)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=STRENGTH",
    shell_complete=completion.attributes("="),
    help="Add this change to the first edit; repeatable.",
)
@click.option(
    "--row",
    "rows",
    multiple=True,
    metavar="NAME=STRENGTH,...",
    shell_complete=completion.attributes("="),
    help="Add another edit as a row of the sheet; repeatable.",
)
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    help="Read edits from this CSV file: one edit per line, one attribute per column.",
)
@click.option("--kind", default="best", show_default=True, type=KINDS, help="Use this kind of direction.")
@out_folder
@refine
@faces
def edit(
    model: str,
    photo: tuple[str, ...],
    out: Path,
    settings: tuple[str, ...],
    rows: tuple[str, ...],
    table: Path | None,
    **options: object,
) -> None:
    """Change attributes of every PHOTO, such as hair or age.

    A strength of 1 moves a face by the distance from the mean face without the attribute to the mean face with it; -1
    moves it the same distance in the opposite direction. OUT contains sheet.png (edits in rows, photos in columns), a
    file for each face, and edits.json.

    \b
    facesmith edit my-model holiday.jpg --set Smiling=+1 --set Blond_Hair=-1 --out smiling
    facesmith edit my-model *.jpg seed:7 --row "Smiling=-1, Bald=+2" --row Young=+1 --out rows
    facesmith edit my-model *.jpg --table edits.csv --out table
    """
    edits = [*([",".join(settings)] if settings else []), *rows]
    facesmith.edit(model, photo, out, edits=edits, csv=table, **options)  # type: ignore[arg-type]
    click.echo(f"sheet: {out / 'sheet.png'}")


@click.command()
@options.model
@click.argument("photo", nargs=-1, required=True)
@click.option("--top", default=5, show_default=True, help="Print this many attributes.")
@click.option(
    "--by",
    default="probability",
    show_default=True,
    type=click.Choice(["probability", "lift"]),
    help="Sort by probability, or by lift (the probability relative to the average for all faces).",
)
@as_json
@faces
def describe(model: str, photo: tuple[str, ...], as_json: bool, **options: object) -> None:
    """Print the most likely attributes of every PHOTO.

    \b
    facesmith describe my-model holiday.jpg
    facesmith describe my-model holiday.jpg --by lift --top 10
    """
    descriptions = facesmith.describe(model, photo, **options)  # type: ignore[arg-type]
    click.echo(json.dumps(descriptions, indent=2) if as_json else "\n\n".join(map(_description, descriptions)))


def _description(face: dict[str, Any]) -> str:
    width = max(len(attribute["name"]) for attribute in face["attributes"])
    return "\n".join([face["face"], *(_attribute_line(attribute, width) for attribute in face["attributes"])])


def _attribute_line(attribute: dict[str, Any], width: int) -> str:
    accuracy = attribute["accuracy"]
    tested = "" if accuracy is None else f", accuracy {accuracy:.0%}"
    return (
        f"  {attribute['name']:{width}}  {attribute['probability']:4.0%}  "
        f"{attribute['lift']:.1f} times as likely as among all faces ({attribute['rate']:.0%}){tested}"
    )
