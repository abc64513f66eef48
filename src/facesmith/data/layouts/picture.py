"""What every layout of labelled images writes and reads."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Picture:
    """An encoded image: its file name, which is unique in the set, its bytes, and its ``row`` of the table.

    ``split`` is "train", "valid" or "test", or "" without splits.
    """

    name: str
    data: bytes
    row: dict[str, Any]
    split: str = ""
