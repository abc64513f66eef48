import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import facesmith
from facesmith import FacesmithError, Model
from facesmith.latent.refine import DEFAULT_STEPS, PRIOR_WEIGHT, refine, refinement_loss, refinement_steps
from facesmith.networks import build as networks


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """A small generator, untrained but of much contrast: what it makes depends on every latent."""
    network = {
        "family": "dcgan", "size": [16, 16], "latent_size": 8, "generator_width": 8, "discriminator_width": 8,
        "kernel": 4, "bias": True, "generator_norm": True, "discriminator_norm": False,
    }  # fmt: skip
    net = networks.from_card(network)
    weights = {
        name: (tensor * 12 if tensor.ndim > 1 else tensor).contiguous() for name, tensor in net.state_dict().items()
    }
    save_file(weights, tmp_path / "generator.safetensors")
    card = {
        "format": "facesmith-model",
        "version": 1,
        "name": "contrast",
        "digest": "0" * 64,
        "network": network,
        "latent": "normal",
        "dataset": {"source": {"kind": "builtin"}},
    }
    (tmp_path / "model.json").write_text(json.dumps(card))
    return facesmith.load(tmp_path, backend="torch")


def test_refining_reduces_the_error_of_each_face_independently(model: Model) -> None:
    z = model.latents(3, seed=1)
    pictures = model.generate(z)
    start = (z + np.random.default_rng(0).standard_normal(z.shape) * 0.5).astype(np.float32)
    original = start.copy()
    refined = refine(model, pictures, start, 30, quiet=True)

    def error(latents: np.ndarray) -> np.ndarray:
        return np.asarray(((model.generate(latents).astype(float) - pictures) ** 2).mean((1, 2, 3)))

    assert error(start).min() > 100, "there was something to do"
    assert np.array_equal(start, original)
    assert (error(refined) < 0.5 * error(start)).all()
    single = refine(model, pictures[1:2], start[1:2], 30, quiet=True)
    assert np.allclose(single, refined[1:2], atol=1e-3)
    assert np.array_equal(refine(model, pictures, start, 30, quiet=True), refined)
    steps: list[int] = []
    refine(model, pictures, start, 3, on_step=steps.append, quiet=True)
    assert steps == [1, 2, 3]


def test_the_refinement_loss_has_a_pixel_and_a_prior_term() -> None:
    generated, targets = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    generated[1] = 0.5
    z = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    assert refinement_loss(generated, targets, z).tolist() == pytest.approx([PRIOR_WEIGHT * 12.5, 0.25])


def test_no_steps_are_one_sentence(model: Model) -> None:
    with pytest.raises(FacesmithError, match="at least 1"):
        refine(model, model.sample(1), model.latents(1), 0)


def test_photos_are_refined_by_default_where_torch_and_weights_are(
    model: Model, linear_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refinement_steps(model, None) == DEFAULT_STEPS
    assert refinement_steps(model, 0) == 0
    assert refinement_steps(linear_model, None) == 0, "it has no weights, only ONNX"
    monkeypatch.setattr("facesmith.latent.refine.find_spec", lambda _: None)
    assert refinement_steps(model, None) == 0
    with pytest.raises(FacesmithError, match="refine=-1"):
        refinement_steps(model, -1)
