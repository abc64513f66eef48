"""Read and write a map folder, and place another face on the map. docs/map.md describes the format.

faces_map = open_map("faces-map")
placement = faces_map.place(model.encode(image)[0], neighbours=12)
"""

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.arrays import Doubles, Integers
from facesmith.errors import FacesmithError
from facesmith.files import check_version, read_json, write_json, write_text
from facesmith.latent.face_map.page import current_page
from facesmith.latent.face_map.projection import place_latent

FORMAT, VERSION = "facesmith-map", 1
CARD, COORDINATES, LABELS, PAGE = "map.json", "coordinates.npz", "labels.csv", "map.html"


@dataclass(frozen=True, eq=False)
class Placement:
    """The position of a face in each layout, by the layout's name, and the faces of the map nearest to it.

    ``indices`` are the neighbours' indices on the map, nearest first, ``rows`` their rows in the dataset, ``distances``
    their distances in latent space.
    """

    positions: dict[str, Doubles]
    indices: Integers
    rows: Integers
    distances: Doubles


class FaceMap:
    """A map folder. Made by `open_map`; ``card`` is its map.json."""

    def __init__(self, path: Path, card: dict[str, Any]) -> None:
        self.path, self.card = path, card

    @property
    def page(self) -> Path:
        return self.path / PAGE

    def page_text(self) -> str:
        """Return the page with the scripts of this version, which the studio exchanges messages with."""
        with self._reading():
            return current_page(self.page.read_text(encoding="utf-8"))

    def column(self, name: str) -> list[str]:
        """Return a column of labels.csv: ``file``, or an attribute as "1", "0" or "" (unknown), one per face."""
        with self._reading(), (self.path / LABELS).open(encoding="utf-8", newline="") as file:
            return [line[name] for line in csv.DictReader(file)]

    def layout(self, name: str) -> Doubles:
        """Return the positions of all faces in a layout: N x 2 or N x 3."""
        with self._reading(), np.load(self.path / COORDINATES) as arrays:
            return np.asarray(arrays[name], np.float64)

    def place(self, z: NDArray[Any], neighbours: int) -> Placement:
        """Place a latent on the finished map without moving its faces; a residual latent after it is ignored."""
        with self._reading(), np.load(self.path / COORDINATES) as arrays:
            latents, rows = np.asarray(arrays["latents"], np.float64), np.asarray(arrays["rows"])
            names = [name for name in self.card["layouts"] if name.startswith("latents_")]
            layouts = {name: np.asarray(arrays[name], np.float64) for name in names}
        z = z[: latents.shape[1]]
        distances = np.linalg.norm(latents - z, axis=1)
        nearest = distances.argsort(kind="stable")[:neighbours]
        positions = {name: place_latent(name, layouts, latents, z, nearest) for name in layouts}
        return Placement(positions, nearest, rows[nearest], distances[nearest])

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (OSError, LookupError, ValueError, zipfile.BadZipFile):
            raise FacesmithError(
                f"the files of {self.path.name} cannot be read: create the map again with facesmith map"
            ) from None


def open_map(path: str | Path) -> FaceMap:
    """Open a map folder. Raises `FacesmithError` if it is not one, or has an unknown version."""
    card = read_json(Path(path) / CARD, "a map card")
    check_version(card, FORMAT, VERSION, Path(path) / CARD)
    return FaceMap(Path(path), card)


def write_map(
    folder: Path,
    card: dict[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    columns: Mapping[str, Sequence[str]],
    page: str,
) -> None:
    """Write the card, the arrays of coordinates.npz, the columns of labels.csv and the page of a map."""
    write_json(folder / CARD, {"format": FORMAT, "version": VERSION} | card)
    np.savez(folder / COORDINATES, **dict[str, Any](arrays))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    write_text(folder / LABELS, text.getvalue())
    write_text(folder / PAGE, page)
