"""facesmith data: import, explore, label, export and merge."""

from pathlib import Path

import click

import facesmith
from facesmith.cli import options
from facesmith.cli.options import classifier, quiet
from facesmith.errors import plural

MAX_SKIPPED_LINES = 100


@click.group()
def data() -> None:
    """Import, explore and label datasets."""


@data.command(name="import")
@click.argument("source")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--size",
    default="64",
    show_default=True,
    help="Image size in pixels: one number for square images, or WIDTHxHEIGHT, for example 80x100.",
)
@click.option(
    "--crop",
    default="fit",
    show_default=True,
    help="Crop to fit (the largest centred box with the aspect ratio of --size), center:S (a centred square of S "
    "pixels), box:X,Y,W,H, or none (stretch the whole image).",
)
@click.option(
    "--resize",
    default="lanczos",
    show_default=True,
    type=click.Choice(["lanczos", "bicubic", "bilinear", "box"]),
    help="Resize with this antialiased filter.",
)
@click.option(
    "--where",
    help="Keep only images whose attributes, split or identity match this expression, e.g. 'Male & ~Eyeglasses'.",
)
@click.option("--limit", type=int, help="Keep at most this many images, selected at random.")
@click.option("--seed", default=0, show_default=True, help="Random seed for --limit and for the built-in faces.")
@click.option(
    "--labels", type=click.Path(path_type=Path), help="Read labels from this CSV, Parquet, JSON or text file."
)
@click.option(
    "--align",
    is_flag=True,
    help="Detect every face and align it as in CelebA. --crop then applies to the aligned 178x218 image.",
)
@click.option("--name", help="Name of the dataset. Default: the name of the source.")
@click.option("--shard", metavar="I/N", help="Import only part I of N. facesmith data merge joins the parts.")
@quiet
def import_(source: str, dataset: Path, quiet: bool, **options: object) -> None:
    """Import SOURCE into the new folder DATASET.

    SOURCE is a CelebA folder or zip in the official layout, any folder or zip of images, Parquet files with a column
    of images, WebDataset archives, the address of any of these (such as s3://bucket/faces), hf:OWNER/NAME for a dataset
    on the Hugging Face hub, or builtin[:COUNT] for cartoon faces. If you interrupt an import after 20 seconds or more,
    run the same command again to resume it.

    \b
    facesmith data import builtin:8000 drawn
    facesmith data import ~/celeba celeba64 --size 64 --crop center:178
    facesmith data import ~/celeba men --where 'Male & ~Eyeglasses & ~Blurry' --limit 10000
    facesmith data import ~/paintings paintings --size 80x100
    facesmith data import ~/holidays people --align --crop center:178
    facesmith data import s3://bucket/faces part-2 --shard 2/4
    """
    result = facesmith.import_dataset(source, dataset, quiet=quiet, **options)  # type: ignore[arg-type]
    width, height = result.size
    click.echo(
        f"{dataset}: {plural(len(result), 'image')} of {width}x{height}, {plural(len(result.attributes), 'attribute')}"
    )
    for note in result.card["notes"]:
        examples = ", ".join(note["examples"]) + (", ..." if len(note["examples"]) < note["count"] else "")
        click.echo(f"{note['text']}: {note['count']:,}" + (f" ({examples})" if note["examples"] else ""))
    skipped = result.card["skipped"]
    if skipped:
        click.echo(f"{result.card['skipped_count']:,} skipped:")
        for item in skipped[:MAX_SKIPPED_LINES]:
            click.echo(f"  {item['file']}: {item['reason']}")
        if len(skipped) > MAX_SKIPPED_LINES:
            click.echo(f"  and {len(skipped) - MAX_SKIPPED_LINES:,} more, listed in the card of {dataset}")


@data.command()
@options.dataset
@click.option("--out", type=click.Path(path_type=Path), help="Write to this folder. Default: DATASET/explore.")
@quiet
def explore(dataset: Path, out: Path | None, quiet: bool) -> None:
    """Write a page about the contents and problems of DATASET.

    \b
    facesmith data explore celeba64
    """
    click.echo(f"page: {facesmith.explore(facesmith.open_dataset(dataset), out, quiet=quiet)}")


@data.command()
@options.dataset
@options.out_folder
@click.option(
    "--layout",
    default="imagefolder",
    show_default=True,
    help="Layout of the files: imagefolder, classes:ATTRIBUTE, webdataset or parquet.",
)
@quiet
def export(dataset: Path, out: Path, layout: str, quiet: bool) -> None:
    """Export the images and labels of DATASET for other tools.

    \b
    facesmith data export people --layout webdataset --out shards
    facesmith data export people --layout classes:Smiling --out classes
    """
    facesmith.export_dataset(dataset, out, layout=layout, quiet=quiet)
    data = facesmith.open_dataset(dataset)
    count = f"{plural(len(data), 'image')}, {plural(len(data.attributes), 'attribute')}"
    click.echo(f"{out}: {count}, {layout}; terms: {data.terms}")


@data.command()
@click.argument("parts", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PART...")
@options.out_folder
@quiet
def merge(parts: tuple[Path, ...], out: Path, quiet: bool) -> None:
    """Merge the parts of a dataset or of a set of faces.

    Several machines can each import or generate one part.

    \b
    facesmith generate my-model --first 0 --count 50000 --out part-1
    facesmith generate my-model --first 50000 --count 50000 --out part-2
    facesmith data merge part-1 part-2 --out faces
    """
    if facesmith.artefact_kind(parts[0]) == "dataset":
        dataset = facesmith.merge_datasets(parts, out, quiet=quiet)
        click.echo(f"{out}: {plural(len(dataset), 'image')} from {plural(len(parts), 'part')}")
        return
    facesmith.merge_sets(parts, out, quiet=quiet)
    click.echo(f"{out}: {plural(facesmith.read_set(out)['count'], 'face')} from {plural(len(parts), 'part')}")


@data.command()
@options.dataset
@click.argument("out", type=click.Path(path_type=Path))
@classifier("Label with this attribute classifier.", required=True)
@click.option("--replace", is_flag=True, help="Replace existing attributes that have the same name.")
@quiet
def label(dataset: Path, out: Path, classifier: Path, replace: bool, quiet: bool) -> None:
    """Copy DATASET to OUT with the predictions of a classifier.

    \b
    facesmith data label people labelled --classifier my-classifier
    """
    result = facesmith.label(dataset, out, classifier, replace=replace, quiet=quiet)
    attributes = plural(len(result.card["labelled"]["attributes"]), "attribute")
    click.echo(f"{out}: {plural(len(result), 'image')}, {attributes} predicted by {classifier}")
