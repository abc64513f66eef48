"""facesmith demo."""

from pathlib import Path

import click

import facesmith

RESULTS = {
    "dataset/explore/explore.html": "the training data",
    "run/report.html": "the training report: open this first",
    "run/progress.mp4": "a video of the faces during training",
    "run/progress.gif": "the same video as a GIF",
    "model": "the model: safetensors, ONNX and a model card",
    "faces.png": "100 generated faces on one sheet",
    "faces": "the same 100 faces as separate images, with a manifest",
}


@click.command()
@click.argument("source", default="builtin:8000")
@click.option("--out", default="demo", show_default=True, type=click.Path(path_type=Path), help="Write to this folder.")
@click.option("--minutes", default=4.0, show_default=True, help="Train for this many minutes.")
@click.option("--quiet", is_flag=True, help="Print only the results.")
def demo(source: str, out: Path, minutes: float, quiet: bool) -> None:
    """Import photos, train a model and generate faces.

    SOURCE is any source that `facesmith data import` accepts. By default, facesmith generates cartoon faces; nothing is
    downloaded.

    \b
    facesmith demo
    facesmith demo ~/celeba --out celeba-demo --minutes 10
    """
    facesmith.demo(out, source=source, minutes=minutes, quiet=quiet)
    click.echo("\nResults:")
    for path, purpose in RESULTS.items():
        click.echo(f"  {f'{out / path}':36} {purpose}")
    click.echo(f"\nMore faces:   facesmith generate {out / 'model'} --count 1000 --seed 7 --out more-faces")
    click.echo(f"Train longer: facesmith train tiny {out / 'dataset'} {out / 'run'} --resume --minutes 15")
