"""What an import has to tell its user: how many rows, files or cells were treated specially, with examples."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

MAX_EXAMPLES = 5


@dataclass(frozen=True)
class Note:
    """One finding. It is printed after the import and stored under ``notes`` in the dataset's card."""

    text: str  # reads after the count: "rows of labels.csv name no photo"
    count: int
    examples: tuple[str, ...] = ()

    def card_entry(self) -> dict[str, Any]:
        return {**asdict(self), "examples": list(self.examples)}


def note(text: str, count: int, examples: Iterable[object] = ()) -> list[Note]:
    """Return a list of one note, or an empty list if the count is 0."""
    return [Note(text, count, tuple(str(example) for example in islice(examples, MAX_EXAMPLES)))] if count else []
