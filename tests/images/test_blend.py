"""Back in the photo: what changes, what must not, and at which resolution."""

from collections.abc import Callable

import numpy as np
import pytest

from facesmith.images import blend as blending
from facesmith.images.align import invert, scale_matrix, similarity_matrix
from facesmith.images.blend import FEATHER, blend_face
from facesmith.images.face_crop import FaceCrop

Noise = Callable[[int, int], np.ndarray]


def crop_at(to_photo: np.ndarray, height: int = 50, width: int = 40) -> FaceCrop:
    """A cut whose pixels lie in its photo where the matrix ``to_photo`` says."""
    return FaceCrop(np.full((height, width, 3), 100, np.uint8), None, invert(to_photo))


def places(crop: FaceCrop, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Of every pixel of the photo: whether it lies in the cut, and whether well inside it."""
    y, x = np.mgrid[:height, :width]
    high, wide = crop.image.shape[:2]
    across, down = (a * x + b * y + c for a, b, c in crop.transform)
    depth = np.minimum(np.minimum(across + 0.5, wide - 0.5 - across) / wide,
                       np.minimum(down + 0.5, high - 0.5 - down) / high)  # fmt: skip
    return depth > 0, depth > FEATHER


@pytest.mark.parametrize(
    "rotation", [1, 4.7 * np.exp(0.4j), 0.31 * np.exp(-0.2j)], ids=["as large", "larger", "smaller"]
)
def test_blending_changes_only_pixels_inside_the_crop(rotation: complex, noise: Noise) -> None:
    photo = noise(300, 340)
    original = photo.copy()
    crop = crop_at(similarity_matrix(rotation, 150 + 60j))
    changed = np.asarray(crop.image + np.array([30, -20, 0]), np.uint8)
    change = blend_face(photo, crop, changed).astype(int) - photo
    within, well_within = places(crop, *photo.shape[:2])
    assert well_within.sum() > 50
    assert (change[well_within] == (30, -20, 0)).all(), "the photo's own detail stays, whatever the cut's resolution"
    assert (change[~within] == 0).all()
    rim = change[within & ~well_within]
    assert ((rim >= (0, -20, 0)) & (rim <= (30, 0, 0))).all()
    assert len(np.unique(rim[:, 0])) > 10, "it fades in"
    assert np.array_equal(photo, original), "the photo given is not written into"


def test_blending_an_unchanged_crop_returns_the_photo(noise: Noise) -> None:
    photo, crop = noise(200, 220), crop_at(similarity_matrix(2.3 + 0.4j, 60 + 30j))
    assert np.array_equal(blend_face(photo, crop, crop.image), photo)


def test_a_changed_pixel_is_blended_at_its_original_position() -> None:
    to_photo = similarity_matrix(3 * np.exp(0.5j), 120 + 40j)
    photo, crop = np.full((260, 300, 3), 100, np.uint8), crop_at(to_photo)
    changed = crop.image.copy()
    changed[30, 12] = 200
    weight = (blend_face(photo, crop, changed).astype(float) - photo)[..., 0].clip(0)
    y, x = np.mgrid[:260, :300]
    centre = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
    assert np.allclose(centre, to_photo @ (12, 30, 1), atol=0.2)


def test_detail_too_fine_for_a_small_face_is_averaged() -> None:
    photo, crop = np.full((100, 100, 3), 100, np.uint8), crop_at(similarity_matrix(0.25, 40 + 40j), 64, 64)
    changed = crop.image.copy()
    changed[::2] += 80  # every other row: on average 40
    change = blend_face(photo, crop, changed).astype(int) - photo
    _, well_within = places(crop, 100, 100)
    assert np.abs(change[well_within] - 40).max() <= 1


def test_a_crop_with_a_changed_aspect_is_blended_back(noise: Noise) -> None:
    photo = noise(40, 400)
    crop = FaceCrop(np.full((32, 32, 3), 100, np.uint8), None, scale_matrix(32 / 400, 32 / 40))
    change = blend_face(photo, crop, crop.image + np.uint8(25)).astype(int) - photo
    _, well_within = places(crop, 40, 400)
    assert (change[well_within] == 25).all()


def test_a_crop_may_extend_beyond_the_photo(noise: Noise) -> None:
    photo = noise(120, 100)
    for shift in (-60 - 90j, 70 + 80j):
        crop = crop_at(similarity_matrix(3, shift))
        change = blend_face(photo, crop, crop.image + np.uint8(25)).astype(int) - photo
        _, well_within = places(crop, 120, 100)
        assert well_within.any()
        assert (change[well_within] == 25).all()


def test_tiles_leave_no_seams(noise: Noise, monkeypatch: pytest.MonkeyPatch) -> None:
    photo, crop = noise(250, 240), crop_at(similarity_matrix(3.3 * np.exp(0.3j), 70 + 10j))
    changed = noise(50, 40)
    single = blend_face(photo, crop, changed)
    monkeypatch.setattr(blending, "TILE", 33)
    assert np.abs(blend_face(photo, crop, changed).astype(int) - single).max() <= 8, "OpenCV places in 32nds of a pixel"
