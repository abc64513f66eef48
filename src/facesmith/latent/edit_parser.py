"""Parse edits: texts such as Smiling=+1, with one or more attributes, and CSV tables."""

import csv
from collections.abc import Mapping
from pathlib import Path

from facesmith.errors import FacesmithError
from facesmith.models.directions import Directions

Edit = dict[str, float]
UNEDITED = "as it is"


def parse_edit(text: str, directions: Directions) -> Edit:
    """Parse a text such as "Smiling=-1, bald=+2"; an empty text changes nothing.

    Raises `FacesmithError` for an attribute without a direction, an invalid strength, and a repeated attribute.
    """
    edit: Edit = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, strength = part.partition("=")
        if not equals:
            raise FacesmithError(f"{part!r} has no strength: write {part}=+1, or {part}=-1 to remove it")
        name = directions.find(name)
        if name in edit:
            raise FacesmithError(f"{name} is named twice in {text!r}: name it once")
        edit[name] = _parse_strength(strength, f"{part!r}")
    return edit


def read_edits(path: Path, directions: Directions) -> list[Edit]:
    """Read a CSV file whose columns are attributes and whose cells are strengths, empty for no change.

    A row of empty cells leaves faces unedited. Raises `FacesmithError` with the line of an error.
    """
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FacesmithError(f"{path} cannot be read as a table of edits: {error}") from None
    if len(lines) < 2:
        raise FacesmithError(f"{path} is not a table of edits: it needs a line of attributes and a line for each edit")
    names = [directions.find(name) for name in lines[0]]
    if len(set(names)) < len(names):
        raise FacesmithError(f"{path} has two columns for one attribute: merge them")
    edits = []
    for number, cells in enumerate(lines[1:], 2):
        if len(cells) > len(names) and any(map(str.strip, cells[len(names) :])):
            raise FacesmithError(f"{path} has {len(cells)} cells in line {number}, but {len(names)} columns")
        filled = {name: cell for name, cell in zip(names, cells, strict=False) if cell.strip()}
        edits.append({name: _parse_strength(cell, f"{path}, line {number}, {name}") for name, cell in filled.items()})
    return edits


def describe_edit(edit: Mapping[str, float], separator: str = ", ") -> str:
    """Return an edit as the label of a face: "Smiling -1, Bald +2"."""
    return separator.join(f"{name} {strength:+g}" for name, strength in edit.items()) or UNEDITED


def _parse_strength(text: str, where: str) -> float:
    try:
        return float(text.strip().replace("−", "-"))
    except ValueError:
        raise FacesmithError(
            f"invalid strength {text.strip()!r} in {where}: expected a number such as +1 or -0.5"
        ) from None
