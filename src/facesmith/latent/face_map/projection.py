"""Neighbours of the faces of a map, and the position of a new face on a finished map."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.arrays import Floats, Integers
from facesmith.metrics.neighbours import nearest

NEIGHBOURS = 12  # shown for every face
AVERAGED = 7  # a new face is placed at the median of so many nearest faces

Points = NDArray[Any]  # floats, N x 2 or N x 3


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Rows of the nearest faces, nearest first: ``points`` N x 12 (never a face itself), ``photos`` P x 12."""

    points: Integers
    photos: Integers


def find_neighbours(points: Floats, photos: Floats) -> Neighbours:
    """Return the 12 nearest points, by Euclidean distance, of each of N points and P photos (N x D, P x D)."""
    _, rows = nearest(points, points, NEIGHBOURS + 1)
    # A point is its own nearest neighbour, except among exact copies. The stable sort moves it last, to be cut off.
    order = (rows == np.arange(len(points))[:, None]).argsort(axis=1, kind="stable")
    neighbours = np.take_along_axis(rows, order, 1)[:, :NEIGHBOURS]
    return Neighbours(neighbours, nearest(photos, points, NEIGHBOURS)[1])


def place_at_median(points: Points, neighbours: Integers) -> Points:
    """Return the median position of the `AVERAGED` nearest points, for neighbours (12) or (P x 12)."""
    return np.asarray(np.median(points[neighbours[..., :AVERAGED]], axis=-2))


def project_to_sphere(points: Points, centre: Points) -> Points:
    """Return the directions of ``points`` from ``centre`` as points of the unit sphere."""
    offsets = points - centre
    lengths = np.linalg.norm(offsets, axis=-1, keepdims=True)
    return np.where(lengths > 0, offsets / np.maximum(lengths, 1e-12), np.array([0, 0, 1]))


def place_latent(
    name: str, layouts: Mapping[str, Points], latents: Points, z: NDArray[Any], neighbours: Integers
) -> Points:
    """Return the position of a latent in the layout ``name`` of a finished map.

    ``latents`` (N x d) are those of the map's faces, ``neighbours`` the rows of the nearest ones. Positions in
    ``layouts`` do not change.
    """
    space, method, shape = name.split("_")
    if shape == "sphere":  # made from the layout in 3D
        in_3d = f"{space}_{method}_3d"
        point = place_latent(in_3d, layouts, latents, z, neighbours)
        return project_to_sphere(point, np.median(layouts[in_3d], axis=0))
    points = layouts[name]
    if method != "pca":
        return place_at_median(points, neighbours)
    # A PCA layout is a linear function of the latents, which least squares recovers.
    latent_mean, point_mean = latents.mean(0), points.mean(0)
    centred = latents - latent_mean
    linear, *_ = np.linalg.lstsq(centred.T @ centred, centred.T @ (points - point_mean), rcond=None)
    return np.asarray(point_mean + (z - latent_mean) @ linear)
