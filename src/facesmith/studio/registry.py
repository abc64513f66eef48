"""The registry: what a studio can show, by the names used in addresses.

No path ever comes from a client: a name is looked up here, and leads to a folder that was configured or found.
"""

import asyncio
import re
import sys
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeVar, cast

import facesmith
from facesmith import Artefact, AttributeClassifier, Dataset, FaceMap, Makeover, Model
from facesmith.errors import FacesmithError
from facesmith.studio.errors import NotFound, Problem

MODELS = ("generator", "makeover", "classifier")  # listed together, so their names are unique
KEPT_CHARACTERS = "._\u200c\u200d"  # the last two are inside words of some scripts, and in emoji
MAX_AGE_SECONDS = 2.0  # of a search, before the folders are searched again

T = TypeVar("T")


@dataclass(frozen=True)
class Item(Artefact):
    """An artefact and its ``name`` in addresses."""

    name: str

    def require_version(self) -> tuple[int, int, int]:
        """Return its version. Raises `NotFound` once its folder is gone."""
        version = self.version()
        if version is None:
            raise NotFound(f"{self.name} no longer exists")
        return version


class Registry:
    """The artefacts in ``paths``; by default those in the working folder, and the included ones.

    A path is an artefact's folder, a folder that contains some, the name of an included model, or a hub id. Models are
    loaded on first use, at most ``max_loaded`` at a time, and again when their card has changed; ``backend`` computes
    generators and encoders. Safe to use from several threads. Raises `FacesmithError` for any other path.
    """

    def __init__(self, paths: Sequence[str] = (), max_loaded: int = 4, backend: str = "onnx") -> None:
        self.max_loaded, self.backend = max_loaded, backend
        self._roots = [_root(path) for path in paths] or [(Path.cwd(), None), (facesmith.locate(None), None)]
        self._items: list[Item] = []
        self._searched = -MAX_AGE_SECONDS
        self._loaded: OrderedDict[tuple[str, str], tuple[object, object]] = OrderedDict()  # least recently used first
        self._blocks: dict[tuple[Path, object], int] = {}  # `Model.block`, by path and version
        self._measuring = ThreadPoolExecutor(1)
        self._lock, self._loading = Lock(), Lock()

    @property
    def loaded_count(self) -> int:
        """Return how many models are in memory."""
        return len(self._loaded)

    def items(self, *kinds: str) -> list[Item]:
        """Return the items of these kinds, by default of all, in the order of the configured paths."""
        with self._lock:
            if time.monotonic() - self._searched >= MAX_AGE_SECONDS:
                self._items, self._searched = _search(self._roots), time.monotonic()
            return [item for item in self._items if not kinds or item.kind in kinds]

    def describe_all(self, describe: Callable[[Item], T], *kinds: str) -> list[T]:
        """Return what ``describe`` returns for each item of these kinds. Items with unreadable cards are skipped."""
        descriptions = []
        for item in self.items(*kinds):
            try:
                descriptions.append(describe(item))
            except (FacesmithError, NotFound, KeyError, TypeError, ValueError):
                continue
        return descriptions

    def find(self, name: str | None, *kinds: str) -> Item:
        """Return the item of that name and one of these kinds; None: the first. Raises `NotFound` with a list."""
        for item in self._items:  # known items need no search
            if item.kind in kinds and name in (None, item.name):
                return item
        items = self.items(*kinds)
        normal_name = None if name is None else unicodedata.normalize("NFC", name)  # macOS sends decomposed letters
        for item in items:
            if normal_name in (None, item.name):
                return item
        kind = " or ".join(kinds).replace("generator", "model")
        names = ", ".join(item.name for item in items[:12]) or "none"
        raise NotFound(
            f"unknown {kind} {name!r}: available are {names}" if name else f"there is no {kind} in this studio"
        )

    def is_owned(self, item: Item) -> bool:
        """Return whether an item is in a configured folder, neither included nor itself a configured path."""
        return facesmith.locate(None) not in item.path.parents and all(item.path != root for root, _ in self._roots)

    def check_owned(self, item: Item) -> None:
        """Raise `Problem` for an item that clients may not rename or delete: an included one, or a configured path."""
        if not self.is_owned(item):
            raise Problem(
                400,
                f"{item.name} is included in facesmith, or was itself passed to the studio: only items in the "
                "studio's folders can be renamed or deleted",
            )

    def refresh(self) -> None:
        """Search the folders again at the next request."""
        with self._lock:
            self._searched, self._items = -MAX_AGE_SECONDS, []

    async def model(self, name: str | None = None) -> Model:
        """Return a generator, by default the first. It computes in one thread, see `Batcher`."""
        return await self._get("generator", name, self._load_model)

    async def makeover(self, name: str | None = None) -> Makeover:
        return await self._get("makeover", name, lambda path: facesmith.load_makeover(path, quiet=True))

    async def classifier(self, name: str | None = None) -> AttributeClassifier:
        return await self._get("classifier", name, facesmith.load_classifier)

    async def dataset(self, name: str | None = None) -> Dataset:
        return await self._get("dataset", name, facesmith.open_dataset)

    def map(self, name: str) -> FaceMap:
        return facesmith.open_map(self.find(name, "map").path)

    async def _get(self, kind: str, name: str | None, load: Callable[[Path], T]) -> T:
        item = self.find(name, kind)
        version = item.require_version()
        cached = self._cached(item, version)
        return cast(T, cached or await asyncio.to_thread(self._load, item, version, load))

    def _cached(self, item: Item, version: object) -> object | None:
        with self._lock:
            entry = self._loaded.get((item.kind, item.name))
            if entry is None or entry[0] != version:
                return None
            self._loaded.move_to_end((item.kind, item.name))
            return entry[1]

    def _load_model(self, path: Path) -> Model:
        return facesmith.load(path, self.backend, threads=1, quiet=True)

    def _measure_block(self, model: Model, version: object) -> None:
        """Measure the block of this version of a model once, in the background: its first faces are not delayed."""
        key = model.path, version
        if key in self._blocks:
            model.block = self._blocks[key]
            return

        def measure() -> None:
            try:
                model.measure_block()
            except Exception as error:  # its faces are still correct, in blocks
                print(f"facesmith: the batch sizes of {model.name} cannot be compared ({error})", file=sys.stderr)
            self._blocks[key] = model.block

        self._measuring.submit(measure)

    def close(self) -> None:
        self._measuring.shutdown(wait=False, cancel_futures=True)

    def _load(self, item: Item, version: object, load: Callable[[Path], object]) -> object:
        with self._loading:  # one at a time: a second request for the same model finds it loaded
            cached = self._cached(item, version)
            if cached is not None:
                return cached
            artefact = load(item.path)
            if isinstance(artefact, Model):
                self._measure_block(artefact, version)
            with self._lock:
                self._loaded[item.kind, item.name] = version, artefact
                self._loaded.move_to_end((item.kind, item.name))
                while len(self._loaded) > self.max_loaded:
                    self._loaded.popitem(last=False)
            return artefact


def _root(source: str) -> tuple[Path, str | None]:
    """Return the folder of a configured path, and the name of the artefact in it if it differs from the folder's."""
    path = facesmith.locate(source)
    downloaded = not Path(source).expanduser().is_dir() and "/" in source
    return path, source.rpartition("/")[2] if downloaded else None


def _search(roots: Sequence[tuple[Path, str | None]]) -> list[Item]:
    """Return all artefacts in the roots, with unique names."""
    items, used_names, visited = list[Item](), set[tuple[str, str]](), set[Path]()
    for root, root_name in roots:
        for artefact in facesmith.find_artefacts(root):
            path = artefact.path
            if path in visited:
                continue
            visited.add(path)
            namespace = "model" if artefact.kind in MODELS else artefact.kind
            plain = slug(root_name or path.name)
            names = [plain, f"{slug(path.parent.name)}-{plain}", *(f"{plain}-{number}" for number in range(2, 10_000))]
            name = next(name for name in names if (namespace, name) not in used_names)
            used_names.add((namespace, name))
            items.append(Item(artefact.kind, path, name))
    return items


def slug(name: str) -> str:
    """Return a name for addresses: letters, marks, digits and symbols of any script; anything else becomes a dash."""
    characters = unicodedata.normalize("NFC", name)
    categories = map(unicodedata.category, characters)
    kept = (
        c if c in KEPT_CHARACTERS or category[0] in "LMN" or category == "So" else "-"
        for c, category in zip(characters, categories, strict=True)
    )
    return re.sub("-+", "-", "".join(kept)).strip(".-") or "unnamed"
