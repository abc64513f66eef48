"""What a studio can show: models, makeovers, judges, runs, datasets and maps by the names their addresses have.

No path ever comes from a visitor: a name is looked up here, and leads to a folder that was given or found.
"""

import asyncio
import json
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast

import facesmith
from facesmith import AttributeClassifier, Dataset, Makeover, Model
from facesmith.errors import FacesmithError
from facesmith.models.included import DEFAULT, FOLDER
from facesmith.studio.errors import NotHere

# What a folder is, by the card that lies in it.
CARDS = {
    "generator": "model.json",
    "makeover": "makeover.json",
    "judge": "judge.json",
    "run": "run.json",
    "dataset": "dataset.json",
    "map": "map.json",
}
MODELS = ("generator", "makeover", "judge")  # one list, and no two of one name
DEEPEST, MOST_FOLDERS, MOST_ENTRIES = 3, 5_000, 2_000  # of the search beneath a folder, which may be somebody's home
FRESH = 2.0  # seconds for which what was found is not looked for again

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Item:
    """Something on the shelf: its ``kind`` (of `CARDS`), its ``name`` in addresses, its folder."""

    kind: str
    name: str
    path: Path

    def card(self) -> dict[str, Any]:
        """What its card says as it stands; `FacesmithError` where it cannot be read."""
        file = self.path / CARDS[self.kind]
        try:
            card = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FacesmithError(f"the card of {self.name} cannot be read ({type(error).__name__})") from None
        if not isinstance(card, dict):
            raise FacesmithError(f"the card of {self.name} is none: it holds no table")
        return card

    def stamp(self) -> tuple[int, int, int]:
        """What changes with its card; `NotHere` once it is gone."""
        try:
            found = (self.path / CARDS[self.kind]).stat()
        except OSError:
            raise NotHere(f"{self.name} is no longer here") from None
        return found.st_mtime_ns, found.st_size, found.st_ino


class Shelf:
    """What lies beneath ``paths``, or, where none is given, beneath the working folder and what ships with facesmith.

    A path is such a folder itself, one beneath which there are some, the name of a shipped model, or a hub id. Models
    are loaded when they are first asked for, ``most`` at a time, and again once their card has changed. Safe to use
    from several threads. Raises `FacesmithError` for a path that is none of these.
    """

    def __init__(self, paths: Sequence[str] = (), most: int = 4) -> None:
        self.most = most
        self._roots = [_root(path) for path in paths] or [(Path.cwd(), None), (FOLDER, None)]
        self._found: list[Item] = []
        self._looked = -FRESH
        self._loaded: OrderedDict[tuple[str, str], tuple[object, object]] = OrderedDict()  # the longest unused first
        self._lock, self._loading = Lock(), Lock()

    @property
    def loaded(self) -> int:
        """How many models are in memory."""
        return len(self._loaded)

    def items(self, *kinds: str) -> list[Item]:
        """What there is of these kinds; without kinds, everything. What was given first comes first."""
        with self._lock:
            if time.monotonic() - self._looked >= FRESH:
                self._found, self._looked = _search(self._roots), time.monotonic()
            return [item for item in self._found if not kinds or item.kind in kinds]

    def described(self, about: Callable[[Item], Thing], *kinds: str) -> list[Thing]:
        """What ``about`` says of each item of these kinds, but for those of whose cards nothing can be said."""
        found = []
        for item in self.items(*kinds):
            try:
                found.append(about(item))
            except (FacesmithError, NotHere, KeyError, TypeError, ValueError):
                continue  # a card that cannot be read is of nothing that could be shown
        return found

    def find(self, name: str | None, *kinds: str) -> Item:
        """The one of that name and one of these kinds, None being the first; `NotHere` with a list where none is."""
        for found in (self._found, None):  # what is known is found without looking again
            there = self.items(*kinds) if found is None else [item for item in found if item.kind in kinds]
            for item in there:
                if name is None or item.name == name:
                    return item
        names = ", ".join(item.name for item in there[:12]) or "none"
        what = " or ".join(kinds).replace("generator", "model")
        raise NotHere(f"there is no {what} {name!r} here; there are {names}" if name else f"there is no {what} here")

    async def model(self, name: str | None = None) -> Model:
        """The generator of that name, loaded; by default the first. It computes in one thread: see `Batcher`."""
        return await self._get("generator", name, _load_model)

    async def makeover(self, name: str | None = None) -> Makeover:
        return await self._get("makeover", name, lambda path: facesmith.load_makeover(path, quiet=True))

    async def judge(self, name: str | None = None) -> AttributeClassifier:
        return await self._get("judge", name, facesmith.load_classifier)

    async def dataset(self, name: str | None = None) -> Dataset:
        return await self._get("dataset", name, facesmith.open_dataset)

    async def _get(self, kind: str, name: str | None, load: Callable[[Path], Thing]) -> Thing:
        item = self.find(name, kind)
        stamp = item.stamp()
        known = self._known(item, stamp)
        return cast(Thing, known or await asyncio.to_thread(self._load, item, stamp, load))

    def _known(self, item: Item, stamp: object) -> object | None:
        with self._lock:
            there = self._loaded.get((item.kind, item.name))
            if there is None or there[0] != stamp:
                return None
            self._loaded.move_to_end((item.kind, item.name))
            return there[1]

    def _load(self, item: Item, stamp: object, load: Callable[[Path], object]) -> object:
        with self._loading:  # one at a time: who asks for the same meanwhile finds it loaded
            known = self._known(item, stamp)
            if known is not None:
                return known
            loaded = load(item.path)
            with self._lock:
                self._loaded[item.kind, item.name] = stamp, loaded
                self._loaded.move_to_end((item.kind, item.name))
                while len(self._loaded) > self.most:
                    self._loaded.popitem(last=False)
            return loaded


def _load_model(path: Path) -> Model:
    model = facesmith.load(path, threads=1, quiet=True)
    _ = model.block  # found by computing, which is not to happen while others wait
    return model


def _root(text: str) -> tuple[Path, str | None]:
    """A folder to look in, and the name of what is found there where the folder does not tell it."""
    path = Path(text).expanduser()
    if path.is_dir():
        return path.resolve(), None
    if re.fullmatch(r"[\w-]+", text) and (FOLDER / text).is_dir():
        return FOLDER / text, None
    if path.exists() or not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", text):
        raise FacesmithError(f"{text} is no folder of runs or models: give one, a shipped model, or a hub id")
    return facesmith.load(text, quiet=True).path, text.rpartition("/")[2]


def _search(roots: Sequence[tuple[Path, str | None]]) -> list[Item]:
    """Everything with a card beneath the roots, no two of one name where that would be ambiguous."""
    found, taken, seen = list[Item](), set[tuple[str, str]](), set[Path]()
    for root, called in roots:
        for kind, path in _beneath(root):
            if path in seen:
                continue
            seen.add(path)
            space = "model" if kind in MODELS else kind
            plain = _slug(called or path.name)
            names = [plain, f"{_slug(path.parent.name)}-{plain}", *(f"{plain}-{number}" for number in range(2, 10_000))]
            name = next(name for name in names if (space, name) not in taken)
            taken.add((space, name))
            found.append(Item(kind, name, path))
    return found


def _beneath(root: Path) -> Iterator[tuple[str, Path]]:
    """Folders with a card and what they are, the highest first, by name; what such a folder holds is its own."""
    level = [root]
    visited = 0
    for depth in range(DEEPEST + 1):
        below: list[Path] = []
        for folder in level:
            visited += 1
            if visited > MOST_FOLDERS:
                return
            try:
                with os.scandir(folder) as entries:
                    listed = list(islice(entries, MOST_ENTRIES))
            except OSError:
                continue
            names = {entry.name for entry in listed}
            kind = next((kind for kind, card in CARDS.items() if card in names), None)
            if kind is not None:
                yield kind, folder
            elif depth < DEEPEST:
                inner = [e for e in listed if not e.name.startswith((".", "_")) and e.is_dir(follow_symlinks=False)]
                inner.sort(key=lambda entry: (entry.name != DEFAULT, entry.name))  # whoever asks for no model gets it
                below += [Path(entry.path) for entry in inner]
        level = below


def _slug(name: str) -> str:
    """A name as a part of an address."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "unnamed"
