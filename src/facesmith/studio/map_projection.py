"""The folder of a map as docs/map.md describes it: where its faces lie, and where another one would."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

AROUND = 7  # a layout that has no place for a new face takes the median of as many, as `facesmith map --photo` does

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a latent lies in each layout, by its name, and which of the map's faces are ``near`` it, nearest first.

    ``near`` counts the faces of the map, ``rows`` are theirs in the dataset, ``apart`` their distances in latent space.
    """

    places: dict[str, Points]
    near: NDArray[np.int64]
    rows: NDArray[np.int64]
    apart: Points


def column(path: Path, name: str) -> list[str]:
    """What labels.csv says of every face of a map: its ``file``, or an attribute, 1, 0 or "" where it is unknown."""
    with (path / "labels.csv").open(encoding="utf-8", newline="") as file:
        return [line[name] for line in csv.DictReader(file)]


def layout(path: Path, name: str) -> Points:
    """The places of all faces in a layout: N x 2 or N x 3."""
    with np.load(path / "coordinates.npz") as arrays:
        return np.asarray(arrays[name], np.float64)


def placed(path: Path, layouts: list[str], z: NDArray[Any], count: int) -> Placed:
    """Place a latent on the finished map, of which nothing moves, with the ``count`` faces that are nearest to it."""
    with np.load(path / "coordinates.npz") as arrays:
        latents, rows = np.asarray(arrays["latents"], np.float64), np.asarray(arrays["rows"])
        laid = {name: np.asarray(arrays[name], np.float64) for name in layouts if name.startswith("latents_")}
    apart = np.linalg.norm(latents - z, axis=1)
    near = apart.argsort(kind="stable")[:count]
    places = {name: _place(name, laid, latents, z, near[:AROUND]) for name in laid}
    return Placed(places, near, rows[near], apart[near])


def _place(name: str, laid: Mapping[str, Points], latents: Points, z: NDArray[Any], near: NDArray[np.int64]) -> Points:
    space, method, shape = name.split("_")
    if shape == "sphere":  # the map in space, seen from its middle
        inside = f"{space}_{method}_3d"
        way = _place(inside, laid, latents, z, near) - np.median(laid[inside], axis=0)
        return np.asarray(way / max(float(np.linalg.norm(way)), 1e-12))
    points = laid[name]
    if method != "pca":
        return np.asarray(np.median(points[near], axis=0))
    # By PCA the latents were turned, moved and scaled; how, least squares find again.
    middle, at = latents.mean(0), points.mean(0)
    away = latents - middle
    turned, *_ = np.linalg.lstsq(away.T @ away, away.T @ (points - at), rcond=None)
    return np.asarray(at + (z - middle) @ turned)
