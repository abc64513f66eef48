"""Layouts: where on a map each of many points lies, in two and three dimensions and on a sphere."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.latent.face_map.neighbours import AROUND, Neighbours
from facesmith.progress import progress

METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
LEAST = 16  # faces; of fewer no method makes a map worth the name
_KEPT = 50  # principal components that t-SNE and UMAP see: what the others hold is mostly noise, and costs time
_PERPLEXITY, _STEPS = 30, 750  # of t-SNE

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Layout:
    """N points, of which the farthest from the middle has the distance 1, and P photos beside them.

    ``shape`` is "2d", "3d" or "sphere"; ``points`` is N x 2 or N x 3, ``photos`` P x 2 or P x 3; on the sphere every
    distance is 1. ``space`` says what was laid out: "latents" or "features".
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
    """Refuse what is not a method, and ask for the packages of the others before any time is spent."""
    for method in methods:
        if method not in METHODS:
            raise FacesmithError(f"method {method!r} is not one of {', '.join(METHODS)}")
    if not methods:
        raise FacesmithError(f"a map needs a method: {', '.join(METHODS)}, or several of them")
    if "tsne" in methods:
        require("sklearn.manifold", "map", "a t-SNE map")
    if "umap" in methods:
        _umap_package()


def lay_out(
    space: str, points: Floats, photos: Floats, near: Neighbours, methods: Sequence[str], seed: int, quiet: bool
) -> Iterator[Layout]:
    """The layouts of ``points`` (N x D) by every method, each in 2D, in 3D and, made of that, on the sphere.

    ``photos`` (P x D) are placed on the finished map and do not move it: on PCA's by the same projection, on the others
    at the median of their nearest points, whose rows ``near`` holds.
    """
    makers: dict[str, Callable[[NDArray[Any], int, int], Floats]] = {"tsne": _tsne, "umap": _umap}
    middle, axes = principal_axes(points, _KEPT)
    reduced, beside = (points - middle) @ axes.T, (photos - middle) @ axes.T
    with progress(2 * len(methods), f"laying out {space}", "maps", shown=not quiet) as bar:
        for method in methods:
            for dimensions in (2, 3):
                if method == "pca":
                    laid, placed = _scaled(reduced[:, :dimensions], beside[:, :dimensions])
                else:
                    made = makers[method](reduced, dimensions, seed)
                    laid, placed = _scaled(made, np.median(made[near.photos[:, :AROUND]], axis=1))
                yield Layout(space, method, f"{dimensions}d", laid, placed)
                bar.update()
            middle = np.median(laid, axis=0)  # most directions from there have faces
            yield Layout(space, method, "sphere", _onto_sphere(laid - middle), _onto_sphere(placed - middle))


def principal_axes(points: Floats, count: int) -> tuple[Floats, Floats]:
    """The mean (D) and the ``count`` or fewer orthonormal directions (K x D) in which points vary most, most first.

    Each direction has the sign that makes its largest entry positive, so that the same points give the same map.
    """
    middle = points.mean(0, dtype=np.float64)
    apart = points - middle
    _, vectors = np.linalg.eigh(apart.T @ apart)
    axes = vectors.T[::-1][: max(3, min(count, points.shape[1]))]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
    return middle.astype(np.float32), (axes * np.sign(largest)).astype(np.float32)


def gaps(layout: Layout) -> Floats:
    """For each point how far it lies from all points that come before it, (N,).

    Points come in the order in which each is the farthest from those before (Gonzalez, Clustering to minimize the
    maximum intercluster distance, 1985). Those with a gap of at least g are then at least g apart and leave no other
    farther than g from them: which of the faces to show on a map where each needs a place of width g.
    """
    columns = np.ascontiguousarray(layout.points.T)
    found = np.zeros(columns.shape[1], np.float32)
    nearest = np.full(columns.shape[1], np.inf, np.float32)
    flat = layout.shape == "2d"
    row = int(np.abs(columns).max(0).argmin())
    found[row] = 2 * np.abs(columns).max()  # the first has none before it: it is always shown
    for _ in range(columns.shape[1] - 1):
        apart = columns - columns[:, row : row + 1]
        # Faces on the flat map are squares beside each other; in space they turn, and only the distance counts.
        distance = np.abs(apart, out=apart).max(0) if flat else np.einsum("dn,dn->n", apart, apart)
        np.minimum(nearest, distance, out=nearest)
        row = int(nearest.argmax())
        if nearest[row] == 0:
            break  # only copies of those before are left
        found[row] = nearest[row] if flat else np.sqrt(nearest[row])
    return found


def _tsne(points: NDArray[Any], dimensions: int, seed: int) -> Floats:
    """t-SNE (van der Maaten and Hinton, 2008) by Barnes-Hut, from the principal axes (Kobak and Berens, 2019)."""
    manifold = require("sklearn.manifold", "map", "a t-SNE map")
    start = points[:, :dimensions]
    made: Any = manifold.TSNE(
        dimensions,
        perplexity=min(_PERPLEXITY, (len(points) - 1) / 3),
        init=start / start[:, 0].std() * 1e-4,
        learning_rate="auto",
        max_iter=_STEPS,
        # Eight subtrees a node instead of four: coarser in space, or it takes several times as long.
        angle=0.5 if dimensions == 2 else 0.8,
        random_state=seed,
        n_jobs=1,
    ).fit_transform(points)
    return np.asarray(made, np.float32)


def _umap(points: NDArray[Any], dimensions: int, seed: int) -> Floats:
    """UMAP (McInnes et al., arXiv:1802.03426), from the principal axes."""
    umap = _umap_package()
    made: Any = umap.UMAP(
        n_neighbors=min(15, len(points) - 1),
        n_components=dimensions,
        init=points[:, :dimensions],
        random_state=seed,
        n_jobs=1,  # what a seed allows
    ).fit_transform(points)
    return np.asarray(made, np.float32)


def _umap_package() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has no TensorFlow, which we do not use
        return require("umap", "map", "a UMAP map")


def _scaled(points: NDArray[Any], photos: NDArray[Any]) -> tuple[Floats, Floats]:
    """Both moved and scaled so that the middle of the points is 0 and the farthest of them at distance 1."""
    middle = (points.min(0) + points.max(0)) / 2
    reach = float(np.linalg.norm(points - middle, axis=1).max()) or 1.0
    return ((points - middle) / reach).astype(np.float32), ((photos - middle) / reach).astype(np.float32)


def _onto_sphere(points: Floats) -> Floats:
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.where(lengths > 0, points / np.maximum(lengths, 1e-12), np.array([0, 0, 1])).astype(np.float32)
