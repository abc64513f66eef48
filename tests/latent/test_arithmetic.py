import numpy as np
import pytest

from facesmith import FacesmithError
from facesmith.latent.arithmetic import analogy, analogy_grid, latent_path, lerp, slerp

A, B = np.array([3.0, 0, 0, 0]), np.array([0, 5.0, 0, 0])


def test_slerp_follows_the_arc_and_blends_lengths() -> None:
    third = slerp(1 / 3, A, B)
    assert np.allclose(third, [3 * np.cos(np.pi / 6), 5 * np.sin(np.pi / 6), 0, 0])
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 64))
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    assert np.allclose(np.linalg.norm(slerp(np.linspace(0, 1, 9), a, b), axis=1), np.linalg.norm(a))
    assert np.linalg.norm(lerp(0.5, a, b)) < 0.9 * np.linalg.norm(a)


@pytest.mark.parametrize("mix", [lerp, slerp])
def test_interpolation_is_exact_at_its_ends_and_clips_t(mix: object) -> None:
    a, b = np.random.default_rng(1).standard_normal((2, 5)).astype(np.float32)
    for t, end in ((0, a), (-2, a), (1, b), (7.5, b)):
        assert np.array_equal(mix(t, a, b), end)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("a", "b"),
    [(A, A), (A, 2 * A), (A, A + 1e-9), (A, 0 * A), (0 * A, A), (0 * A, 0 * A), (1e-30 * A, 1e-30 * A)],
)
def test_slerp_of_parallel_or_zero_vectors_is_linear(a: np.ndarray, b: np.ndarray) -> None:
    t = np.linspace(0, 1, 5)
    assert np.allclose(slerp(t, a, b), lerp(t, a, b), atol=1e-12)


@pytest.mark.parametrize("nudge", [0, 1e-12, 1e-5])
def test_slerp_between_opposite_vectors_avoids_the_origin(nudge: float) -> None:
    b = -2 * A + nudge
    path = slerp(np.linspace(0, 1, 7), A, b)
    assert np.allclose(np.linalg.norm(path, axis=1), np.linspace(3, 6, 7), rtol=1e-4)
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert steps.max() < 1.9 * steps.min(), "the way is smooth"


def test_slerp_is_continuous_at_the_smallest_angle() -> None:
    """Just above and below the angle where the formula is given up, the same point comes out."""
    for angle in (0.000999, 0.001001):
        b = 3 * np.array([np.cos(angle), np.sin(angle), 0, 0])
        assert np.allclose(slerp(0.5, A, b), [3 * np.cos(angle / 2), 3 * np.sin(angle / 2), 0, 0], atol=2e-6)


def test_t_and_the_latents_may_be_batches() -> None:
    a, b = np.random.default_rng(2).standard_normal((2, 3, 8))
    for mix in (lerp, slerp):
        mixed = mix([0.25, 0.5], a, b)
        assert mixed.shape == (2, 3, 8)
        assert np.array_equal(mixed[1, 2], mix(0.5, a[2], b[2]))


def test_an_analogy_grid_has_exact_corners_and_arc_sides() -> None:
    a, b, c = np.random.default_rng(3).standard_normal((3, 16)).astype(np.float32)
    grid = analogy_grid(a, b, c, rows=4, columns=7)
    assert grid.shape == (4, 7, 16)
    corners = grid[0, 0], grid[0, -1], grid[-1, 0], grid[-1, -1]
    assert all(np.array_equal(corner, want) for corner, want in zip(corners, (a, b, c, b - a + c), strict=True))
    assert np.allclose(grid[1, 0], slerp(1 / 3, a, c))
    assert np.allclose(grid[1, -1], slerp(1 / 3, b, analogy(a, b, c)))
    assert np.allclose(grid[1, 3], slerp(0.5, grid[1, 0], grid[1, -1]))


def test_an_open_path_holds_its_keyframes() -> None:
    keys = np.random.default_rng(4).standard_normal((3, 6)).astype(np.float32)
    for spherical in (True, False):
        path = latent_path(list(keys), 9, spherical=spherical)
        assert path.shape == (9, 6)
        assert np.array_equal(path[[0, 4, 8]], keys)
    assert np.allclose(latent_path(list(keys), 9, spherical=False)[2], (keys[0] + keys[1]) / 2)
    assert np.allclose(latent_path(list(keys), 9)[2], slerp(0.5, keys[0], keys[1]))


def test_a_loop_closes_without_a_repeated_frame() -> None:
    keys = np.random.default_rng(5).standard_normal((3, 6)).astype(np.float32)
    path = latent_path(list(keys), 12, loop=True)
    assert np.array_equal(path[[0, 4, 8]], keys)
    assert not np.array_equal(path[-1], path[0])
    assert np.allclose(path[-1], slerp(0.75, keys[2], keys[0]))
    closed_path = latent_path([A, B], 4, loop=True)
    assert np.allclose(closed_path[[1, 3]], slerp(0.5, A, B))


def test_an_invalid_path_or_grid_is_refused() -> None:
    with pytest.raises(FacesmithError, match="at least two faces, not 1"):
        latent_path([A], 5)
    with pytest.raises(FacesmithError, match="invalid number of frames 1"):
        latent_path([A, B], 1)
    with pytest.raises(FacesmithError, match="at least 2 rows and 2 columns"):
        analogy_grid(A, B, A, 1, 5)
