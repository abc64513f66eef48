from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesmith import FacesmithError, Model
from facesmith.latent.face_refs import Subject, save_latents, subjects


def test_seeds_are_the_faces_of_sample(linear_model: Model) -> None:
    found = subjects(linear_model, ["seed:7", "seed:7:3", "SEED:0:12"])
    assert [one.name for one in found] == ["seed:7", "seed:7:3", "seed:0:12"]
    assert np.array_equal(found[1].z, linear_model.latents(4, seed=7)[3])
    assert np.array_equal(linear_model.generate(found[2].z), linear_model.sample(1, 0, start=12))
    assert found[0].picture is None


def test_photos_and_all_else_come_in_the_order_they_were_named(linear_model: Model, photo: Path) -> None:
    pixels = np.asarray(Image.open(photo))
    mine = Subject("mine", linear_model.latents(1, seed=9)[0])
    found = subjects(linear_model, ["seed:1", photo, mine, photo.read_bytes(), str(photo), pixels], quiet=True)
    assert [one.name for one in found] == ["seed:1", "face.png", "mine", "photo", "face.png", "photo"]
    for one in (found[1], found[3], found[4], found[5]):
        assert one.picture is not None
        assert np.array_equal(one.picture, pixels)
        assert np.array_equal(one.z, linear_model.encode(pixels)[0])


def test_saved_latents_come_back_whole_or_by_number(linear_model: Model, tmp_path: Path) -> None:
    path = tmp_path / "latents.npz"
    z = linear_model.latents(3, seed=4)
    save_latents(path, ["face 0", "face 1", "face 2"], z)
    found = subjects(linear_model, [str(path), f"{path}:2", path])
    assert [one.name for one in found] == [f"face {i}" for i in (0, 1, 2, 2, 0, 1, 2)]
    assert np.array_equal(np.stack([one.z for one in found]), z[[0, 1, 2, 2, 0, 1, 2]])
    np.savez(tmp_path / "bare.npz", z=z)
    assert [one.name for one in subjects(linear_model, [tmp_path / "bare.npz"])] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed:", "write seed:7"),
        ("seed:-1", "write seed:7"),
        ("seed:x:1", "write seed:7"),
        ("seed:1:2:3", "write seed:7"),
        ("{here}/good.npz:3", "has latents 0 to 2, and none with the number '3'"),
        ("{here}/good.npz:-1", "none with the number '-1'"),
        ("{here}/good.npz:", "none with the number ''"),
        ("{here}/nothing.npz", "does not exist: facesmith encode"),
        ("{here}/nothing.npz:2", "does not exist: facesmith encode"),
        ("{here}/nothing.jpg", "does not exist: give a photo"),
        ("{here}/narrow.npz", r"shape \(2, 5\)"),
        ("{here}/broken.npz", "cannot be read as latents"),
        ("{here}/pickled.npz", "cannot be read as latents"),
        ("{here}/other.npz", "cannot be read as latents"),
        ("{here}/single.npz", "cannot be read as latents"),
        ("{here}/nan.npz", "not finite"),
        ("{here}/broken.jpg", "cannot be used"),
    ],
)
def test_what_is_no_face_is_one_sentence(linear_model: Model, tmp_path: Path, text: str, sentence: str) -> None:
    z = linear_model.latents(3)
    np.savez(tmp_path / "good.npz", z=z)
    np.savez(tmp_path / "narrow.npz", z=z[:2, :5])
    np.savez(tmp_path / "nan.npz", z=z * np.nan)
    np.savez(tmp_path / "other.npz", w=z)
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, z)
    np.savez(tmp_path / "pickled.npz", z=np.array([{"code": print}]), allow_pickle=True)
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 not really")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    with pytest.raises(FacesmithError, match=sentence):
        subjects(linear_model, [text.format(here=tmp_path)])


def test_nobody_is_one_sentence_and_so_is_a_photo_without_an_encoder(linear_model: Model, photo: Path) -> None:
    with pytest.raises(FacesmithError, match="no face was named"):
        subjects(linear_model, [])
    blind = Model(linear_model.path, {k: v for k, v in linear_model.card.items() if k != "encoder"}, "onnx")
    assert len(subjects(blind, ["seed:3"])) == 1
    with pytest.raises(FacesmithError, match="has no encoder"):
        subjects(blind, [photo])
