"""Picture files and a table in each folder, as Hugging Face's imagefolder; also in a folder for each class.

The table is metadata.jsonl, or metadata.parquet where labels are unknown: readers guess the type of a column of JSON
from its first rows, and refuse a column that starts without values.

With classes, the folders above are named after the value of an attribute: Smiling and not_Smiling. This is the layout
of torchvision's ImageFolder and of Keras.
"""

import heapq
import json
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

from facesmith.data.layouts.parquet import write_rows
from facesmith.data.layouts.picture import Picture

TABLE, TYPED_TABLE = "metadata.jsonl", "metadata.parquet"


def write_shard(
    pictures: Iterable[Picture], folder: Path, name: str, attribute: str | None = None, table: str = TABLE
) -> None:
    """Write images into the subfolder ``name`` of their split and of the class of ``attribute``.

    Images for which the attribute is unknown are left out. ``table`` is the name of the table in each folder.
    """
    tables: dict[Path, list[dict[str, Any]]] = {}
    for picture in pictures:
        parent = folder / picture.split
        if attribute is not None:
            if picture.row.get(attribute) is None:
                continue
            parent /= attribute if picture.row[attribute] else f"not_{attribute}"
        parent /= name
        if parent not in tables:
            parent.mkdir(parents=True, exist_ok=True)
        (parent / picture.name).write_bytes(picture.data)
        tables.setdefault(parent, []).append({"file_name": picture.name, **picture.row})
    for parent, rows in tables.items():
        if table == TYPED_TABLE:
            write_rows(rows, parent / table)
        else:
            (parent / table).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def read(folder: Path) -> Iterator[Picture]:
    """Yield the images of all folders in the order of their numbers."""
    tables = [_read_table(table) for table in sorted(folder.rglob(TABLE))]
    return heapq.merge(*tables, key=lambda picture: int(PurePath(picture.name).stem))


def _read_table(table: Path) -> Iterator[Picture]:
    with table.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            name = row.pop("file_name")
            yield Picture(name, (table.parent / name).read_bytes(), row)
