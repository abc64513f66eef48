"""Files and folders that are whole or not there: written beside their place, then renamed into it."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facesmith.errors import FacesmithError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; on success it replaces ``path``, on any error it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The ending stays last, because the libraries that write for us choose the format by it.
    beside = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield beside
        _flush(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path, what: str) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` that becomes ``path`` on success and is removed on any error.

    A killed process leaves only ``.NAME.partial`` behind, which nothing reads and the next attempt clears away.
    Raises `FacesmithError` when ``path`` exists already; ``what`` names the thing in that sentence.
    """
    refuse_existing(path, what)
    path = path.resolve()
    beside = path.with_name(f".{path.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        yield beside
        beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def whole(folder: Path, ending: str) -> list[Path]:
    """The finished files of a folder with that ending, by name; what a killed process left half-written is not one."""
    return sorted(path for path in folder.glob(f"*{ending}") if not path.name.startswith("."))


def clear_partials(folder: Path) -> None:
    """Remove what a killed process left half-written, in this folder and below."""
    for path in folder.rglob(".*.partial*"):
        path.unlink()


def refuse_existing(path: Path, what: str) -> None:
    """Raise `FacesmithError` when ``path`` is taken: nothing facesmith makes overwrites what stands."""
    if path.is_symlink() or (path.exists() and not (path.is_dir() and not any(path.iterdir()))):
        raise FacesmithError(f"{path} exists already: choose another name for the {what}, or remove it first")
    if path.is_dir():
        path.rmdir()


def write_text(path: Path, text: str) -> None:
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, NaN and infinity refused: every reader of the file must be able to parse it."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, what: str) -> Any:
    """Parse a JSON file, or raise `FacesmithError` that names it; ``what`` says what the file should have been."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FacesmithError(f"{path} cannot be read as {what}: {error}") from None


def check_version(card: dict[str, Any], expected: str, version: int, path: Path) -> None:
    """Refuse a file of another format, or of a version this facesmith does not know."""
    if card.get("format") != expected:
        raise FacesmithError(f"{path} is not a {expected} file: its format is {card.get('format')!r}")
    if card.get("version") != version:
        raise FacesmithError(
            f"{path} has version {card.get('version')!r} and this facesmith reads version {version}: "
            f"install the facesmith that wrote it, or make it again"
        )


def _flush(path: Path) -> None:
    """Force a file to the disk before it is renamed, so that a crash cannot leave an empty file under a good name."""
    if path.is_file():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
