"""Picture files and a metadata.jsonl in each folder, as Hugging Face's imagefolder; also in a folder for each class.

With classes, the folders above are named after the value of an attribute: Smiling and not_Smiling. This is the layout
of torchvision's ImageFolder and of Keras.
"""

import heapq
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePath
from typing import IO

from facesmith.data.layouts.picture import Picture

TABLE = "metadata.jsonl"


def write_shard(pictures: Iterable[Picture], folder: Path, name: str, attribute: str | None = None) -> None:
    """Write pictures into the subfolder ``name`` of their split and of the class of ``attribute``.

    Pictures for which the attribute is unknown are left out.
    """
    tables: dict[Path, IO[str]] = {}
    with ExitStack() as files:
        for picture in pictures:
            parent = folder / picture.split
            if attribute is not None:
                if picture.row.get(attribute) is None:
                    continue
                parent /= attribute if picture.row[attribute] else f"not_{attribute}"
            parent /= name
            if parent not in tables:
                parent.mkdir(parents=True, exist_ok=True)
                tables[parent] = files.enter_context((parent / TABLE).open("w", encoding="utf-8"))
            (parent / picture.name).write_bytes(picture.data)
            tables[parent].write(json.dumps({"file_name": picture.name, **picture.row}, ensure_ascii=False) + "\n")


def read(folder: Path) -> Iterator[Picture]:
    """Yield the pictures of all folders in the order of their numbers."""
    tables = [_read_table(table) for table in sorted(folder.rglob(TABLE))]
    return heapq.merge(*tables, key=lambda picture: int(PurePath(picture.name).stem))


def _read_table(table: Path) -> Iterator[Picture]:
    with table.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            name = row.pop("file_name")
            yield Picture(name, (table.parent / name).read_bytes(), row)
