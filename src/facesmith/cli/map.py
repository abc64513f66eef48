"""facesmith map."""

from pathlib import Path

import click

import facesmith


@click.command()
@click.argument("model")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--count", default=10_000, show_default=True, help="Faces on the map, or as many as DATASET has.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new folder to write.")
@click.option("--methods", default="pca,tsne,umap", show_default=True, help="Any of pca, tsne, umap.")
@click.option(
    "--classifier",
    "--judge",
    "classifier",
    type=click.Path(path_type=Path),
    help="Add a second map, by the features of this attribute classifier.",
)
@click.option("--photo", "photos", multiple=True, help="A photo to place on the map and mark; several times for more.")
@click.option("--seed", default=0, show_default=True, help="Of the draw of faces, t-SNE and UMAP.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def map(model: str, dataset: Path, out: Path, methods: str, **options: object) -> None:  # noqa: A001 (its name)
    """Lay out the faces of DATASET as the encoder of MODEL sees them: who is alike lies together.

    OUT gets map.html, one page to look at, search, circle and label faces in; and what tensorboard's projector opens.

    \b
    facesmith map my-model celeba64 --count 10000 --out faces-map
    facesmith map my-model celeba64 --photo me.jpg --photo you.jpg --methods pca,umap --out us
    tensorboard --logdir faces-map
    """
    named = [method.strip() for method in methods.split(",") if method.strip()]
    made = facesmith.map_faces(model, dataset, out, methods=named, **options)  # type: ignore[arg-type]
    click.echo(f"look at {made / 'map.html'}, or tensorboard --logdir {made}")
