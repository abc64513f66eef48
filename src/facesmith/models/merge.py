"""Merge parts of a set of generated faces."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from facesmith.data.layouts.layout import read_pictures, read_set, write_set
from facesmith.data.layouts.picture import Picture
from facesmith.errors import FacesmithError
from facesmith.models.generate import write_manifest
from facesmith.models.set_card import count_picture, set_readme
from facesmith.progress import progress


def merge_sets(parts: Sequence[str | Path], out: str | Path, *, quiet: bool = False) -> Path:
    """Join parts of one set of generated faces into the folder ``out`` and return it.

    The parts were made by `generate` with the same options and consecutive ``start`` and ``count``, in any order. The
    result has the same files as a set that was made in one go. Raises `FacesmithError` for parts of different sets, and
    for faces that are missing or occur twice.
    """
    if not parts:
        raise FacesmithError("no parts to merge: pass the folders of two or more sets")
    cards = sorted(((read_set(Path(part)), Path(part)) for part in parts), key=lambda pair: pair[0]["first"])
    first = cards[0][0]
    if "seed" not in first:
        raise FacesmithError(f"{cards[0][1]} is an exported dataset: merge sets of generated faces")
    position = first["first"]
    for card, path in cards:
        changes = [key for key in first if key not in ("first", "count", "tally") and card.get(key) != first[key]]
        if changes:
            raise FacesmithError(
                f"{path} and {cards[0][1]} are not parts of the same set (the value of {changes[0]} differs): pass "
                "parts of one set"
            )
        if card["first"] != position:
            what = "are missing" if card["first"] > position else "occur twice"
            low, high = sorted((position, card["first"]))
            raise FacesmithError(f"faces {low:,} to {high - 1:,} {what}: pass consecutive parts")
        position += card["count"]
    names = ("format", "version", "tally")
    total = position - first["first"]
    merged: dict[str, Any] = {key: value for key, value in first.items() if key not in names} | {"count": total}
    pictures = itertools.chain.from_iterable(read_pictures(path, first["layout"]) for _, path in cards)
    with progress(total, "merging", shown=not quiet) as bar:

        def shards(start: int, end: int) -> Iterator[Picture]:
            """Yield the pictures of a range. Ranges follow each other, and those before the first are passed over."""
            for picture in pictures:
                bar.update()
                index = int(Path(picture.name).stem)
                if index >= start:
                    yield picture
                if index == end - 1:
                    return

        def finish(folder: Path) -> None:
            if merged["layout"] == "imagefolder":
                write_manifest(folder)

        write_set(Path(out), merged, shards, lambda tally: set_readme(merged | {"tally": tally}), count_picture, finish)
    return Path(out)
