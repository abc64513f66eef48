"""Edits as people write them: Smiling=+1, rows of several, and tables of them as CSV."""

import csv
from collections.abc import Mapping
from pathlib import Path

from facesmith.errors import FacesmithError
from facesmith.latent.directions import Directions

Edit = dict[str, float]
AS_IS = "as it is"


def parse_edit(text: str, directions: Directions) -> Edit:
    """The changes of a text such as "Smiling=-1, bald=+2"; an empty text changes nothing.

    Raises `FacesmithError` for an attribute there is no direction for, a strength that is no number, and an attribute
    named twice.
    """
    edit: Edit = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, strength = part.partition("=")
        if not equals:
            raise FacesmithError(f"{part!r} does not say how much: write {part}=+1, or {part}=-1 to take it away")
        name = directions.find(name)
        if name in edit:
            raise FacesmithError(f"{name} is named twice in {text!r}: once is enough")
        edit[name] = _number(strength, f"{part!r}")
    return edit


def read_edits(path: Path, directions: Directions) -> list[Edit]:
    """The rows of a CSV file whose columns are attributes and whose cells are strengths, empty for none.

    An empty row, of commas alone, leaves faces as they are. Raises `FacesmithError` naming the line of what is wrong.
    """
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FacesmithError(f"{path} cannot be read as a table of edits: {error}") from None
    if len(lines) < 2:
        raise FacesmithError(f"{path} is no table of edits: its first line names attributes, each other one is an edit")
    names = [directions.find(name) for name in lines[0]]
    if len(set(names)) < len(names):
        raise FacesmithError(f"{path} has two columns for one attribute: put them together")
    edits = []
    for number, cells in enumerate(lines[1:], 2):
        if len(cells) > len(names) and any(map(str.strip, cells[len(names) :])):
            raise FacesmithError(f"{path} has {len(cells)} cells in line {number}, and {len(names)} columns")
        filled = {name: cell for name, cell in zip(names, cells, strict=False) if cell.strip()}
        edits.append({name: _number(cell, f"{path}, line {number}, {name}") for name, cell in filled.items()})
    return edits


def in_words(edit: Mapping[str, float], between: str = ", ") -> str:
    """An edit as it is written beside a face: "Smiling -1, Bald +2"."""
    return between.join(f"{name} {strength:+g}" for name, strength in edit.items()) or AS_IS


def _number(text: str, where: str) -> float:
    try:
        return float(text.strip().replace("−", "-"))
    except ValueError:
        raise FacesmithError(
            f"{where} has the strength {text.strip()!r}: it must be a number such as +1 or -0.5"
        ) from None
