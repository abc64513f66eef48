"""What every source of photos provides to the importer: a metadata table, and a handle for each photo."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from facesmith.errors import ImageError
from facesmith.files import printable
from facesmith.images.provenance import Marks

if TYPE_CHECKING:
    import pyarrow as pa

SPLITS = ("train", "valid", "test")  # CelebA's partitions 0, 1 and 2
SPLIT_NUMBERS = {"0": 0, "train": 0, "training": 0, "1": 1, "valid": 1, "val": 1, "validation": 1, "dev": 1}
SPLIT_NUMBERS |= {"2": 2, "test": 2, "testing": 2}
FACE_COLUMNS = ("face_index", "face_x", "face_y", "face_width", "face_height", "face_score")  # of aligned faces
MADE_WITH = "made_with"  # the row of the card's list of models that made the image, null for a photo
RESERVED = ("file", "split", "identity", MADE_WITH, *FACE_COLUMNS)  # the columns that are not attributes
MAX_EXAMPLES = 5


class Handle(Protocol):
    """A small picklable reference to one photo, opened in a worker process."""

    def open(self) -> str | bytes | np.ndarray:
        """Return the path of an image file, the bytes of one, or final pixels; `ImageError` if there are none."""
        ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An encoded image that the parent has read, or the path of one; ``problem`` is the reason if there is neither.

    The parent reads archives of which a worker would have to read more than its few images.
    """

    data: bytes | None
    path: str = ""
    problem: str = "no image bytes in the dataset"

    def open(self) -> bytes | str:
        if self.data is not None:
            return self.data
        if not Path(self.path).is_file():
            raise ImageError(self.problem)
        return self.path


@dataclass(frozen=True)
class Note:
    """One finding. It is printed after the import and stored under ``notes`` in the dataset's card."""

    text: str  # what is counted: "rows of labels.csv without a photo"
    count: int
    examples: list[str]


@dataclass(frozen=True)
class Source:
    """Photos that can be imported.

    ``table`` is a metadata table with a row for each photo. ``handles`` returns the handles of ascending rows, in that
    order, lazily. ``terms`` are the terms of use that the source states. ``marks`` are those of each row, if they are
    known before the photos are decoded. ``skipped`` lists photos that are not in the table, with reasons. ``aligned``
    says that every photo shows a face in the frame of CelebA, or another fixed frame.
    """

    kind: str
    name: str
    fingerprint: str
    table: "pa.Table"
    handles: Callable[[np.ndarray], Iterator[Handle]]
    credit: str | None = None
    terms: Sequence[str] = ()
    marks: Sequence[Marks | None] | None = None
    rows_without_image: int = 0
    ignored_columns: Sequence[str] = ()
    notes: list[Note] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    aligned: bool = False


@dataclass
class Labels:
    """The labels of some files, in the order of the files; what is not known is None, or null."""

    split: "pa.Array | None" = None
    identity: "pa.Array | None" = None
    attributes: "dict[str, pa.Array]" = field(default_factory=dict)
    terms: list[str] = field(default_factory=list)
    unmatched_rows: int = 0
    ignored_columns: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    digest: str = ""


def note(text: str, count: int, examples: Iterable[object] = ()) -> list[Note]:
    """Return a list of one note, or an empty list if the count is 0."""
    return [Note(text, count, [str(example) for example in islice(examples, MAX_EXAMPLES)])] if count else []


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
