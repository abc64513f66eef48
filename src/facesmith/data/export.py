"""Export a dataset as images and labels that other tools read."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from facesmith.arrays import ImageArray
from facesmith.data.dataset import Dataset, open_dataset
from facesmith.data.layouts.imagefolder import TYPED_TABLE
from facesmith.data.layouts.layout import Tally, parse_layout, write_set
from facesmith.data.layouts.picture import Picture
from facesmith.data.layouts.readme import LOADING, yaml_head
from facesmith.errors import FacesmithError, did_you_mean
from facesmith.images.provenance import encode_image
from facesmith.machine import usable_cores
from facesmith.progress import progress

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 256  # images in memory at once


def export_dataset(
    dataset: str | Path | Dataset, out: str | Path, *, layout: str = "imagefolder", quiet: bool = False
) -> Path:
    """Write the images of a dataset with their labels into the folder ``out`` and return it.

    ``layout`` is imagefolder, classes:ATTRIBUTE, webdataset or parquet, as in `generate`. Images are PNG files named
    after their row. Each row contains the terms of the dataset, the split, the identity if it is known, and the
    attributes. Unknown values are null; an imagefolder then has metadata.parquet instead of metadata.jsonl. With
    classes, images whose attribute is unknown are omitted. Each split gets its own folders or files. Generated images
    keep their marks. If an export of more than 10,000 images is interrupted, the same call continues it.
    """
    data = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    name, attribute = parse_layout(layout)
    if attribute is not None and attribute not in data.attributes:
        reason = did_you_mean(attribute, data.attributes) if data.attributes else "choose a different layout"
        raise FacesmithError(f"{data.name} has no attribute {attribute!r}: {reason}")
    card = {"layout": layout, "first": 0, "count": len(data), "dataset": data.name, "fingerprint": data.fingerprint}
    card["credit"] = data.card["source"].get("credit")
    table = data.metadata()
    if any(table[column].null_count for column in _columns(data, table)):
        card["table"] = TYPED_TABLE
    with progress(len(data), "exporting", shown=not quiet) as bar:

        def shards(first: int, last: int) -> Iterator[Picture]:
            bar.update(max(0, first - bar.n))
            for picture in _pictures(data, first, last):
                yield picture
                bar.update()

        write_set(Path(out), card, shards, lambda tally: _readme(data, name, tally), _count)
    return Path(out)


def _columns(data: Dataset, table: "pa.Table") -> list[str]:
    return [column for column in ("split", "identity", *data.attributes) if column in table.column_names]


def _pictures(data: Dataset, first: int, last: int) -> Iterator[Picture]:
    table = data.metadata().slice(first, last - first)
    names = _columns(data, table)
    marks = data.image_marks(range(first, last))

    def encode_png(image: ImageArray, number: int) -> bytes:
        return encode_image(Image.fromarray(image), "PNG", marks[number - first])

    with ThreadPoolExecutor(min(4, usable_cores())) as pool:
        for start in range(first, last, CHUNK):
            images = np.asarray(data.images[start : min(start + CHUNK, last)])
            rows = table.slice(start - first, len(images)).to_pylist()
            numbers = range(start, start + len(images))
            for number, (png, row) in enumerate(zip(pool.map(encode_png, images, numbers), rows, strict=True), start):
                values = {"terms": data.terms, **{name: row[name] for name in names}}
                yield Picture(f"{number:06d}.png", png, values, row["split"] or "")


def _count(picture: Picture, tally: Tally) -> None:
    tally["pictures"] = tally.get("pictures", 0) + 1
    for name, value in picture.row.items():
        if isinstance(value, bool):
            tally[f"with {name}"] = tally.get(f"with {name}", 0) + value
            tally[f"known {name}"] = tally.get(f"known {name}", 0) + 1


def _readme(data: Dataset, layout: str, tally: Tally) -> str:
    width, height = data.size
    made_with = data.card.get("made_with") or []
    lines = [
        yaml_head(data.terms, len(data), ["faces", "facesmith", *(["synthetic"] if made_with else [])]),
        f"# {data.name}",
        "",
        f"This dataset contains {len(data):,} images of {width}x{height}, exported with facesmith from "
        f"`{data.card['source']['name']}`.",
        *(
            f"\nThe model `{entry['model']}` made {entry['count']:,} of the images. Its terms: {entry['terms']}."
            for entry in made_with
        ),
        "",
        f"Terms: **{data.terms}**.",
        *([f"\n{data.card['source']['credit']}"] if data.card["source"].get("credit") else []),
        "",
        f"```python\n{LOADING[layout]}\n```",
    ]
    if data.attributes:
        lines += ["", "## Labels", "", "| attribute | share | known |", "|---|---|---|"]
    for name in data.attributes:
        known = tally.get(f"known {name}", 0)
        lines.append(f"| {name} | {tally.get(f'with {name}', 0) / max(known, 1):.1%} | {known:,} |")
    return "\n".join(lines) + "\n"
