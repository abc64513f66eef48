import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import facesmith
from facesmith import FacesmithError, Model
from facesmith.metrics.similarity import psnr, ssim


class Colours:
    """A judge whose features are the mean colours of a face."""

    digest = "colours"

    def features(self, pictures: np.ndarray) -> np.ndarray:
        return np.asarray(pictures.mean((1, 2)), np.float32)


def test_encode_writes_latents_and_names(linear_model: Model, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "latents.npz"
    faces = facesmith.encode(linear_model, [photo, "seed:2"], out, quiet=True)
    with np.load(out) as file:
        assert file["z"].dtype == np.float32
        assert np.array_equal(file["z"], np.stack([face.z for face in faces]))
        assert file["names"].tolist() == ["face.png", "seed:2"]
    reencoded = facesmith.encode(linear_model, [out, f"{out}:0"], tmp_path / "again.npz", quiet=True)
    assert np.array_equal(reencoded[0].z, reencoded[2].z)
    assert np.array_equal(reencoded[1].z, linear_model.latents(1, seed=2)[0])
    with pytest.raises(FacesmithError, match="already exists"):
        facesmith.encode(linear_model, [photo], out)
    with pytest.raises(FacesmithError, match="end in .npz"):
        facesmith.encode(linear_model, [photo], tmp_path / "latents.npy")


def test_reconstruct_writes_faces_and_their_scores(linear_model: Model, photo: Path, tmp_path: Path) -> None:
    classifier: Any = Colours()
    scores = facesmith.reconstruct(linear_model, [photo, "seed:2"], tmp_path / "out", classifier=classifier, quiet=True)
    assert json.loads((tmp_path / "out" / "scores.json").read_text()) == scores
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"sheet.png", "scores.json", "latents.npz"}
    originals = np.stack([np.asarray(Image.open(photo)), linear_model.sample(1, 2)[0]])
    results = linear_model.generate(linear_model.encode(originals))
    for row, face in enumerate(scores["faces"]):
        assert face["encoded"]["psnr"] == pytest.approx(psnr(originals, results)[row])
        assert face["encoded"]["ssim"] == pytest.approx(ssim(originals, results)[row])
        a, b = originals[row].mean((0, 1)), results[row].mean((0, 1))
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert face["encoded"]["feature_distance"] == pytest.approx(1 - cosine, abs=1e-5)
    assert scores["mean"]["encoded"]["psnr"] == pytest.approx(psnr(originals, results).mean())
    assert scores["faces"][1]["encoded"]["psnr"] > 30, "a generated face lies on the model's own plane"
    with np.load(tmp_path / "out" / "latents.npz") as file:
        assert np.array_equal(file["z"], linear_model.encode(originals))
    with Image.open(tmp_path / "out" / "sheet.png") as sheet:
        assert np.array_equal(
            np.asarray(sheet)[6 : 6 + 128 : 4, 6 : 6 + 256 : 4], np.hstack([originals[0], results[0]])
        )


def test_an_invalid_reconstruction_is_refused(linear_model: Model, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="invalid refine=-1"):
        facesmith.reconstruct(linear_model, ["seed:1"], tmp_path / "out", refine=-1)
    blind = Model(linear_model.path, {k: v for k, v in linear_model.card.items() if k != "encoder"}, "onnx")
    with pytest.raises(FacesmithError, match="has no encoder"):
        facesmith.reconstruct(blind, ["seed:1"], tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()
