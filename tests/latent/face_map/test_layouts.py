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


def laid(points: np.ndarray, photos: np.ndarray, methods: list[str], seed: int = 0) -> dict[str, Layout]:
    made = make_layouts("latents", points, photos, find_neighbours(points, photos), methods, seed, quiet=True)
    return {layout.name: layout for layout in made}


def test_principal_axes_are_orthonormal_ordered_and_of_one_sign() -> None:
    points, _ = clusters()
    middle, axes = principal_axes(points, 5)
    np.testing.assert_allclose(axes @ axes.T, np.eye(5), atol=1e-5)
    assert (np.diff(((points - middle) @ axes.T).var(0)) < 0).all()
    np.testing.assert_allclose(principal_axes(points[::-1].copy(), 5)[1], axes, atol=1e-4)
    assert (np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1) > 0).all()


def test_pca_is_scaled_spherical_and_puts_a_photo_where_its_twin_lies() -> None:
    points, side = clusters()
    made = laid(points, points[[4, 7]], ["pca"])
    assert set(made) == {"latents_pca_2d", "latents_pca_3d", "latents_pca_sphere"}
    for layout in made.values():
        np.testing.assert_allclose(layout.photos, layout.points[[4, 7]], atol=1e-5)
    flat, ball = made["latents_pca_2d"].points, made["latents_pca_sphere"].points
    assert np.linalg.norm(flat, axis=1).max() == pytest.approx(1)
    np.testing.assert_allclose(np.linalg.norm(ball, axis=1), 1, atol=1e-5)
    assert flat[side == 0, 0].max() < flat[side == 1, 0].min() or flat[side == 1, 0].max() < flat[side == 0, 0].min()


SLOW = pytest.mark.skipif("FACESMITH_SLOW" not in os.environ, reason="numba compiles UMAP anew: set FACESMITH_SLOW")


@pytest.mark.parametrize("method", ["tsne", pytest.param("umap", marks=SLOW)])
def test_neighbour_maps_keep_clusters_apart_and_repeat_themselves(method: str) -> None:
    points, side = clusters()
    first = laid(points, points[[4]] + 0.01, [method])
    for shape in ("2d", "3d"):
        layout = first[f"latents_{method}_{shape}"]
        near = find_neighbours(layout.points, layout.photos)
        assert (side[near.points[:, 0]] == side).mean() > 0.9
        assert side[near.photos[0, 0]] == side[4]
        assert np.linalg.norm(layout.points, axis=1).max() == pytest.approx(1)
    again = next(
        make_layouts("latents", points, points[:0], find_neighbours(points, points[:0]), [method], 0, quiet=True)
    )
    assert np.array_equal(first[f"latents_{method}_2d"].points, again.points), "and a photo moves nobody"


@pytest.mark.parametrize("shape", ["2d", "3d", "sphere"])
def test_those_with_a_gap_have_it_and_leave_nobody_farther(shape: str) -> None:
    points = np.random.default_rng(2).standard_normal((80, 2 if shape == "2d" else 3)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1).max() if shape != "sphere" else np.linalg.norm(points, axis=1)[:, None]
    found = gaps(Layout("latents", "pca", shape, points, points[:0]))
    apart = points[:, None] - points[None]
    distance = np.abs(apart).max(2) if shape == "2d" else np.linalg.norm(apart, axis=2)
    for room in (0.05, 0.2, 0.5, 1.0):
        shown = np.flatnonzero(found >= room)
        assert all(distance[a, b] >= room - 1e-5 for a, b in itertools.combinations(shown, 2))
        assert (distance[:, shown].min(1) <= room + 1e-5).all()
    assert (found > 0).all()


def test_copies_have_no_gap_but_one() -> None:
    points = np.array([[0, 0], [1, 0], [1, 0], [1, 0]], np.float32)
    assert sorted(gaps(Layout("latents", "pca", "2d", points, points[:0])) > 0) == [False, False, True, True]


def test_methods_that_are_none_or_not_installed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FacesmithError, match="invalid method 'som'"):
        check_methods(["pca", "som"])
    with pytest.raises(FacesmithError, match="at least one method"):
        check_methods([])
    monkeypatch.setitem(sys.modules, "umap", None)
    check_methods(["pca"])
    with pytest.raises(FacesmithError, match=r"a UMAP map needs umap: pip install 'facesmith\[map\]'"):
        check_methods(["umap"])
