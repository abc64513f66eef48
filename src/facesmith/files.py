"""Write files and folders atomically: to a temporary name beside the target, which is then renamed."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facesmith.errors import FacesmithError


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` on success and is removed on any error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays at the end, because libraries choose the format by it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield temporary
        _sync_to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, what: str) -> Iterator[Path]:
    """Yield an empty temporary folder that becomes ``path`` on success and is removed on any error.

    A killed process leaves only ``.NAME.partial``, which nothing reads and the next attempt removes. Raises
    `FacesmithError` if ``path`` exists; ``what`` names the artefact in the message.
    """
    refuse_existing(path, what)
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def finished_files(folder: Path, suffix: str) -> list[Path]:
    """Return the files of a folder with this suffix, by name, without the partial ones that a killed process left."""
    return sorted(path for path in folder.glob(f"*{suffix}") if not path.name.startswith("."))


def remove_partial_files(folder: Path) -> None:
    """Remove the partial files that a killed process left, in this folder and below."""
    for path in folder.rglob(".*.partial*"):
        path.unlink()


def refuse_existing(path: Path, what: str) -> None:
    """Raise `FacesmithError` if ``path`` exists and is not an empty folder; an empty folder is removed."""
    if path.is_symlink() or (path.exists() and not (path.is_dir() and not any(path.iterdir()))):
        raise FacesmithError(f"{path} exists already: choose another name for the {what}, or remove it first")
    if path.is_dir():
        path.rmdir()


def write_text(path: Path, text: str) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON. NaN and infinity raise `ValueError`, because strict parsers refuse them."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, what: str) -> Any:
    """Parse a JSON file, or raise `FacesmithError`; ``what`` says in the message what the file should be."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FacesmithError(f"{path} cannot be read as {what}: {error}") from None


def check_version(card: dict[str, Any], expected: str, version: int, path: Path, oldest: int | None = None) -> None:
    """Refuse a file of another format, or of a version that is not ``oldest`` (default: ``version``) to ``version``."""
    if card.get("format") != expected:
        raise FacesmithError(f"{path} is not a {expected} file: its format is {card.get('format')!r}")
    found = card.get("version")
    if not isinstance(found, int) or not (version if oldest is None else oldest) <= found <= version:
        raise FacesmithError(
            f"{path} has version {found!r} and this facesmith reads version {version}: "
            f"install the facesmith that wrote it, or create it again"
        )


def _sync_to_disk(path: Path) -> None:
    """Flush a file to the disk before it is renamed, so that a crash cannot leave an empty file under its name."""
    if path.is_file():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
