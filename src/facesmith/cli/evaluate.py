"""facesmith evaluate."""

import json
from pathlib import Path

import click

import facesmith
from facesmith.cli import options
from facesmith.cli.options import as_json, quiet


@click.command()
@options.model
@options.dataset
@click.option(
    "--count",
    default=5000,
    show_default=True,
    help="Compare this many real faces with the same number of generated faces.",
)
@click.option(
    "--features",
    default="efficientnet-lite0",
    show_default=True,
    help="Compare the features of this network. With inception=PATH (the published weights), scores are comparable "
    "with those in papers.",
)
@click.option(
    "--split", type=click.Choice(["train", "valid", "test"]), help="Use only this split of the dataset. Default: all."
)
@click.option(
    "--seed", default=0, show_default=True, help="Random seed for the latents, the real images and the KID subsets."
)
@click.option("--truncation", default=1.0, show_default=True, help="Truncate the latents, as in `generate`.")
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    help="Search this training set for memorised faces and people. Write OUT/memorisation.png and, with the photos "
    "extra, OUT/identities.html.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write scores.json and the output of --against to this folder."
)
@click.option("--save", is_flag=True, help="Also write the scores to MODEL's card and README.md.")
@as_json
@quiet
def evaluate(model: str, dataset: Path, as_json: bool, **options: object) -> None:
    """Score MODEL against the real faces of DATASET.

    The scores are FID, KID, precision, recall and diversity. MODEL can also be a dataset or a folder of photos;
    DATASET can also be a folder of photos.

    \b
    facesmith evaluate my-model celeba64 --save
    facesmith evaluate generated-faces photos
    facesmith evaluate my-model celeba64-test --against celeba64 --out evaluation
    facesmith evaluate my-model celeba64 --count 50000 --features inception=pt_inception-2015-12-05-6726825d.pth
    """
    scores = facesmith.evaluate(model, dataset, **options)  # type: ignore[arg-type]
    click.echo(json.dumps(scores.as_json(), indent=2) if as_json else scores.table())
    if options["against"] is None:
        return
    shared = {name: options[name] for name in ("against", "out", "split", "seed", "truncation", "quiet")}
    pages = {"sheet": Path(str(options["out"])) / "memorisation.png"}
    try:
        pages["identities"] = facesmith.identity_report(model, dataset, **shared)  # type: ignore[arg-type]
    except facesmith.FacesmithError as error:  # such as drawn faces, in which the detector finds none
        click.echo(f"identities were not compared because {error}", err=True)
    for name, path in pages.items():
        click.echo(f"{name}: {path}", err=as_json)
