"""Find the folders that facesmith writes, and read their cards: models, runs, datasets, maps, ..."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from facesmith.data import dataset
from facesmith.errors import FacesmithError
from facesmith.files import lock, remove
from facesmith.latent.face_map import map_folder
from facesmith.models.folder import DEFAULT_MODEL, INCLUDED_FOLDER, MODEL_CARDS
from facesmith.models.model import load
from facesmith.runs import run_folder

# The kind of a folder, by the card that it contains.
CARDS = {
    **MODEL_CARDS,
    run_folder.CARD: "run",
    dataset.CARD: "dataset",
    map_folder.CARD: "map",
}
MAX_DEPTH, MAX_FOLDERS, MAX_ENTRIES = 3, 5_000, 2_000  # of a search, which may start in a home folder


@dataclass(frozen=True)
class Artefact:
    """A folder of a ``kind``: generator, makeover, classifier, run, dataset or map."""

    kind: str
    path: Path

    def card(self) -> dict[str, Any]:
        """Return its card. Raises `FacesmithError` if it cannot be read."""
        try:
            card = json.loads(self._card_file().read_text(encoding="utf-8"), object_pairs_hook=_readable_object)
        except (OSError, ValueError) as error:
            raise FacesmithError(f"the card of {self.path.name} cannot be read ({type(error).__name__})") from None
        if not isinstance(card, dict):
            raise FacesmithError(f"the card of {self.path.name} is invalid: expected a JSON object")
        return card

    def _card_file(self) -> Path:
        files = [self.path / file for file, kind in CARDS.items() if kind == self.kind]
        return next((file for file in files if file.is_file()), files[0])

    def version(self) -> tuple[int, int, int] | None:
        """Return a value that changes with the card, or None if the folder no longer exists."""
        try:
            stat = self._card_file().stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _readable_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Replace characters that no text may contain, such as those of file names that are not UTF-8."""
    return {key: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value for key, value in pairs}


def artefact_kind(folder: Path) -> str | None:
    """Return the kind of a folder, or None."""
    return next((kind for card, kind in CARDS.items() if (folder / card).is_file()), None)


def find_artefacts(root: Path) -> Iterator[Artefact]:
    """Yield the artefacts in a folder and below, by depth and name. The contents of an artefact are not searched."""
    folders, visited = [root], 0
    for depth in range(MAX_DEPTH + 1):
        subfolders: list[Path] = []
        for folder in folders:
            visited += 1
            if visited > MAX_FOLDERS:
                return
            try:
                with os.scandir(folder) as entries:
                    listed = list(islice(entries, MAX_ENTRIES))
            except OSError:
                continue
            names = {entry.name for entry in listed}
            kind = next((kind for card, kind in CARDS.items() if card in names), None)
            if kind is not None:
                yield Artefact(kind, folder)
            elif depth < MAX_DEPTH:
                inner = [e for e in listed if not e.name.startswith((".", "_")) and e.is_dir(follow_symlinks=False)]
                inner.sort(key=lambda entry: (entry.name != DEFAULT_MODEL, entry.name))  # the default model comes first
                subfolders += [Path(entry.path) for entry in inner]
        folders = subfolders


def rename_artefact(path: str | Path, name: str) -> Path:
    """Rename the folder of an artefact and return its new path.

    Raises `FacesmithError` if the new path exists, or if another process writes to the folder.
    """
    folder = Path(path)
    target = folder.with_name(name)
    with lock(folder):
        if os.path.lexists(target):
            raise FacesmithError(f"{target} already exists: choose another name")
        folder.rename(target)
    return target


def delete_artefact(path: str | Path) -> None:
    """Delete an artefact with all its files. Raises `FacesmithError` if another process writes to its folder."""
    folder = Path(path)
    if artefact_kind(folder) is None:
        raise FacesmithError(
            f"{folder} was not deleted because it is not a model, run, dataset or map: delete it by hand"
        )
    with lock(folder):
        hidden = folder.with_name(f".{folder.name}.deleted")  # at once, so that nobody opens half of it
        remove(hidden)
        folder.rename(hidden)
    remove(hidden)


def locate(source: str | None) -> Path:
    """Return the folder of a path, an included model or a hub model; None returns the folder of the included models.

    Raises `FacesmithError` for anything else.
    """
    if source is None:
        return INCLUDED_FOLDER
    path = Path(source).expanduser()
    if path.is_dir():
        return path.resolve()
    if re.fullmatch(r"[\w-]+", source) and (INCLUDED_FOLDER / source).is_dir():
        return INCLUDED_FOLDER / source
    if path.exists() or not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*(@[\w./-]+)?", source):
        raise FacesmithError(
            f"{source!r} is not a folder of runs or models: pass a folder, the name of an included model, or a hub id"
        )
    return load(source, quiet=True).path
