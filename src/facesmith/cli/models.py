"""facesmith export and generate."""

from pathlib import Path

import click

import facesmith


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--checkpoint", default="last", show_default=True, help="last, or the kimg of a checkpoint RUN has kept.")
@click.option("--name", help="Name of the model; by default the folder's.")
def export(run: Path, model: Path, checkpoint: str, name: str | None) -> None:
    """Write the generator of RUN as the new folder MODEL: safetensors, ONNX, a card.

    \b
    facesmith export runs/first my-model
    facesmith export runs/first early --checkpoint 32
    """
    made = facesmith.export(run, model, checkpoint=checkpoint, name=name)
    kimg, parity = made.card["trained"]["kimg"], made.card["onnx_parity"]
    click.echo(
        f"{model}: {made.card['parameters']:,} parameters after {kimg:g} kimg, ONNX equal to torch within {parity:.0e}"
    )


@click.command()
@click.argument("model")
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
@click.option("--quiet", is_flag=True, help="No progress bar.")
def generate(model: str, out: Path, backend: str, **options: object) -> None:
    """Make faces with MODEL, a model folder or a hub id owner/name.

    \b
    facesmith generate my-model --count 10000 --seed 7 --truncation 0.8 --out faces
    facesmith generate my-model --count 64 --grid --out sheet
    """
    made = facesmith.generate(facesmith.load(model, backend), out, **options)  # type: ignore[arg-type]
    click.echo(
        f"{options['count']:,} faces in {made}, each line of {made / 'manifest.jsonl'} says how to make one again"
    )
