"""What every source of photos provides to the importer: a metadata table, and a handle for each photo."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from facesmith.data.notes import Note

if TYPE_CHECKING:
    import pyarrow as pa


class Handle(Protocol):
    """A small picklable reference to one photo, opened in a worker process."""

    def open(self) -> str | bytes | np.ndarray:
        """Return the path of an image file, the bytes of one, or final pixels; `ImageError` if there are none."""
        ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class Source:
    """Photos that can be imported.

    ``table`` is a metadata table with a row for each photo. ``handles`` returns the handles of ascending rows, in that
    order, lazily. ``skipped`` lists photos that are not in the table, with reasons.
    """

    kind: str
    name: str
    fingerprint: str
    table: "pa.Table"
    handles: Callable[[np.ndarray], Iterator[Handle]]
    credit: str | None = None
    rows_without_image: int = 0
    ignored_columns: tuple[str, ...] = ()
    notes: list[Note] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
