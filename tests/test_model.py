import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import facesmith
from facesmith import FacesmithError, Model


def test_a_face_of_a_seed_is_the_same_whatever_the_count_and_the_start(small_model: Model) -> None:
    whole = small_model.sample(40, seed=7)
    assert whole.shape == (40, 32, 32, 3)
    assert whole.dtype == np.uint8
    for start, count in ((0, 1), (0, 16), (5, 3), (15, 2), (16, 16), (33, 7)):
        assert np.array_equal(small_model.sample(count, seed=7, start=start), whole[start : start + count])
    assert not np.array_equal(small_model.sample(40, seed=8), whole)
    assert len({face.tobytes() for face in whole}) == 40


def test_both_backends_make_the_same_faces(small_model: Model) -> None:
    torch_model = facesmith.load(small_model.path, backend="torch")
    difference = np.abs(torch_model.sample(32).astype(int) - small_model.sample(32))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001


def test_generate_takes_latents_and_gives_arrays_or_pil(small_model: Model) -> None:
    z = small_model.latents(3, seed=2)
    assert z.shape == (3, small_model.latent_size)
    assert np.array_equal(small_model.generate(z), small_model.sample(3, seed=2))
    assert np.array_equal(small_model.generate(z[0]), small_model.sample(1, seed=2))
    pictures = small_model.sample(2, pil=True)
    assert isinstance(pictures[0], Image.Image)
    assert pictures[0].size == small_model.size == (32, 32)


def test_truncation_draws_faces_together(small_model: Model) -> None:
    spread = [small_model.sample(32, truncation=psi).astype(float).std(0).mean() for psi in (0.0, 0.5, 1.0)]
    assert spread[0] == 0
    assert spread[0] < spread[1] < spread[2]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda m: m.sample(-1), "count is -1"),
        (lambda m: m.sample(1, seed=-1), "seed is -1"),
        (lambda m: m.sample(1, truncation=float("nan")), "truncation"),
        (lambda m: m.generate(np.zeros((2, 5))), r"shape \(N, 64\)"),
        (lambda m: m.generate(np.full((1, 64), np.nan)), "not finite"),
    ],
)
def test_a_wrong_request_is_one_sentence(small_model: Model, call: object, sentence: str) -> None:
    with pytest.raises(FacesmithError, match=sentence):
        call(small_model)  # type: ignore[operator]


def test_no_faces_are_no_faces(small_model: Model) -> None:
    assert small_model.sample(0).shape == (0, 32, 32, 3)


def test_what_is_not_a_model_is_one_sentence(small_model: Model, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="does not exist"):
        facesmith.load(tmp_path / "nothing")
    with pytest.raises(FacesmithError, match=r"no model\.json"):
        facesmith.load(tmp_path)
    with pytest.raises(FacesmithError, match="onnx or torch"):
        facesmith.load(small_model.path, backend="jax")
    copy = tmp_path / "copy"
    shutil.copytree(small_model.path, copy)
    (copy / "generator.onnx").write_bytes(b"not a network")
    with pytest.raises(FacesmithError, match="export the model again"):
        facesmith.load(copy)
    (copy / "generator.safetensors").write_bytes(b"not weights")
    with pytest.raises(FacesmithError, match="export the model again"):
        facesmith.load(copy, backend="torch")
    card = json.loads((copy / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps(card | {"version": 99}))
    with pytest.raises(FacesmithError, match="version 99"):
        facesmith.load(copy)


def test_a_model_is_loaded_from_the_hub(small_model: Model, hub: Any) -> None:
    hub.files["someone/faces"] = {path.name: path.read_bytes() for path in small_model.path.iterdir()}
    loaded = facesmith.load("someone/faces")
    assert loaded.digest == small_model.digest
    assert np.array_equal(loaded.sample(3), small_model.sample(3))
    assert not any("samples.png" in asked for asked in hub.asked), "only what is needed is fetched"


def test_a_model_that_is_nowhere_is_one_sentence(hub: Any) -> None:
    with pytest.raises(FacesmithError, match="no model folder someone/nothing here, and someone/nothing was not found"):
        facesmith.load("someone/nothing")
