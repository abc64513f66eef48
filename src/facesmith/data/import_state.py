"""The progress of an import, written while it runs, from which an interrupted import is resumed."""

import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from facesmith.data.decode_pool import Outcome
from facesmith.files import write_text
from facesmith.images.provenance import Marks

STATE = "import.jsonl"  # in the folder of an unfinished dataset
SECONDS = 20.0  # between two lines: a shorter import leaves nothing when it is interrupted


@dataclass
class ImportState:
    """What became of the first rows of an import: those that were written, their marks, and the skipped ones.

    ``key`` is all that determines the import. The file has it in the first line; each other line has the outcomes of
    further rows, whose images are on the disk.
    """

    folder: Path
    key: dict[str, Any]
    outcomes: list[Outcome] = field(default_factory=list)
    saved: int = 0  # outcomes in the file
    written: float = field(default_factory=time.monotonic)
    known: dict[Outcome, Outcome] = field(default_factory=dict)

    @property
    def image_count(self) -> int:
        return sum(reason is None for reason, _ in self.outcomes)

    def add(self, outcomes: list[Outcome]) -> bool:
        """Add outcomes, and return whether it is time to save them."""
        for reason, marks in outcomes:
            outcome = reason, marks and replace(marks, seed=None, index=None)  # which are one object in a whole set
            self.outcomes.append(self.known.setdefault(outcome, outcome))
        return time.monotonic() - self.written >= SECONDS

    def save(self) -> None:
        """Append the new outcomes to the file; their images must be on the disk."""
        path, new = self.folder / STATE, self.outcomes[self.saved :]
        line = dump_outcomes(new) + "\n"
        if not path.exists():
            write_text(path, json.dumps(self.key) + "\n" + line)
        else:
            with path.open("a", encoding="utf-8") as file:
                file.write(line)
        self.saved, self.written = len(self.outcomes), time.monotonic()

    def remove(self) -> None:
        (self.folder / STATE).unlink(missing_ok=True)


def load_state(folder: Path, key: dict[str, Any]) -> ImportState:
    """Return the state of the import ``key`` in a folder; that of any other import is removed."""
    state, path = ImportState(folder, key), folder / STATE
    try:
        first, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if json.loads(first) == json.loads(json.dumps(key)):
            whole = [line for line in lines if line.endswith("\n")]  # a killed process may have written a part of one
            if whole != lines:
                write_text(path, "".join([first, *whole]))
            for line in whole:
                state.add(load_outcomes(line))
            state.saved = len(state.outcomes)
            return state
    except (OSError, ValueError):
        pass
    state.remove()
    return ImportState(folder, key)


def dump_outcomes(outcomes: list[Outcome]) -> str:
    """Return outcomes as one line of JSON, in which equal ones are written once."""
    distinct = {outcome: number for number, outcome in enumerate(dict.fromkeys(outcomes))}
    known = [(reason, marks and asdict(marks)) for reason, marks in distinct]
    return json.dumps({"outcomes": known, "rows": [distinct[outcome] for outcome in outcomes]})


def load_outcomes(line: str) -> list[Outcome]:
    """Return the outcomes that `dump_outcomes` wrote."""
    content = json.loads(line)
    known = [(reason, marks and Marks(**marks)) for reason, marks in content["outcomes"]]
    return [known[number] for number in content["rows"]]
