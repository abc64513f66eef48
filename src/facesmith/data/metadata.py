"""The metadata table of a dataset: a row an image, with its file, split, identity and attributes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

SPLITS = ("train", "valid", "test")  # CelebA's partitions 0, 1 and 2
FACE_COLUMNS = ("face_index", "face_x", "face_y", "face_width", "face_height", "face_score")  # of aligned faces
RESERVED = ("file", "split", "identity", *FACE_COLUMNS)  # the columns that are not attributes


def metadata_table(
    files: Sequence[str],
    split: "pa.Array | None" = None,
    identity: "pa.Array | None" = None,
    attributes: "dict[str, pa.Array] | None" = None,
) -> "pa.Table":
    """Return a metadata table with its columns in their fixed order: file, split, identity if known, attributes."""
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


def free_attribute_name(name: str, taken: Sequence[str] = ()) -> str:
    """Return a name for an attribute's column that is not empty, reserved or taken."""
    name = name.strip() or "unnamed"
    while name in RESERVED or name in taken:
        name += "_"
    return name


def printable(name: str) -> str:
    """Return a file name as text that can be stored and printed: bytes that are not UTF-8 become ``\\xNN``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
