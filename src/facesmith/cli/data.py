"""facesmith data: import and explore."""

from pathlib import Path

import click

import facesmith


@click.group()
def data() -> None:
    """Make a dataset from photos, and look at what is in it."""


@data.command(name="import")
@click.argument("source")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--size", default="64", show_default=True, help="Side in pixels, or WIDTHxHEIGHT such as 80x100.")
@click.option(
    "--crop",
    default="fit",
    show_default=True,
    help="center:S (a centred square of S pixels), box:X,Y,W,H, none (squash), or fit (the largest centred box of the "
    "right shape).",
)
@click.option(
    "--resize",
    default="lanczos",
    show_default=True,
    type=click.Choice(["lanczos", "bicubic", "bilinear", "box"]),
    help="Antialiased resize filter.",
)
@click.option("--where", help="Keep what this says of attributes, split and identity: 'Male & ~Eyeglasses'.")
@click.option("--limit", type=int, help="Keep at most this many, chosen at random.")
@click.option("--seed", default=0, show_default=True, help="For --limit and for the built-in faces.")
@click.option("--labels", type=click.Path(path_type=Path), help="CSV or Parquet with a row of labels a picture.")
@click.option(
    "--align",
    is_flag=True,
    help="Ordinary photos: find every face and align it as CelebA's are; --crop is then of those 178x218 pixels.",
)
@click.option("--name", help="Name of the dataset; by default the source's.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def import_(source: str, dataset: Path, quiet: bool, **options: object) -> None:
    """Turn SOURCE into the new folder DATASET.

    SOURCE is a CelebA folder or zip in its official layout, any folder or zip of pictures, hf:owner/name for a dataset
    on the Hugging Face hub, or builtin[:COUNT] for faces drawn on the spot.

    \b
    facesmith data import builtin:8000 drawn
    facesmith data import ~/celeba celeba64 --size 64 --crop center:178
    facesmith data import ~/celeba men --where 'Male & ~Eyeglasses & ~Blurry' --limit 10000
    facesmith data import ~/paintings paintings --size 80x100
    facesmith data import ~/holidays people --align --crop center:178
    """
    made = facesmith.import_dataset(source, dataset, quiet=quiet, **options)  # type: ignore[arg-type]
    width, height = made.size
    click.echo(f"{dataset}: {len(made):,} pictures of {width}x{height}, {len(made.attributes)} attributes")
    for note in made.card["notes"]:
        examples = ", ".join(note["examples"]) + (", ..." if len(note["examples"]) < note["count"] else "")
        click.echo(f"{note['count']:,} {note['text']}" + (f": {examples}" if note["examples"] else ""))
    skipped = made.card["skipped"]
    if skipped:
        click.echo(f"{made.card['skipped_count']:,} skipped:")
        for item in skipped[:SHOWN]:
            click.echo(f"  {item['file']}: {item['reason']}")
        if len(skipped) > SHOWN:
            click.echo(f"  and {len(skipped) - SHOWN:,} more, all named in {dataset / 'dataset.json'}")


SHOWN = 100  # skipped files named on the screen; dataset.json names them all


@data.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Where to write; by default DATASET/explore.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def explore(dataset: Path, out: Path | None, quiet: bool) -> None:
    """Write pictures and one page that show what is in DATASET.

    \b
    facesmith data explore celeba64
    """
    click.echo(f"look at {facesmith.explore(facesmith.open_dataset(dataset), out, quiet=quiet)}")


@data.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--judge", required=True, type=click.Path(path_type=Path), help="A judge's folder.")
@click.option("--replace", is_flag=True, help="Attributes of the same names are lost to the judge's.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def label(dataset: Path, out: Path, judge: Path, replace: bool, quiet: bool) -> None:
    """Write the new folder OUT: the pictures of DATASET with the attributes that a judge sees in them.

    \b
    facesmith data label people labelled --judge my-judge
    """
    made = facesmith.label(dataset, out, judge, replace=replace, quiet=quiet)
    seen = made.card["labelled"]
    click.echo(f"{out}: {len(made):,} pictures, {len(seen['attributes'])} attributes by the judge {seen['judge']}")
