"""The files of a makeover, their content, and unusable photos."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import facesmith
from facesmith import FacesmithError, Makeover
from facesmith.images.decode import ORIENTATION
from facesmith.tasks.makeover import apply

Noise = Callable[[int, int], np.ndarray]
FULL = 38  # the grey levels that the test makeovers add, rounded


def save(pixels: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_photos_and_folders_of_photos_are_accepted(plain: Makeover, noise: Noise, tmp_path: Path) -> None:
    photo = save(noise(32, 32), tmp_path / "one.png")
    for name in ("b/deep/last.jpg", "b/me.png", "a/me.png"):
        save(noise(40, 60), tmp_path / "album" / name)
    (tmp_path / "album" / "notes.txt").touch()
    summary = facesmith.make_over(plain, [tmp_path / "album", photo], tmp_path / "out", quiet=True)
    assert [Path(face["photo"]).name for face in summary["faces"]] == ["me.png", "last.jpg", "me.png", "one.png"]
    assert [face["file"] for face in summary["faces"]] == ["me.png", "last.png", "me_.png", "one.png"]
    files = ["last.png", "makeover.json", "me.png", "me_.png", "one.png", "sheet.png"]
    assert names(tmp_path / "out") == files
    assert json.loads((tmp_path / "out" / "makeover.json").read_text()) == summary
    assert (summary["model"], summary["direction"], summary["strength"]) == ("0" * 64, "lighter", 1)
    assert summary["without"] == []
    assert (read(tmp_path / "out" / "one.png") - read(photo) == FULL).all()


def test_direction_strength_and_steps_are_applied(plain: Makeover, noise: Noise, tmp_path: Path) -> None:
    photos = [save(noise(32, 32), tmp_path / f"{number}.png") for number in range(3)]
    facesmith.make_over(plain, photos, tmp_path / "a", direction="redder", strength=0.5, steps=5, quiet=True)
    for photo in photos:
        assert np.abs(read(tmp_path / "a" / photo.name) - read(photo) - (FULL / 2, 0, 0)).max() <= 1
    strip = read(tmp_path / "a" / "sheet.png")[6 : 6 + 128, 6 : 6 + 5 * 128].reshape(32, 4, 5, 32, 4, 3)[:, 0, :, :, 0]
    change = (strip - read(photos[0])[:, None]).mean((0, 2))
    assert np.allclose(change[:, 0], np.linspace(0, FULL / 2, 5), atol=0.5)
    assert (change[:, 1:] == 0).all()


def test_file_names_are_unique(plain: Makeover, noise: Noise, tmp_path: Path) -> None:
    """Names differ from the sheet's, and also without regard to case."""
    photos = [save(noise(32, 32), tmp_path / name) for name in ("sheet.png", "a/Me.png", "b/me.png")]
    photos.append(photos[-1])
    summary = facesmith.make_over(plain, photos, tmp_path / "out", whole=True, quiet=True)
    assert [face["file"] for face in summary["faces"]] == ["sheet_.png", "Me.png", "me_.png", "me__.png"]
    for face, photo in zip(summary["faces"], photos, strict=True):
        assert (read(tmp_path / "out" / face["file"]) - read(photo) == FULL).all()
        assert (read(tmp_path / "out" / face["whole"]) - read(photo))[16, 16, 0] == FULL


def test_a_rotated_photo_is_set_upright(plain: Makeover, noise: Noise, tmp_path: Path) -> None:
    pixels = noise(48, 36)
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # a quarter turn clockwise
    Image.fromarray(np.rot90(pixels)).save(tmp_path / "phone.png", exif=exif)
    facesmith.make_over(plain, [tmp_path / "phone.png"], tmp_path / "out", whole=True, quiet=True)
    photo = read(tmp_path / "out" / "whole" / "phone.png")
    assert (photo[:6] == pixels[:6]).all(), "the square in the middle was cut"
    assert (photo[24, 10:26] - pixels[24, 10:26] == FULL).all()


def test_every_face_is_blended_back_in_place(of_faces: Makeover, party: Path, tmp_path: Path) -> None:
    summary = facesmith.make_over(of_faces, [party], tmp_path / "out", face="all", whole=True, quiet=True)
    assert names(tmp_path / "out") == ["makeover.json", "party_0.png", "party_1.png", "sheet.png", "whole/party.png"]
    photo = read(party)
    change = read(tmp_path / "out" / "whole" / "party.png") - photo
    outside = np.ones(photo.shape[:2], bool)
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
    for face in summary["faces"]:
        assert read(tmp_path / "out" / face["file"]).shape == (50, 40, 3)
        box_x, box_y, width, height = face["box"]
        middle = change[round(box_y + height / 2), round(box_x + width / 2)]
        assert (middle == FULL).all()
        across, down = (a * x + b * y + c for a, b, c in face["transform"])
        outside &= (across < -0.5) | (across > 39.5) | (down < -0.5) | (down > 49.5)
    assert (change[outside] == 0).all()
    assert outside.mean() > 0.5


def test_unusable_photos_are_reported_and_skipped(
    of_faces: Makeover, party: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "BLOCK", 2)  # so that a block has no face
    save(np.zeros((80, 80, 3), np.uint8), tmp_path / "dark.png")
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    photos = [tmp_path / "dark.png", tmp_path / "torn.jpg", party, tmp_path / "none.png"]
    summary = facesmith.make_over(of_faces, photos, tmp_path / "out", quiet=True)
    assert [face["file"] for face in summary["faces"]] == ["party.png"]
    assert [Path(failure["photo"]).name for failure in summary["without"]] == ["dark.png", "torn.jpg", "none.png"]
    reasons = ["no face was found in", "cannot be used", "not found"]
    assert all(reason in failure["reason"] for reason, failure in zip(reasons, summary["without"], strict=True))


def test_no_folder_is_written_without_a_usable_photo(of_faces: Makeover, tmp_path: Path) -> None:
    photos = [save(np.zeros((80, 80, 3), np.uint8), tmp_path / f"{number}.png") for number in range(2)]
    with pytest.raises(
        FacesmithError, match="none of the 2 photos can be used; the first error is: no face was found in .*0.png"
    ):
        facesmith.make_over(of_faces, photos, tmp_path / "out", quiet=True)
    with pytest.raises(FacesmithError, match="^no face was found in .*0.png"):
        facesmith.make_over(of_faces, photos[:1], tmp_path / "out", quiet=True)
    assert names(tmp_path) == ["0.png", "1.png"]


def test_invalid_arguments_are_refused_before_any_work(
    plain: Makeover, noise: Noise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = save(noise(32, 32), tmp_path / "one.png")
    monkeypatch.setattr(apply, "crop_faces", lambda *_, **__: pytest.fail("a photo was read"))
    (tmp_path / "empty").mkdir()
    invalid: list[tuple[dict[str, Any], str]] = [
        ({"direction": "mtf"}, "choose one of lighter, redder"),
        ({"strength": 2}, "invalid strength 2"),
        ({"steps": 1}, "invalid number of steps 1"),
        ({"steps": 33}, "invalid number of steps 33"),
        ({"video": "way.avi"}, "ends in .gif or .mp4"),
        ({"video": save(noise(32, 32), tmp_path / "two.gif")}, "already exists"),
        ({"photos": []}, "no photos"),
        ({"photos": [tmp_path / "empty"]}, "empty contains no images"),
        ({"out": photo}, "already exists"),
    ]
    for options, sentence in invalid:
        with pytest.raises(FacesmithError, match=sentence):
            facesmith.make_over(plain, **{"photos": [photo], "out": tmp_path / "out", **options})
    assert names(tmp_path) == ["one.png", "two.gif"]


def test_the_film_can_be_in_the_new_folder(plain: Makeover, noise: Noise, tmp_path: Path) -> None:
    photo = save(noise(32, 32), tmp_path / "one.png")
    facesmith.make_over(plain, [photo], tmp_path / "out", video=tmp_path / "out" / "way.gif", quiet=True)
    assert names(tmp_path / "out") == ["makeover.json", "one.png", "sheet.png", "way.gif"]


def test_a_sheet_is_limited_to_the_first_faces(
    plain: Makeover, noise: Noise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "BLOCK", 3)
    for number in range(10):
        save(noise(32, 32), tmp_path / "many" / f"{number:02d}.png")
    heights = []
    for max_images in (8, 20):  # two images per face
        monkeypatch.setattr(apply, "MAX_SHEET_IMAGES", max_images)
        summary = facesmith.make_over(plain, [tmp_path / "many"], tmp_path / f"{max_images}", quiet=True)
        assert len(summary["faces"]) == 10
        heights.append(read(tmp_path / f"{max_images}" / "sheet.png").shape[0])
    assert heights[1] == pytest.approx(5 / 4 * heights[0], rel=0.02), "4 faces in 1 column, 10 in 2"
