"""Layouts: the position of every point of a map, in two and three dimensions and on a sphere."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.arrays import Floats
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.latent.face_map.projection import Neighbours, place_at_median, project_to_sphere
from facesmith.progress import progress

METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
MIN_FACES = 16  # fewer make no useful map
_COMPONENTS = 50  # principal components for t-SNE and UMAP: the others are mostly noise, and cost time
_PERPLEXITY, _STEPS = 30, 750  # of t-SNE


@dataclass(frozen=True, eq=False)
class Layout:
    """Positions of N points, the farthest at distance 1 from the centre, and of P photos.

    ``shape`` is "2d", "3d" or "sphere"; ``points`` is N x 2 or N x 3, ``photos`` P x 2 or P x 3; on the sphere every
    distance is 1. ``space`` is "latents" or "features".
    """

    space: str
    method: str
    shape: str
    points: Floats
    photos: Floats

    @property
    def name(self) -> str:
        return f"{self.space}_{self.method}_{self.shape}"


def check_methods(methods: Sequence[str]) -> None:
    """Raise `FacesmithError` for an unknown method, and for one whose packages are missing."""
    for method in methods:
        if method not in METHODS:
            raise FacesmithError(f"invalid method {method!r}: expected {', '.join(METHODS)}")
    if not methods:
        raise FacesmithError(f"a map requires at least one method: choose from {', '.join(METHODS)}")
    if "tsne" in methods:
        require("sklearn.manifold", "map", "a t-SNE map")
    if "umap" in methods:
        _umap_package()


def make_layouts(
    space: str, points: Floats, photos: Floats, neighbours: Neighbours, methods: Sequence[str], seed: int, quiet: bool
) -> Iterator[Layout]:
    """Yield the layouts of ``points`` (N x D) by every method: in 2D, in 3D and, made from the latter, on the sphere.

    ``photos`` (P x D) are placed on the finished map and do not change it: by the same projection for PCA, else at the
    median of their nearest points.
    """
    functions: dict[str, Callable[[NDArray[Any], int, int], Floats]] = {"tsne": _tsne, "umap": _umap}
    mean, axes = principal_axes(points, _COMPONENTS)
    reduced, reduced_photos = (points - mean) @ axes.T, (photos - mean) @ axes.T
    with progress(2 * len(methods), f"projecting {space}", "maps", shown=not quiet) as bar:
        for method in methods:
            for dimensions in (2, 3):
                if method == "pca":
                    positions, photo_positions = _scale(reduced[:, :dimensions], reduced_photos[:, :dimensions])
                else:
                    embedded = functions[method](reduced, dimensions, seed)
                    positions, photo_positions = _scale(embedded, place_at_median(embedded, neighbours.photos))
                yield Layout(space, method, f"{dimensions}d", positions, photo_positions)
                bar.update()
            centre = np.median(positions, axis=0)  # faces lie in most directions from there
            on_sphere = (
                project_to_sphere(points, centre).astype(np.float32) for points in (positions, photo_positions)
            )
            yield Layout(space, method, "sphere", *on_sphere)


def principal_axes(points: Floats, count: int) -> tuple[Floats, Floats]:
    """Return the mean (D) and up to ``count`` orthonormal directions (K x D) of the largest variance, largest first.

    The largest entry of each direction is positive, so that the same points give the same map.
    """
    mean = points.mean(0, dtype=np.float64)
    centred = points - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors.T[::-1][: max(3, min(count, points.shape[1]))]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
    return mean.astype(np.float32), (axes * np.sign(largest)).astype(np.float32)


def gaps(layout: Layout) -> Floats:
    """Return each point's distance from all points that precede it, (N,).

    In this order, each point is the farthest from the preceding ones (Gonzalez, Clustering to minimize the maximum
    intercluster distance, 1985). Points with a gap of at least g are therefore at least g apart, and no other point is
    farther than g from them: these are the faces to show on a map where each needs a width of g.
    """
    columns = np.ascontiguousarray(layout.points.T)
    result = np.zeros(columns.shape[1], np.float32)
    nearest = np.full(columns.shape[1], np.inf, np.float32)
    flat = layout.shape == "2d"
    row = int(np.abs(columns).max(0).argmin())
    result[row] = 2 * np.abs(columns).max()  # the first point is always shown
    for _ in range(columns.shape[1] - 1):
        offsets = columns - columns[:, row : row + 1]
        # Faces on the flat map are squares; in 3D they rotate, so only the Euclidean distance counts.
        distance = np.abs(offsets, out=offsets).max(0) if flat else np.einsum("dn,dn->n", offsets, offsets)
        np.minimum(nearest, distance, out=nearest)
        row = int(nearest.argmax())
        if nearest[row] == 0:
            break  # the rest are copies of preceding points
        result[row] = nearest[row] if flat else np.sqrt(nearest[row])
    return result


def _tsne(points: NDArray[Any], dimensions: int, seed: int) -> Floats:
    """t-SNE (van der Maaten and Hinton, 2008) by Barnes-Hut, from the principal axes (Kobak and Berens, 2019)."""
    manifold = require("sklearn.manifold", "map", "a t-SNE map")
    start = points[:, :dimensions]
    embedded: Any = manifold.TSNE(
        dimensions,
        perplexity=min(_PERPLEXITY, (len(points) - 1) / 3),
        init=start / start[:, 0].std() * 1e-4,
        learning_rate="auto",
        max_iter=_STEPS,
        # In 3D a node has eight subtrees instead of four, so a coarser angle saves most of the time.
        angle=0.5 if dimensions == 2 else 0.8,
        random_state=seed % 2**32,  # the largest that it takes
        n_jobs=1,
    ).fit_transform(points)
    return np.asarray(embedded, np.float32)


def _umap(points: NDArray[Any], dimensions: int, seed: int) -> Floats:
    """UMAP (McInnes et al., arXiv:1802.03426), initialised with the principal axes."""
    umap = _umap_package()
    embedded: Any = umap.UMAP(
        n_neighbors=min(15, len(points) - 1),
        n_components=dimensions,
        init=points[:, :dimensions],
        random_state=seed % 2**32,  # the largest that it takes
        n_jobs=1,  # required by a fixed seed
    ).fit_transform(points)
    return np.asarray(embedded, np.float32)


def _umap_package() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the absence of TensorFlow
        return require("umap", "map", "a UMAP map")


def _scale(points: NDArray[Any], photos: NDArray[Any]) -> tuple[Floats, Floats]:
    """Move and scale both, so that the centre of the points is 0 and the farthest point is at distance 1."""
    centre = (points.min(0) + points.max(0)) / 2
    radius = float(np.linalg.norm(points - centre, axis=1).max()) or 1.0
    return ((points - centre) / radius).astype(np.float32), ((photos - centre) / radius).astype(np.float32)
