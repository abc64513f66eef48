"""Back in the photo: what changes, what must not, and at which resolution."""

from collections.abc import Callable

import numpy as np
import pytest

from facesmith.images import blend as blending
from facesmith.images.blend import FEATHER, blend_face
from facesmith.images.face_crop import FaceCrop
from facesmith.images.geometry import invert, scale_matrix, similarity_matrix

Noise = Callable[[int, int], np.ndarray]


def cut_at(back: np.ndarray, height: int = 50, width: int = 40) -> FaceCrop:
    """A cut whose pixels lie in its photo where the matrix ``back`` says."""
    return FaceCrop(np.full((height, width, 3), 100, np.uint8), None, invert(back))


def places(cut: FaceCrop, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Of every pixel of the photo: whether it lies in the cut, and whether well inside it."""
    y, x = np.mgrid[:height, :width]
    high, wide = cut.image.shape[:2]
    across, down = (a * x + b * y + c for a, b, c in cut.transform)
    depth = np.minimum(np.minimum(across + 0.5, wide - 0.5 - across) / wide,
                       np.minimum(down + 0.5, high - 0.5 - down) / high)  # fmt: skip
    return depth > 0, depth > FEATHER


@pytest.mark.parametrize("turn", [1, 4.7 * np.exp(0.4j), 0.31 * np.exp(-0.2j)], ids=["as large", "larger", "smaller"])
def test_inside_the_change_is_added_and_outside_nothing_moves(turn: complex, noise: Noise) -> None:
    photo = noise(300, 340)
    before = photo.copy()
    cut = cut_at(similarity_matrix(turn, 150 + 60j))
    made = np.asarray(cut.image + np.array([30, -20, 0]), np.uint8)
    after = blend_face(photo, cut, made).astype(int) - photo
    within, well_within = places(cut, *photo.shape[:2])
    assert well_within.sum() > 50
    assert (after[well_within] == (30, -20, 0)).all(), "the photo's own detail stays, whatever the cut's resolution"
    assert (after[~within] == 0).all()
    rim = after[within & ~well_within]
    assert ((rim >= (0, -20, 0)) & (rim <= (30, 0, 0))).all()
    assert len(np.unique(rim[:, 0])) > 10, "it fades in"
    assert np.array_equal(photo, before), "the photo given is not written into"


def test_what_has_not_changed_is_the_photo_to_the_bit(noise: Noise) -> None:
    photo, cut = noise(200, 220), cut_at(similarity_matrix(2.3 + 0.4j, 60 + 30j))
    assert np.array_equal(blend_face(photo, cut, cut.image), photo)


def test_a_spot_comes_back_where_it_was_cut_from() -> None:
    back = similarity_matrix(3 * np.exp(0.5j), 120 + 40j)
    photo, cut = np.full((260, 300, 3), 100, np.uint8), cut_at(back)
    made = cut.image.copy()
    made[30, 12] = 200
    weight = (blend_face(photo, cut, made).astype(float) - photo)[..., 0].clip(0)
    y, x = np.mgrid[:260, :300]
    centre = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
    assert np.allclose(centre, back @ (12, 30, 1), atol=0.2)


def test_a_change_too_fine_for_a_small_face_is_averaged_and_not_sampled() -> None:
    photo, cut = np.full((100, 100, 3), 100, np.uint8), cut_at(similarity_matrix(0.25, 40 + 40j), 64, 64)
    made = cut.image.copy()
    made[::2] += 80  # every other row: on average 40
    after = blend_face(photo, cut, made).astype(int) - photo
    _, well_within = places(cut, 100, 100)
    assert np.abs(after[well_within] - 40).max() <= 1


def test_a_cut_that_changed_the_aspect_goes_back_as_it_came(noise: Noise) -> None:
    photo = noise(40, 400)
    cut = FaceCrop(np.full((32, 32, 3), 100, np.uint8), None, scale_matrix(32 / 400, 32 / 40))
    after = blend_face(photo, cut, cut.image + np.uint8(25)).astype(int) - photo
    _, well_within = places(cut, 40, 400)
    assert (after[well_within] == 25).all()


def test_a_cut_may_reach_beyond_the_photo(noise: Noise) -> None:
    photo = noise(120, 100)
    for shift in (-60 - 90j, 70 + 80j):
        cut = cut_at(similarity_matrix(3, shift))
        after = blend_face(photo, cut, cut.image + np.uint8(25)).astype(int) - photo
        _, well_within = places(cut, 120, 100)
        assert well_within.any()
        assert (after[well_within] == 25).all()


def test_tiles_leave_no_seams(noise: Noise, monkeypatch: pytest.MonkeyPatch) -> None:
    photo, cut = noise(250, 240), cut_at(similarity_matrix(3.3 * np.exp(0.3j), 70 + 10j))
    made = noise(50, 40)
    at_once = blend_face(photo, cut, made)
    monkeypatch.setattr(blending, "TILE", 33)
    assert np.abs(blend_face(photo, cut, made).astype(int) - at_once).max() <= 8, "OpenCV places in 32nds of a pixel"
