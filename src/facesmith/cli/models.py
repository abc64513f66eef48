"""facesmith export, generate and models."""

from pathlib import Path
from typing import Any

import click

import facesmith
from facesmith.cli.plugins import plugin_option


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--checkpoint",
    show_default="best, or last where RUN has no scores",
    help="best, last, or the kimg of a checkpoint RUN has kept.",
)
@click.option("--name", help="Name of the model; by default the folder's.")
@click.option("--half", is_flag=True, help="Weights as float16: a folder of half the size.")
@plugin_option
def export(run: Path, model: Path, checkpoint: str | None, name: str | None, half: bool) -> None:
    """Write what RUN has trained as the new folder MODEL: safetensors, ONNX, a card.

    The run of an encoder gives a model with all its generator's has and the encoder; that of a judge, a judge; that of
    a makeover, a makeover.

    \b
    facesmith export runs/first my-model
    facesmith export runs/first early --checkpoint 32
    facesmith export runs/first small-model --half
    """
    made = facesmith.export(run, model, checkpoint=checkpoint, name=name, half=half)
    new = made.card.get("encoder", made.card)  # what this run has added
    trained, parity = new["trained"], new["onnx_parity"]
    which = f", its {trained['checkpoint']}" if trained["checkpoint"] in ("best", "last") else ""
    click.echo(
        f"{model}: {new['parameters']:,} parameters after {trained['kimg']:g} kimg{which}, "
        f"ONNX equal to torch within {parity:.0e}"
    )


@click.command()
@click.argument("model", default="drawn64")
@click.option("--count", default=64, show_default=True, help="How many faces.")
@click.option("--seed", default=0, show_default=True, help="Face i of a seed is always the same face.")
@click.option("--truncation", default=1.0, show_default=True, help="Less than 1: more ordinary, more regular faces.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new folder to write.")
@click.option("--start", default=0, show_default=True, help="Index of the first face.")
@click.option("--grid", is_flag=True, help="One sheet instead of single images.")
@click.option(
    "--format", default="png", show_default=True, type=click.Choice(["png", "jpg", "webp"]), help="Of the images."
)
@click.option("--npy", is_flag=True, help="Also images.npy, uint8 N x H x W x 3.")
@click.option(
    "--backend",
    default="onnx",
    show_default=True,
    type=click.Choice(["onnx", "torch"]),
    help="What computes the faces.",
)
@click.option("--quiet", is_flag=True, help="No progress bar, and no word on a model's terms.")
@plugin_option
def generate(model: str, out: Path, backend: str, **options: object) -> None:
    """Make faces with MODEL: a model folder, one that comes with facesmith, or a hub id owner/name.

    Without MODEL it is drawn64, whose faces are free to use; facesmith models lists the others.

    \b
    facesmith generate --out faces
    facesmith generate celeba64 --count 64 --grid --out sheet
    facesmith generate my-model --count 10000 --seed 7 --truncation 0.8 --out faces
    """
    loaded = facesmith.load(model, backend, quiet=bool(options["quiet"]))
    made = facesmith.generate(loaded, out, **options)  # type: ignore[arg-type]
    click.echo(
        f"{options['count']:,} faces in {made}, each line of {made / 'manifest.jsonl'} says how to make one again"
    )


@click.command()
def models() -> None:
    """List the models that come with facesmith: what they make, of what data, their terms, their scores.

    \b
    facesmith models
    """
    rows: list[tuple[str, ...]] = [("name", "makes", "size", "parameters", "data", "terms", "scores")]
    for name in facesmith.included_models():
        card = facesmith.load(name, quiet=True).card
        rows.append(_row(name, "faces", card, "; ".join(map(_scored, card.get("scores", []))) or "none"))
    for name in facesmith.included_makeovers():
        makeover = facesmith.load_makeover(name, quiet=True)
        makes = f"makeovers: {', '.join(each['name'] for each in makeover.directions)}"
        rows.append(_row(name, makes, makeover.card, "in its card"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(name: str, makes: str, card: dict[str, Any], scores: str) -> tuple[str, ...]:
    (width, height), data = card["network"]["size"], card["dataset"]
    told = f"{data['count']:,} pictures of {data['source']['name']}"
    return name, makes, f"{width}x{height}", f"{card['parameters']:,}", told, card["terms"], scores


def _scored(score: dict[str, Any]) -> str:
    """A score of a model's card, on as few words as it can be told from others."""
    how = score["protocol"]
    return f"FID {score['fid']:.1f}, KID x1000 {1000 * score['kid']:.1f} ({how['features']}, {how['count']:,})"
