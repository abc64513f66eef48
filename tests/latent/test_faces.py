from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesmith import FacesmithError, Model
from facesmith.latent.faces import FaceLatent, load_faces
from facesmith.latent.latents_file import save_latents


@pytest.mark.parametrize(
    ("name", "is_generated"),
    [("seed:7", True), ("seed:7:3:0.7", True), ("seed:7~9:4:30@Male", True), ("seed:7.png", False), ("a.png", False)],
)
def test_names_of_seeds_are_generated_faces(name: str, is_generated: bool) -> None:
    assert FaceLatent(name, np.zeros(4, np.float32)).is_generated == is_generated


def test_a_seed_gives_the_face_of_sample(linear_model: Model) -> None:
    faces = load_faces(linear_model, ["seed:7", "seed:7:3", "SEED:0:12", "seed:7:3:0.7"])
    assert [face.name for face in faces] == ["seed:7", "seed:7:3", "seed:0:12", "seed:7:3:0.7"]
    assert np.array_equal(faces[1].z, linear_model.latents(4, seed=7)[3])
    assert np.array_equal(linear_model.generate(faces[2].z), linear_model.sample(1, 0, start=12))
    assert np.array_equal(linear_model.generate(faces[3].z), linear_model.sample(1, 7, start=3, truncation=0.7))
    assert faces[0].image is None


def test_faces_come_in_the_order_of_their_sources(linear_model: Model, photo: Path) -> None:
    pixels = np.asarray(Image.open(photo))
    latent = FaceLatent("mine", linear_model.latents(1, seed=9)[0])
    faces = load_faces(linear_model, ["seed:1", photo, latent, photo.read_bytes(), str(photo), pixels], quiet=True)
    assert [face.name for face in faces] == ["seed:1", "face.png", "mine", "photo", "face.png", "photo"]
    for face in (faces[1], faces[3], faces[4], faces[5]):
        assert face.image is not None
        assert np.array_equal(face.image, pixels)
        assert np.array_equal(face.z, linear_model.encode(pixels)[0])


def test_saved_latents_are_loaded_completely_or_by_row(linear_model: Model, tmp_path: Path) -> None:
    path = tmp_path / "latents.npz"
    z = linear_model.latents(3, seed=4)
    save_latents(path, ["face 0", "face 1", "face 2"], z)
    faces = load_faces(linear_model, [str(path), f"{path}:2", path])
    assert [face.name for face in faces] == [f"face {i}" for i in (0, 1, 2, 2, 0, 1, 2)]
    assert np.array_equal(np.stack([face.z for face in faces]), z[[0, 1, 2, 2, 0, 1, 2]])
    np.savez(tmp_path / "bare.npz", z=z)
    assert [face.name for face in load_faces(linear_model, [tmp_path / "bare.npz"])] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("photo:kq3Yh0aBcDeFgHiJkLmN-_", "studio session"),
        ("{here}/good.npz:3", "no row 3: choose 0 to 2"),
        ("{here}/nothing.npz", "nothing.npz does not exist"),
        ("{here}/nothing.npz:2", "nothing.npz does not exist"),
        ("{here}/nothing.jpg", "does not exist: pass a photo"),
        ("{here}/narrow.npz", r"shape \(2, 5\)"),
        ("{here}/broken.npz", "cannot be read as latents"),
        ("{here}/pickled.npz", "cannot be read as latents"),
        ("{here}/other.npz", "cannot be read as latents"),
        ("{here}/single.npz", "cannot be read as latents"),
        ("{here}/nan.npz", "nan.npz .*finite"),
        ("{here}/broken.jpg", "cannot be used"),
    ],
)
def test_an_unusable_source_is_refused(linear_model: Model, tmp_path: Path, text: str, sentence: str) -> None:
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
        load_faces(linear_model, [text.format(here=tmp_path)])


def test_loading_faces_needs_a_source_and_photos_need_an_encoder(linear_model: Model, photo: Path) -> None:
    with pytest.raises(FacesmithError, match="no faces: pass photos, seed:7"):
        load_faces(linear_model, [])
    blind = Model(linear_model.path, {k: v for k, v in linear_model.card.items() if k != "encoder"}, "onnx")
    assert len(load_faces(blind, ["seed:3"])) == 1
    with pytest.raises(FacesmithError, match="has no encoder"):
        load_faces(blind, [photo])
