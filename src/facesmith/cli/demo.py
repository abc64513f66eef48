"""facesmith demo."""

from pathlib import Path

import click

import facesmith


@click.command()
@click.argument("source", default="builtin:8000")
@click.option("--out", default="demo", show_default=True, type=click.Path(path_type=Path), help="The folder to write.")
@click.option("--minutes", default=4.0, show_default=True, help="Of training.")
@click.option("--quiet", is_flag=True, help="Say only what was made.")
def demo(source: str, out: Path, minutes: float, quiet: bool) -> None:
    """Photos to faces in one command: dataset, training, model, pictures.

    SOURCE is anything `facesmith data import` takes; without one, faces are drawn on the spot.

    \b
    facesmith demo
    facesmith demo ~/celeba --out celeba-demo --minutes 10
    """
    facesmith.demo(out, source=source, minutes=minutes, quiet=quiet)
    click.echo("\nMade, from first to last:")
    for path, what in MADE.items():
        click.echo(f"  {f'{out / path}':36} {what}")
    click.echo(f"\nMore faces:   facesmith generate {out / 'model'} --count 1000 --seed 7 --out more-faces")
    click.echo(f"Train longer: facesmith train tiny {out / 'dataset'} {out / 'run'} --resume --minutes 15")


MADE = {
    "dataset/explore/explore.html": "what the model learned from",
    "run/report.html": "the story of the training: open this first",
    "run/progress.mp4": "the faces emerging, as a video",
    "run/progress.gif": "the same for places that show no video",
    "model": "the model: safetensors, ONNX, a card",
    "faces.png": "100 faces it makes, on one sheet",
    "faces": "the same 100 as single pictures, with a manifest",
}
