"""What every source of photos gives the importer: a table of what is known, and a way to each picture."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

SPLITS = ("train", "valid", "test")  # CelebA's partitions 0, 1 and 2
# Who was found where, in a dataset whose faces were aligned.
FACE_COLUMNS = ("face_index", "face_x", "face_y", "face_width", "face_height", "face_score")
RESERVED = ("file", "split", "identity", *FACE_COLUMNS)  # the columns of a metadata table that are no attributes


class Handle(Protocol):
    """A small picklable promise of one picture, kept in a worker process."""

    def open(self) -> str | bytes | np.ndarray:
        """Return the path of a picture file, the bytes of one, or the pixels a dataset is to hold.

        Raises `BadPicture` where that cannot be had.
        """
        ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class Source:
    """Photos that can be imported.

    ``table`` has one row a photo: ``file`` (string), ``split`` (string or null), ``identity`` (int64 or null, only
    where the source knows it), then one bool column an attribute. ``handles`` turns ascending rows into the handles
    of those pictures, in that order, as they are asked for.
    """

    kind: str
    name: str
    fingerprint: str
    table: "pa.Table"
    handles: Callable[[np.ndarray], Iterator[Handle]]
    credit: str | None = None
    rows_without_image: int = 0
    ignored_columns: tuple[str, ...] = ()


def metadata_table(
    files: Sequence[str],
    split: "pa.Array | None" = None,
    identity: "pa.Array | None" = None,
    attributes: "dict[str, pa.Array] | None" = None,
) -> "pa.Table":
    """Put a metadata table together in its fixed order of columns."""
    import pyarrow as pa

    columns: dict[str, pa.Array] = {
        "file": pa.array([printable(file) for file in files], pa.string()),
        "split": pa.nulls(len(files), pa.string()) if split is None else split,
    }
    if identity is not None:
        columns["identity"] = identity
    return pa.table({**columns, **(attributes or {})})


def attribute_names(table: "pa.Table") -> list[str]:
    return [name for name in table.column_names if name not in RESERVED]


def printable(name: str) -> str:
    """A file name as text that can be stored and shown: bytes that are no UTF-8 become ``\\xNN``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
