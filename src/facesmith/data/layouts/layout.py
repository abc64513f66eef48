"""The layouts by their names, and sets of images in shards: written, continued, merged and described."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from facesmith.data.layouts import imagefolder, parquet, webdataset
from facesmith.data.layouts.picture import Picture
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, check_version, lock, read_json, refuse_existing, write_json, write_text

SHARD = 10_000  # images of one folder or file
LAYOUTS = "imagefolder, classes:ATTRIBUTE, webdataset or parquet"
FORMAT, VERSION = "facesmith-set", 1
# The card of a complete set is a hidden file: a folder would be another class to torchvision's ImageFolder.
CARD = ".facesmith.json"
STATE = ".facesmith"  # the folder of a set that is not complete, with its card and its shards
PARTIAL_CARD, DONE, WORK = "set.json", "shards.jsonl", "shard"

WriteShard = Callable[[Iterable[Picture], Path, str], None]
Shards = Callable[[int, int], Iterator[Picture]]  # from the first to behind the last index
Tally = dict[str, int]


def parse_layout(text: str) -> tuple[str, str | None]:
    """Return the name of a layout and the attribute of classes. Raises `FacesmithError` for another text."""
    match = re.fullmatch(r"(imagefolder|webdataset|parquet)|classes:(.+)", text, re.DOTALL)
    if match is None:
        raise FacesmithError(f"invalid layout {text!r}: expected {LAYOUTS}")
    return match[1] or "classes", match[2]


def shard_writer(layout: str, table: str = imagefolder.TABLE) -> WriteShard:
    """Return the function that writes a shard of images in a layout, with the table that folders of images get."""
    name, attribute = parse_layout(layout)
    if name in ("imagefolder", "classes"):
        return partial(imagefolder.write_shard, attribute=attribute, table=table)
    return webdataset.write_shard if name == "webdataset" else parquet.write_shard


def read_pictures(folder: Path, layout: str) -> Iterator[Picture]:
    """Yield the images of a set in a layout."""
    name, _ = parse_layout(layout)
    readers = {"webdataset": webdataset.read, "parquet": parquet.read}
    return readers.get(name, imagefolder.read)(folder)


def write_set(
    out: Path,
    card: dict[str, Any],
    shards: Shards,
    readme: Callable[[Tally], str],
    count: Callable[[Picture, Tally], None],
    finish: Callable[[Path], None] = lambda folder: None,
) -> Tally:
    """Write the set that ``card`` describes into the folder ``out``, and return its tally.

    ``card`` has layout, first and count, ``table`` if that is not metadata.jsonl, and what determines the images.
    ``shards`` yields images by their indices, ``count`` adds one to the tally, ``readme`` returns README.md. A set of
    several shards can be interrupted at any time: the same call continues it. ``finish`` may add files to the folder of
    a set of one shard.
    """
    first, total = int(card["first"]), int(card["count"])
    write, tally = shard_writer(str(card["layout"]), card.get("table", imagefolder.TABLE)), Tally()
    card = {"format": FORMAT, "version": VERSION} | card

    def count_all(pictures: Iterator[Picture], part: Tally) -> Iterator[Picture]:
        for picture in pictures:
            count(picture, part)
            yield picture

    if total <= SHARD:
        with atomic_folder(out, "pictures") as folder:
            write(count_all(shards(first, first + total), tally), folder, "")
            finish(folder)
            _write_cards(folder, card, tally, readme)
        return tally
    with ExitStack() as locks:
        done = _open_partial(out, card, locks)
        for number in range(first // SHARD, -(-(first + total) // SHARD)):
            part = done.get(number)
            if part is None:
                part = Tally()
                start, end = max(first, number * SHARD), min(first + total, (number + 1) * SHARD)
                _add_shard(out, number, write, count_all(shards(start, end), part), part)
            for name, value in part.items():
                tally[name] = tally.get(name, 0) + value
        _write_cards(out, card, tally, readme)
        shutil.rmtree(out / STATE)
    return tally


def is_set(folder: Path) -> bool:
    """Return whether a folder is a set of images that facesmith generated or exported."""
    return _card_path(folder).is_file()


def read_set(folder: Path | str) -> dict[str, Any]:
    """Return the card of a complete set. Raises `FacesmithError` for any other folder."""
    folder = Path(folder)
    path = _card_path(folder)
    if not is_set(folder):
        raise FacesmithError(f"{folder} is not a set of images: pass a folder written by facesmith generate")
    card: dict[str, Any] = read_json(path, "the card of a set")
    check_version(card, FORMAT, VERSION, path)
    if "tally" not in card:
        raise FacesmithError(f"{folder} is not complete: run the same command again to complete it")
    return card


def set_credit(folder: Path) -> str | None:
    """Return the credit that the card of a set states; None without, and for any other folder."""
    return read_json(_card_path(folder), "the card of a set").get("credit") if is_set(folder) else None


def _card_path(folder: Path) -> Path:
    return folder / CARD if (folder / CARD).is_file() else folder / STATE / PARTIAL_CARD


def _open_partial(out: Path, card: dict[str, Any], locks: ExitStack) -> dict[int, Tally]:
    """Create the folder of a set, or return the shards of the same set that was interrupted."""
    path = _card_path(out)
    if not path.is_file():
        refuse_existing(out, "images")
        out.mkdir(parents=True, exist_ok=True)
    locks.enter_context(lock(out))
    path = _card_path(out)  # another process may have completed the set
    if not path.is_file():
        write_json(path, card)
        return {}
    found = read_json(path, "the card of a set")
    if "tally" in found or found != json.loads(json.dumps(card)):
        state = "is complete" if "tally" in found else "was started with different options"
        raise FacesmithError(f"{out} already exists and {state}: choose another name, or remove it first")
    path = out / STATE / DONE
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
    lines = [line for line in lines if line.endswith("\n")]  # a killed process may have written a part of a line
    write_text(path, "".join(lines))
    parts = [json.loads(line) for line in lines]
    return {part.pop("shard"): part for part in parts}


def _add_shard(out: Path, number: int, write: WriteShard, pictures: Iterable[Picture], tally: Tally) -> None:
    """Write a shard of a set that is not complete, and then record it; ``tally`` is filled while it is written."""
    work, name = out / STATE / WORK, f"{number:05d}"
    shutil.rmtree(work, ignore_errors=True)
    write(pictures, work, name)
    _move_shard(work, out, name)
    with (out / STATE / DONE).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"shard": number, **tally}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _move_shard(work: Path, out: Path, name: str) -> None:
    """Move the files and folders of one shard to their places, over those that a killed process has moved already."""
    paths = sorted(work.rglob("*"))
    units = [path for path in paths if path.name == name and path.is_dir()] or [p for p in paths if p.is_file()]
    for unit in units:
        target = out / unit.relative_to(work)
        if target.is_dir():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        unit.replace(target)
    shutil.rmtree(work)


def _write_cards(folder: Path, card: dict[str, Any], tally: Tally, readme: Callable[[Tally], str]) -> None:
    write_text(folder / "README.md", readme(tally))
    write_json(folder / CARD, card | {"tally": tally})
