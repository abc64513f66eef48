import hashlib
from pathlib import Path

import numpy as np
import pytest

import facesmith
from facesmith import Model
from facesmith.data.dataset import Dataset
from facesmith.latent.faces import load_faces
from facesmith.latent.refine import refine
from facesmith.models.front_matter import strip_front_matter


@pytest.fixture(scope="module")
def run(builtin_dataset: Dataset, small_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = ("batch_size=16", "threads=1", "precision=float32", "memory_format=channels_last", "score_kimg=0.16",
                "score_count=100", "score_share=1000")  # fmt: skip
    folder = tmp_path_factory.mktemp("encoder") / "run"
    return facesmith.train(
        "encoder", builtin_dataset, folder, model=small_model.path, settings=settings, kimg=0.16, quiet=True
    )


def test_an_exported_model_has_the_old_generator_and_encodes(
    run: Path, small_model: Model, builtin_dataset: Dataset, tmp_path: Path
) -> None:
    model = facesmith.export(run, tmp_path / "new")
    for name in ("generator.safetensors", "samples.png"):
        assert (model.path / name).read_bytes() == (small_model.path / name).read_bytes()
    assert np.abs(model.sample(16).astype(int) - small_model.sample(16)).max() <= 1, "generator.onnx was written anew"
    card, new_keys = model.card, ("name", "onnx_parity")
    assert {key: card[key] for key in small_model.card if key not in new_keys} == {
        key: value for key, value in small_model.card.items() if key not in new_keys
    }
    encoder = card["encoder"]
    assert encoder["digest"] == hashlib.sha256((model.path / "encoder.safetensors").read_bytes()).hexdigest()
    assert encoder["onnx_parity"] < 1e-3
    assert encoder["trained"]["recipe"] == "encoder"
    assert encoder["learned_from"] + encoder["held_out"] == 256
    faces = np.asarray(builtin_dataset.images[:20])
    z = model.encode(faces)
    assert z.shape == (20, model.latent_size + model.detail_size)
    assert np.isfinite(z).all()
    assert np.abs(z - facesmith.load(model.path, "torch").encode(faces)).max() < 1e-3
    readme = (model.path / "README.md").read_text()
    assert strip_front_matter(readme).startswith("# new\n")
    assert encoder["digest"] in readme
    assert f"| `detail` | 1 or N x {model.detail_size} |" in readme
    assert [readme.count(heading) for heading in ("## ONNX", "## Encoder", "## Files")] == [1, 1, 1]
    assert str(small_model.path) not in readme, "where its maker kept the model is nobody's business"


def test_a_second_encoder_replaces_the_first(run: Path, builtin_dataset: Dataset, tmp_path: Path) -> None:
    first = facesmith.export(run, tmp_path / "first", half=True)
    assert (first.path / "encoder.safetensors").stat().st_size < 2 * first.card["encoder"]["parameters"] + 4_000
    second_run = facesmith.train(
        "encoder", builtin_dataset, tmp_path / "run", model=first.path, kimg=0.064, quiet=True,
        settings=("batch_size=16", "threads=1", "precision=float32", "memory_format=channels_last", "seed=1"),
    )  # fmt: skip
    second = facesmith.export(second_run, tmp_path / "second")
    assert second.card["encoder"]["digest"] != first.card["encoder"]["digest"]
    assert (second.path / "README.md").read_text().count("## Encoder") == 1


def test_refinement_uses_the_residual_latent(run: Path, builtin_dataset: Dataset, tmp_path: Path) -> None:
    model = facesmith.export(run, tmp_path / "model")
    photos = np.asarray(builtin_dataset.images[:4])
    z = model.encode(photos)

    def error(latents: np.ndarray) -> float:
        return float(np.square(model.generate(latents).astype(float) - photos).mean())

    refined = refine(model, photos, z, 40, quiet=True)
    refined_z = refine(model, photos, z[:, : model.latent_size], 40, quiet=True)
    assert refined.shape == z.shape
    faces = load_faces(model, list(photos), aligned=True, refine=40, quiet=True)
    assert np.array_equal(np.stack([face.z for face in faces]), refined), "what every command does with --refine"
    assert error(refined) < error(refined_z)
    assert error(refined_z) < error(z[:, : model.latent_size])


@pytest.mark.parametrize("half", [False, True])
def test_shared_weights_give_the_same_faces_from_a_smaller_folder(
    half: bool, encoder_run: Path, tmp_path: Path
) -> None:
    def size(folder: Path) -> int:
        return sum((folder / name).stat().st_size for name in ("generator.onnx", "encoder.onnx"))

    whole = facesmith.export(encoder_run, tmp_path / "whole", half=half)
    facesmith.export(encoder_run, tmp_path / "shared", half=half, share=True)
    moved = (tmp_path / "shared").rename(tmp_path / "caf\udce9")  # the files refer to each other by name only
    shared = facesmith.load(moved)
    images = whole.sample(5)
    assert np.array_equal(shared.sample(5), images)
    assert np.array_equal(shared.encode(images), whole.encode(images))
    assert size(moved) < 0.7 * size(whole.path)
