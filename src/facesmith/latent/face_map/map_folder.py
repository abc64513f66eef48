"""Read a map folder, and place another face on the map. docs/map.md describes the format.

faces_map = open_map("faces-map")
placement = faces_map.place(model.encode(image)[0], neighbours=12)
"""

import csv
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.files import check_version, read_json

FORMAT, VERSION = "facesmith-map", 1
CARD, COORDINATES, LABELS, PAGE = "map.json", "coordinates.npz", "labels.csv", "map.html"
MEDIAN_NEIGHBOURS = 7  # a layout that cannot place a new face gives it the median position of this many neighbours

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Placement:
    """The position of a face in each layout, by the layout's name, and the faces of the map nearest to it.

    ``indices`` are the neighbours' indices on the map, nearest first, ``rows`` their rows in the dataset, ``distances``
    their distances in latent space.
    """

    positions: dict[str, Points]
    indices: NDArray[np.int64]
    rows: NDArray[np.int64]
    distances: Points


class FaceMap:
    """A map folder. Made by `open_map`; ``card`` is its map.json."""

    def __init__(self, path: Path, card: dict[str, Any]) -> None:
        self.path, self.card = path, card

    @property
    def page(self) -> Path:
        return self.path / PAGE

    def column(self, name: str) -> list[str]:
        """Return a column of labels.csv: ``file``, or an attribute as "1", "0" or "" (unknown), one per face."""
        with self._reading(), (self.path / LABELS).open(encoding="utf-8", newline="") as file:
            return [line[name] for line in csv.DictReader(file)]

    def layout(self, name: str) -> Points:
        """Return the positions of all faces in a layout: N x 2 or N x 3."""
        with self._reading(), np.load(self.path / COORDINATES) as arrays:
            return np.asarray(arrays[name], np.float64)

    def place(self, z: NDArray[Any], neighbours: int) -> Placement:
        """Place a latent (latent_size) on the finished map without moving its faces."""
        with self._reading(), np.load(self.path / COORDINATES) as arrays:
            latents, rows = np.asarray(arrays["latents"], np.float64), np.asarray(arrays["rows"])
            names = [name for name in self.card["layouts"] if name.startswith("latents_")]
            layouts = {name: np.asarray(arrays[name], np.float64) for name in names}
        distances = np.linalg.norm(latents - z, axis=1)
        nearest = distances.argsort(kind="stable")[:neighbours]
        positions = {name: _position(name, layouts, latents, z, nearest[:MEDIAN_NEIGHBOURS]) for name in layouts}
        return Placement(positions, nearest, rows[nearest], distances[nearest])

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (OSError, LookupError, ValueError, zipfile.BadZipFile):
            raise FacesmithError(
                f"the files of {self.path.name} cannot be read: make the map again with facesmith map"
            ) from None


def open_map(path: str | Path) -> FaceMap:
    """Open a map folder. Raises `FacesmithError` if it is not one, or has an unknown version."""
    card = read_json(Path(path) / CARD, "the card of a map")
    check_version(card, FORMAT, VERSION, Path(path) / CARD)
    return FaceMap(Path(path), card)


def _position(
    name: str, layouts: Mapping[str, Points], latents: Points, z: NDArray[Any], nearest: NDArray[np.int64]
) -> Points:
    space, method, shape = name.split("_")
    if shape == "sphere":  # the 3D layout, seen from its centre
        inner = f"{space}_{method}_3d"
        direction = _position(inner, layouts, latents, z, nearest) - np.median(layouts[inner], axis=0)
        return np.asarray(direction / max(float(np.linalg.norm(direction)), 1e-12))
    points = layouts[name]
    if method != "pca":
        return np.asarray(np.median(points[nearest], axis=0))
    # PCA is an affine map of the latents. Least squares recovers it.
    latent_mean, point_mean = latents.mean(0), points.mean(0)
    centred = latents - latent_mean
    matrix, *_ = np.linalg.lstsq(centred.T @ centred, centred.T @ (points - point_mean), rcond=None)
    return np.asarray(point_mean + (z - latent_mean) @ matrix)
