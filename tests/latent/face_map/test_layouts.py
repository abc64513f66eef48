import itertools
import os
import sys

import numpy as np
import pytest

from facesmith.errors import FacesmithError
from facesmith.latent.face_map.layouts import Layout, check_methods, gaps, make_layouts, principal_axes
from facesmith.latent.face_map.projection import find_neighbours


def clusters(count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Points of 8 dimensions in two far clusters, and which of the two each is in."""
    rng = np.random.default_rng(1)
    side = np.arange(count) % 2
    return (rng.standard_normal((count, 8)) + 12 * side[:, None]).astype(np.float32), side


def layouts_of(points: np.ndarray, photos: np.ndarray, methods: list[str], seed: int = 0) -> dict[str, Layout]:
    layouts = make_layouts("latents", points, photos, find_neighbours(points, photos), methods, seed, quiet=True)
    return {layout.name: layout for layout in layouts}


def test_principal_axes_are_orthonormal_ordered_and_positive() -> None:
    points, _ = clusters()
    middle, axes = principal_axes(points, 5)
    np.testing.assert_allclose(axes @ axes.T, np.eye(5), atol=1e-5)
    assert (np.diff(((points - middle) @ axes.T).var(0)) < 0).all()
    np.testing.assert_allclose(principal_axes(points[::-1].copy(), 5)[1], axes, atol=1e-4)
    assert (np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1) > 0).all()


def test_pca_layouts_are_scaled_and_place_photos() -> None:
    points, side = clusters()
    layouts = layouts_of(points, points[[4, 7]], ["pca"])
    assert set(layouts) == {"latents_pca_2d", "latents_pca_3d", "latents_pca_sphere"}
    for layout in layouts.values():
        np.testing.assert_allclose(layout.photos, layout.points[[4, 7]], atol=1e-5)
    flat, ball = layouts["latents_pca_2d"].points, layouts["latents_pca_sphere"].points
    assert np.linalg.norm(flat, axis=1).max() == pytest.approx(1)
    np.testing.assert_allclose(np.linalg.norm(ball, axis=1), 1, atol=1e-5)
    assert flat[side == 0, 0].max() < flat[side == 1, 0].min() or flat[side == 1, 0].max() < flat[side == 0, 0].min()


SLOW = pytest.mark.skipif("FACESMITH_SLOW" not in os.environ, reason="numba compiles UMAP anew: set FACESMITH_SLOW")


@pytest.mark.parametrize("method", ["tsne", pytest.param("umap", marks=SLOW)])
def test_neighbour_layouts_separate_clusters_and_are_repeatable(method: str) -> None:
    points, side = clusters()
    first = layouts_of(points, points[[4]] + 0.01, [method])
    for shape in ("2d", "3d"):
        layout = first[f"latents_{method}_{shape}"]
        nearest = find_neighbours(layout.points, layout.photos)
        assert (side[nearest.points[:, 0]] == side).mean() > 0.9
        assert side[nearest.photos[0, 0]] == side[4]
        assert np.linalg.norm(layout.points, axis=1).max() == pytest.approx(1)
    repeated = next(
        make_layouts("latents", points, points[:0], find_neighbours(points, points[:0]), [method], 0, quiet=True)
    )
    assert np.array_equal(first[f"latents_{method}_2d"].points, repeated.points), "and a photo moves nobody"


@pytest.mark.parametrize("shape", ["2d", "3d", "sphere"])
def test_points_with_a_gap_cover_the_map_at_that_distance(shape: str) -> None:
    points = np.random.default_rng(2).standard_normal((80, 2 if shape == "2d" else 3)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1).max() if shape != "sphere" else np.linalg.norm(points, axis=1)[:, None]
    point_gaps = gaps(Layout("latents", "pca", shape, points, points[:0]))
    offsets = points[:, None] - points[None]
    distance = np.abs(offsets).max(2) if shape == "2d" else np.linalg.norm(offsets, axis=2)
    for spacing in (0.05, 0.2, 0.5, 1.0):
        selected = np.flatnonzero(point_gaps >= spacing)
        assert all(distance[a, b] >= spacing - 1e-5 for a, b in itertools.combinations(selected, 2))
        assert (distance[:, selected].min(1) <= spacing + 1e-5).all()
    assert (point_gaps > 0).all()


def test_copies_of_a_point_share_one_gap() -> None:
    points = np.array([[0, 0], [1, 0], [1, 0], [1, 0]], np.float32)
    assert sorted(gaps(Layout("latents", "pca", "2d", points, points[:0])) > 0) == [False, False, True, True]


def test_unknown_or_missing_map_methods_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FacesmithError, match="invalid method 'som'"):
        check_methods(["pca", "som"])
    with pytest.raises(FacesmithError, match="at least one method"):
        check_methods([])
    monkeypatch.setitem(sys.modules, "umap", None)
    check_methods(["pca"])
    with pytest.raises(FacesmithError, match=r"UMAP .* umap: pip install 'facesmith\[map\]'"):
        check_methods(["umap"])
