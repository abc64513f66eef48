"""facesmith encode, reconstruct, directions, edit and describe."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import facesmith

Command = Callable[..., None]

KINDS = click.Choice(["mean", "boundary", "orthogonal"])


def faces(command: Command) -> Command:
    """The options of every command that takes faces."""
    for option in (
        click.option("--quiet", is_flag=True, help="No progress bar."),
        click.option("--aligned", is_flag=True, help="The photos are aligned already: find no faces, just cut."),
        click.option(
            "--face",
            default="largest",
            show_default=True,
            help="Which of the faces in a photo: largest, all, or 0, 1, ... from the left.",
        ),
    ):
        command = option(command)
    return command


refine = click.option(
    "--refine", default=0, metavar="STEPS", help="Search on from what the encoder says of photos; needs torch."
)


@click.command()
@click.argument("model")
@click.argument("photo", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new file to write, .npz.")
@refine
@faces
def encode(model: str, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Write the latents of every PHOTO: z (N x latent_size) and names.

    Wherever a command takes a PHOTO it also takes seed:7 (face 0 of seed 7), seed:7:3 (face 3), latents.npz (all of
    them) and latents.npz:5.

    \b
    facesmith encode my-model holiday.jpg wedding.jpg --face all --out latents.npz
    """
    found = facesmith.encode(model, photo, out, **options)  # type: ignore[arg-type]
    click.echo(f"{out}: {len(found):,} latents")


@click.command()
@click.argument("model")
@click.argument("photo", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new folder to write.")
@refine
@click.option(
    "--classifier",
    "--judge",
    "classifier",
    type=click.Path(path_type=Path),
    help="Also compare the faces by the features of this attribute classifier.",
)
@faces
def reconstruct(model: str, photo: tuple[str, ...], out: Path, **options: object) -> None:
    """Show every PHOTO before beside after MODEL's encoder and generator, with PSNR and SSIM.

    OUT gets sheet.png, scores.json, and latents.npz, which stands wherever a photo does.

    \b
    facesmith reconstruct my-model holiday.jpg --out there-and-back
    facesmith reconstruct my-model *.jpg --refine 100 --out closer
    facesmith edit my-model closer/latents.npz --set Smiling=+1 --out smiling
    """
    scores = facesmith.reconstruct(model, photo, out, **options)  # type: ignore[arg-type]
    for stage, mean in scores["mean"].items():
        words = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in mean.items())
        click.echo(f"{stage}: {words}")
    click.echo(f"look at {out / 'sheet.png'}")


@click.command()
@click.argument("model")
@click.argument("dataset", required=False, type=click.Path(path_type=Path))
@click.option(
    "--classifier",
    "--judge",
    "classifier",
    type=click.Path(path_type=Path),
    help="Label the faces by this attribute classifier.",
)
@click.option("--count", default=20_000, show_default=True, help="Generated faces, where there is no DATASET.")
@click.option("--seed", default=0, show_default=True, help="Of the generated faces.")
@click.option(
    "--orthogonal-to", metavar="A,B", help="Leave these exactly alone; by default all, as far as it is cheap."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write a copy of MODEL instead of changing it.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def directions(model: str, dataset: Path | None, orthogonal_to: str | None, **options: object) -> None:
    """Fit the directions that edit and describe need, in one pass, and keep them in MODEL's folder.

    From the labelled photos of DATASET, or with --classifier alone from generated faces.

    \b
    facesmith directions my-model celeba64
    facesmith directions my-model --classifier my-classifier --count 20000
    facesmith directions celeba64 --classifier my-classifier --out my-model
    """
    apart = [name for name in (orthogonal_to or "").split(",") if name.strip()]
    made = facesmith.fit_directions(model, dataset, orthogonal_to=apart, **options)  # type: ignore[arg-type]
    about, accuracy = made.directions.about, made.directions.about["accuracy"]
    known = [value for value in accuracy.values() if value is not None]
    mean = f", which tell {sum(known) / len(known):.1%} of held-out faces rightly (50% is chance)" if known else ""
    click.echo(f"{made.path}: directions of {len(accuracy)} attributes from {about['faces']:,} faces{mean}")


@click.command()
@click.argument("model")
@click.argument("photo", nargs=-1, required=True)
@click.option("--set", "settings", multiple=True, metavar="NAME=STRENGTH", help="One edit of all these; repeatable.")
@click.option("--row", "rows", multiple=True, metavar="NAME=STRENGTH,...", help="A further edit; repeatable.")
@click.option("--table", type=click.Path(path_type=Path), help="CSV: a column an attribute, a row an edit.")
@click.option("--kind", default="orthogonal", show_default=True, type=KINDS, help="Of the directions.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new folder to write.")
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
    """Change attributes of every PHOTO: hair, age, a smile.

    Strength 1 carries the average face without an attribute as far as the average face with it, -1 back. OUT gets
    sheet.png (rows of edits, columns of photos), every face by itself, and edits.json.

    \b
    facesmith edit my-model holiday.jpg --set Smiling=+1 --set Blond_Hair=-1 --out smiling
    facesmith edit my-model *.jpg seed:7 --row "Smiling=-1, Bald=+2" --row Young=+1 --out rows
    facesmith edit my-model *.jpg --table edits.csv --out table
    """
    edits = [*([",".join(settings)] if settings else []), *rows]
    facesmith.edit(model, photo, out, edits=edits, csv=table, **options)  # type: ignore[arg-type]
    click.echo(f"look at {out / 'sheet.png'}")


@click.command()
@click.argument("model")
@click.argument("photo", nargs=-1, required=True)
@click.option("--top", default=5, show_default=True, help="How many attributes.")
@click.option(
    "--by",
    default="probability",
    show_default=True,
    type=click.Choice(["probability", "lift"]),
    help="lift: what is special about a face goes first.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@faces
def describe(model: str, photo: tuple[str, ...], as_json: bool, **options: object) -> None:
    """Say what every PHOTO has: its likeliest attributes, each with its probability.

    \b
    facesmith describe my-model holiday.jpg
    facesmith describe my-model holiday.jpg --by lift --top 10
    """
    found = facesmith.describe(model, photo, **options)  # type: ignore[arg-type]
    click.echo(json.dumps(found, indent=2) if as_json else "\n\n".join(map(_described, found)))


def _described(one: dict[str, Any]) -> str:
    width = max(len(attribute["name"]) for attribute in one["attributes"])
    return "\n".join([one["face"], *(_in_words(attribute, width) for attribute in one["attributes"])])


def _in_words(attribute: dict[str, Any], width: int) -> str:
    accuracy = attribute["accuracy"]
    sure = "" if accuracy is None else f", told rightly in {accuracy:.0%} of tests"
    return (
        f"  {attribute['name']:{width}}  {attribute['probability']:4.0%}  "
        f"{attribute['lift']:.1f} times as likely as among all faces ({attribute['rate']:.0%}){sure}"
    )
