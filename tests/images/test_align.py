"""Similarities and the warp: geometry that is known exactly."""

from collections.abc import Callable

import numpy as np
import pytest

from facesmith.images.align import (
    TEMPLATE,
    align,
    alignment_matrix,
    fit_similarity,
    invert,
    scale_matrix,
    similarity_matrix,
    warp,
)
from facesmith.images.faces import Face


def face_at(points: np.ndarray) -> Face:
    """A face whose eyes and mouth are at three points."""
    eye, other, mouth = points
    return Face((0, 0, 1, 1), np.array([eye, other, mouth, mouth, mouth], np.float32), 1.0)


def transform_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def test_a_similarity_is_recovered_from_its_points() -> None:
    matrix = similarity_matrix(2.5 * np.exp(0.7j), 30 - 12j)
    assert fit_similarity(TEMPLATE, transform_points(TEMPLATE, matrix)) == pytest.approx(matrix)
    assert transform_points(transform_points(TEMPLATE, matrix), invert(matrix)) == pytest.approx(TEMPLATE)


def test_fit_similarity_minimises_the_squared_error() -> None:
    points = np.array([[0, 0], [10, 0], [5, 9]], float)
    target = points * (1.3, 0.8) + np.array([[1, 0], [0, 2], [-1, 1]])
    fitted = fit_similarity(points, target)

    def error(matrix: np.ndarray) -> float:
        return float(((transform_points(points, matrix) - target) ** 2).sum())

    for step in (1e-3, -1e-3):
        for nudge in (
            similarity_matrix(step, 0),
            similarity_matrix(1j * step, 0),
            similarity_matrix(0, step),
            similarity_matrix(0, 1j * step),
        ):
            assert error(fitted) < error(fitted + nudge)


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    mirrored = fit_similarity(TEMPLATE * (-1, 1), TEMPLATE)
    assert np.linalg.det(mirrored[:, :2]) > 0


def test_identical_points_give_a_finite_fit() -> None:
    assert np.isfinite(fit_similarity(np.ones((3, 2)), TEMPLATE)).all()


def test_a_shift_moves_pixels() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    shifted = warp(picture, similarity_matrix(1, 5 + 3j), 30, 20)
    assert (shifted[3:, 5:] == picture[:-3, :-5]).all()


@pytest.mark.parametrize("shrink", [1.3, 2, 3.7, 16])
def test_shrinking_averages(shrink: float) -> None:
    chess = np.indices((320, 320)).sum(0) % 2 * np.uint8(254)
    small = warp(np.repeat(chess[..., None], 3, 2).astype(np.uint8), scale_matrix(1 / shrink), 20, 20)
    assert np.abs(small[2:-2, 2:-2].astype(float) - 127).max() < (60 if shrink < 2 else 3)


@pytest.mark.parametrize("scale", [0.1, 0.3, 0.7, 1, 2.5])
def test_warp_follows_the_matrix_at_every_scale(scale: float) -> None:
    ramp = np.zeros((256, 256, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(256)[None], np.arange(256)[:, None]
    rotation = scale * np.exp(0.4j)
    matrix = similarity_matrix(rotation, 10 + 10j - rotation * (127 + 127j))
    expected = transform_points(np.array([[x, y] for y in range(20) for x in range(20)], float), invert(matrix))
    sampled = warp(ramp, matrix, 20, 20).reshape(-1, 3)[:, :2].astype(float)
    inside = ((expected > 12) & (expected < 243)).all(1)
    assert inside.sum() > 250
    assert np.abs(sampled - expected)[inside].max() < 1.2


def test_a_very_wide_photo_is_warped() -> None:
    wide = np.zeros((40, 40_000, 3), np.uint8)
    wide[:, 35_000:] = 200
    assert (warp(wide, similarity_matrix(1, -35_000), 30, 40) == 200).all()


def test_aligning_an_aligned_face_changes_nothing() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (218, 178, 3), dtype=np.uint8)
    difference = align(picture, face_at(TEMPLATE).landmarks).astype(int) - picture
    assert np.abs(difference).max() <= 1


def test_zoom_enlarges_the_aligned_face() -> None:
    face = face_at(transform_points(TEMPLATE, similarity_matrix(3 * np.exp(0.3j), 40 + 60j)))
    y, x = np.mgrid[:800, :800]
    picture = np.stack([x // 4, y // 4, (x + y) // 8], 2).astype(np.uint8)
    large = align(picture, face.landmarks, zoom=2)
    assert large.shape == (436, 356, 3)
    halved = large.reshape(218, 2, 178, 2, 3).mean((1, 3))
    assert np.abs(halved - align(picture, face.landmarks)).max() < 2.5
    eyes = transform_points(face.landmarks[:2].astype(float), alignment_matrix(face.landmarks))
    assert eyes == pytest.approx(TEMPLATE[:2], abs=0.01)


def test_beyond_its_edges_a_photo_is_mirrored_and_blurred(noise: Callable[[int, int], np.ndarray]) -> None:
    image = noise(40, 40)
    shifted = warp(image, np.array([[1.0, 0, 30], [0, 1, 0]]), 100, 40)
    assert np.array_equal(shifted[:, 30:70], image), "the photo itself stays as it is"
    mirrored = image[:, ::-1][:, -3:].astype(int)
    assert np.abs(shifted[:, 27:30] - mirrored).mean() < 40
    outside, inside = shifted[:, :10].astype(float), image.astype(float)
    assert outside.std(axis=(0, 1)).max() < inside.std(axis=(0, 1)).min() / 3
    assert np.allclose(outside.mean((0, 1)), inside.mean((0, 1)), atol=25)
