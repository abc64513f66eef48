import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors import torch as safetensors

import facesmith
from facesmith import FacesmithError, Model
from facesmith.data.dataset import Dataset

FACE, GAP = 128, 2


@pytest.fixture(scope="module")
def styled_model(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A residual G of 32x32 whose blocks, which start as nothing, are given something to do."""
    folder = tmp_path_factory.mktemp("styled")
    run = facesmith.train(
        "small", builtin_dataset, folder / "run", kimg=0.032, quiet=True,
        settings=("generator_width=4", "discriminator_width=4", "batch_size=16", "threads=1", "precision=float32",
                  "memory_format=contiguous"),
    )  # fmt: skip
    path = max((run / "checkpoints").iterdir())
    state = safetensors.load_file(path)
    torch.manual_seed(0)
    for name in state:
        if name.startswith("average.") and "second.weight" in name:
            state[name] = 0.3 * torch.randn_like(state[name])
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["facesmith"])
    safetensors.save_file(state, path, {"facesmith": json.dumps(card | {"crc32": {}})})
    model: Model = facesmith.export(run, folder / "model")
    return model


def test_style_mix_changes_styles_from_the_level_on(styled_model: Model, tmp_path: Path) -> None:
    coarse, fine = ["seed:1", "seed:1:1"], ["seed:1", "seed:2", "seed:2:1"]
    changes = {}
    for level in (0, 2):
        out = facesmith.style_mix(styled_model, coarse, fine, tmp_path / f"{level}.png", level=level, quiet=True)
        picture = np.asarray(Image.open(out).convert("RGB"))
        left, top = picture.shape[1] - 4 * (FACE + GAP) - GAP, 25
        cells = [
            [
                picture[top + GAP + r * (FACE + GAP) :, left + GAP + c * (FACE + GAP) :][:FACE:4, :FACE:4]
                for c in range(4)
            ]
            for r in range(3)
        ]
        assert np.abs(cells[1][0].astype(int) - styled_model.sample(1, seed=1)[0]).max() <= 1
        assert np.abs(cells[1][1].astype(int) - cells[1][0]).max() <= 1, "seed:1 in its own style"
        changes[level] = np.abs(cells[1][2].astype(int) - cells[1][0]).mean()
    assert changes[0] > changes[2] > 0.5, "the fewer levels are styled anew, the less changes"


def test_an_invalid_style_mix_is_refused(styled_model: Model, small_model: Model, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="does not support style mixing"):
        facesmith.style_mix(small_model, ["seed:1"], ["seed:2"], tmp_path / "a.png", quiet=True)
    with pytest.raises(FacesmithError, match="level 9 .*use 0, 1, 2"):
        facesmith.style_mix(styled_model, ["seed:1"], ["seed:2"], tmp_path / "a.png", level=9, quiet=True)
