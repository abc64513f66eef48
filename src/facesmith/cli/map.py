"""facesmith map."""

from pathlib import Path

import click

import facesmith
from facesmith.cli import options
from facesmith.cli.options import classifier, out_folder, quiet


@click.command()
@options.model
@options.dataset
@click.option("--count", default=10_000, show_default=True, help="Show at most this many faces from DATASET.")
@out_folder
@click.option(
    "--methods", default="pca,tsne,umap", show_default=True, help="Compute these projections, separated by commas."
)
@classifier("Add a second map, based on the features of this attribute classifier.")
@click.option("--photo", "photos", multiple=True, help="Mark this photo on the map; repeatable.")
@click.option("--seed", default=0, show_default=True, help="Random seed for the selection of faces, t-SNE and UMAP.")
@quiet
def map(model: str, dataset: Path, out: Path, methods: str, **options: object) -> None:  # noqa: A001 (its name)
    """Map DATASET so that similar faces are close together.

    MODEL's encoder places the faces. OUT contains map.html, a page for searching, selecting and labelling faces,
    and the files for TensorBoard's projector.

    \b
    facesmith map my-model celeba64 --count 10000 --out faces-map
    facesmith map my-model celeba64 --photo me.jpg --photo you.jpg --methods pca,umap --out us
    tensorboard --logdir faces-map
    """
    names = [method.strip() for method in methods.split(",") if method.strip()]
    folder = facesmith.map_faces(model, dataset, out, methods=names, **options)  # type: ignore[arg-type]
    click.echo(f"map: {folder / 'map.html'}, or tensorboard --logdir {folder}")
