"""facesmith export, generate, push and models."""

from pathlib import Path
from typing import Any

import click

import facesmith
from facesmith.cli import completion, options
from facesmith.cli.plugins import plugin_option
from facesmith.errors import plural


@click.command()
@options.run
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--checkpoint",
    show_default="best, or last if RUN has no scores",
    help="Export this checkpoint: best, last, or its kimg.",
)
@click.option("--name", help="Name of the model. Default: the name of the folder.")
@click.option("--half", is_flag=True, help="Write weights as float16, which halves the size.")
@click.option(
    "--share",
    is_flag=True,
    help="Let the ONNX files read their weights from the safetensors files, which halves the size. "
    "Keep the files together.",
)
@plugin_option
def export(run: Path, model: Path, checkpoint: str | None, name: str | None, half: bool, share: bool) -> None:
    """Export the trained model from RUN to the new folder MODEL.

    MODEL contains the weights (safetensors and ONNX) and a model card. For an encoder, MODEL is a copy of the
    generator's model with the encoder added.

    \b
    facesmith export runs/first my-model
    facesmith export runs/first early --checkpoint 32
    facesmith export runs/first small-model --half --share
    """
    exported = facesmith.export(run, model, checkpoint=checkpoint, name=name, half=half, share=share)
    card = exported.card.get("encoder", exported.card)  # the network that this run trained
    trained, parity = card["trained"], card["onnx_parity"]
    which = f"the {trained['checkpoint']} checkpoint, " if trained["checkpoint"] in ("best", "last") else ""
    click.echo(
        f"{model}: {which}after {trained['kimg']:g} kimg; {card['parameters']:,} parameters; ONNX matches PyTorch "
        f"within {parity:.0e}"
    )


@click.command()
@click.argument("model", default=facesmith.DEFAULT_MODEL, shell_complete=completion.models)
@click.option("--count", default=64, show_default=True, help="Generate this many faces.")
@click.option(
    "--seed", default=0, show_default=True, help="Random seed. The same seed and index always give the same face."
)
@click.option(
    "--truncation", default=1.0, show_default=True, help="Truncate the latents: values below 1 give more typical faces."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Write to this new folder.")
@click.option("--first", "--start", "start", default=0, show_default=True, help="Index of the first face.")
@click.option(
    "--with",
    "attributes",
    multiple=True,
    metavar="[~]ATTRIBUTE",
    help="Generate faces with this attribute, or without it (~); repeatable.",
)
@click.option("--balance", multiple=True, metavar="A,B", help="Give all combinations of attributes equal shares.")
@click.option("--share", multiple=True, metavar="ATTRIBUTE=SHARE", help="Set the share of an attribute; repeatable.")
@options.classifier("Label the faces with this attribute classifier. Default: MODEL's directions, if it has any.")
@click.option(
    "--labels",
    metavar="A,B",
    help="Label the faces with these attributes; none labels only requested ones. Default: all attributes that can be "
    "predicted.",
)
@click.option(
    "--layout",
    default="imagefolder",
    show_default=True,
    help="Layout of the files: imagefolder, classes:ATTRIBUTE, webdataset or parquet.",
)
@click.option("--grid", is_flag=True, help="Write one sheet instead of separate images.")
@click.option(
    "--format",
    default="png",
    show_default=True,
    type=click.Choice(["png", "jpg", "webp"]),
    help="File format of the images.",
)
@click.option(
    "--sign-with",
    nargs=2,
    metavar="CERTIFICATE KEY",
    envvar="FACESMITH_SIGN_WITH",
    type=click.Path(),
    help="Add a C2PA manifest to every image, signed with this certificate and key (PEM). Requires the c2pa extra.",
)
@click.option("--npy", is_flag=True, help="Also write images.npy, uint8 N x H x W x 3.")
@options.backend
@click.option("--quiet", is_flag=True, help="Hide the progress bar and the model's terms.")
@plugin_option
def generate(model: str, out: Path, backend: str, labels: str | None, **options: object) -> None:
    """Generate faces with MODEL.

    MODEL is a model folder, an included model or a hub id OWNER/NAME. `facesmith models` lists the included models; the
    first one is the default, and its faces are free to use.

    \b
    facesmith generate --out faces
    facesmith generate celeba64 --count 64 --grid --out sheet
    facesmith generate my-model --count 10000 --seed 7 --truncation 0.8 --out faces
    facesmith generate my-model --with Smiling --with ~Eyeglasses --out smiling
    facesmith generate my-model --count 100000 --balance Male,Smiling --layout webdataset --out shards

    facesmith generates faces until enough of them have the requested attributes, as measured by the model's attribute
    directions or by --classifier. A generator that is conditioned on the attributes also receives them as input.
    If you interrupt a run of more than 10,000 faces, run the same command again to continue it.
    """
    loaded = facesmith.load(model, backend, quiet=bool(options["quiet"]))
    names = None if labels is None else [name for name in labels.split(",") if name not in ("", "none")]
    folder = facesmith.generate(loaded, out, labels=names, **options)  # type: ignore[arg-type]
    if options["grid"]:
        count = plural(int(options["count"]), "face")  # type: ignore[call-overload]
        click.echo(f"{count} in {folder}; {folder / 'manifest.jsonl'} lists the seed of each face")
        return
    card = facesmith.read_set(folder)
    measured = (
        f"{plural(len(card['measured']), 'attribute')} labelled" if card["measured"] else "no attributes labelled"
    )
    click.echo(f"{plural(card['count'], 'face')} in {folder}, {measured}; terms: {card['terms']}")
    for line in facesmith.set_summary(card):
        click.echo(f"  {line}")


@click.command()
@click.argument("path", type=click.Path(path_type=Path), shell_complete=completion.models)
@click.argument("repository", metavar="OWNER/NAME")
@click.option("--private", is_flag=True, help="Create a private repository.")
@click.option("--revision", help="Upload to this existing branch. Default: main.")
@options.quiet
def push(path: Path, repository: str, private: bool, revision: str | None, quiet: bool) -> None:
    """Upload a model, dataset or set of faces to the hub.

    PATH is the folder to upload to the Hugging Face hub. Requires the hub extra; log in with `hf auth login` or set
    HF_TOKEN. An uploaded model can be loaded as OWNER/NAME or OWNER/NAME@REVISION, and an uploaded dataset can be
    imported from hf:OWNER/NAME.

    \b
    facesmith push my-model me/my-faces
    facesmith push faces64 me/faces64 --private
    facesmith push generated-faces me/generated-faces
    """
    click.echo(facesmith.push(path, repository, private=private, revision=revision, quiet=quiet))


@click.command()
def models() -> None:
    """List the included models, with their terms and scores.

    \b
    facesmith models
    """
    rows: list[tuple[str, ...]] = [("name", "output", "size", "parameters", "data", "terms", "scores")]
    for name in facesmith.included_models():
        card = facesmith.load(name, quiet=True).card
        rows.append(_row(name, "faces", card, "; ".join(map(_score_text, card.get("scores", []))) or "none"))
    for name in facesmith.included_makeovers():
        makeover = facesmith.load_makeover(name, quiet=True)
        makes = f"makeovers: {', '.join(direction['name'] for direction in makeover.directions)}"
        rows.append(_row(name, makes, makeover.card, "in its card"))
    for name in facesmith.included_classifiers():
        card = facesmith.load_classifier(name, quiet=True).card
        rows.append(_row(name, f"{len(card['attributes'])} attributes", card, "in its card"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(name: str, makes: str, card: dict[str, Any], scores: str) -> tuple[str, ...]:
    (width, height), data = card["network"]["size"], card["dataset"]
    source = f"{plural(data['count'], 'image')} from {data['source']['name']}"
    return name, makes, f"{width}x{height}", f"{card['parameters']:,}", source, card["terms"], scores


def _score_text(score: dict[str, Any]) -> str:
    """Return a score of a model card with its protocol."""
    features = f"{score['protocol']['features']}, {score['protocol']['count']:,}"
    return f"FID {score['fid']:.1f}, KID x1000 {1000 * score['kid']:.1f} ({features})"
