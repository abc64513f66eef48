"""facesmith evaluate."""

import json
from pathlib import Path

import click

import facesmith


@click.command()
@click.argument("model")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--count", default=5000, show_default=True, help="Faces on each side, or as many as DATASET has.")
@click.option(
    "--features",
    default="efficientnet-lite0",
    show_default=True,
    help="What compares them; inception=PATH, with the published weights, gives figures to set beside papers.",
)
@click.option(
    "--split", type=click.Choice(["train", "valid", "test"]), help="Compare with these pictures alone; by default all."
)
@click.option("--seed", default=0, show_default=True, help="Of the latents, the real pictures and KID's subsets.")
@click.option("--truncation", default=1.0, show_default=True, help="As in generate.")
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    help="The training set: show whether faces of it were memorised, in OUT/memorisation.png.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for scores.json and the sheet.")
@click.option("--save", is_flag=True, help="Also write the scores into MODEL's model.json and README.md.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def evaluate(model: str, dataset: Path, as_json: bool, **options: object) -> None:
    """Score MODEL against the real faces of DATASET: FID, KID, precision, recall, diversity.

    \b
    facesmith evaluate my-model celeba64 --save
    facesmith evaluate my-model celeba64-test --against celeba64 --out evaluation
    facesmith evaluate my-model celeba64 --count 50000 --features inception=pt_inception-2015-12-05-6726825d.pth
    """
    scores = facesmith.evaluate(model, dataset, **options)  # type: ignore[arg-type]
    click.echo(json.dumps(scores.as_json(), indent=2) if as_json else scores.table())
    if options["against"] is not None and not as_json:
        click.echo(f"look at {Path(str(options['out'])) / 'memorisation.png'}")
