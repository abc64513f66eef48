import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

import facesmith
from facesmith import Makeover
from facesmith.data.dataset import Dataset
from facesmith.networks import build as networks
from facesmith.runs.checkpoints import list_checkpoints
from facesmith.training import checkpoint

SETTINGS = ("width=4", "blocks=1", "discriminator_width=4", "batch_size=8", "threads=1", "precision=float32",
            "memory_format=channels_last", "score_kimg=0", "learning_rate=0.01",
            "directions=No_Beard > Mouth_Slightly_Open; back: Mouth_Slightly_Open > No_Beard")  # fmt: skip


@pytest.fixture(scope="module")
def run(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("makeover") / "run"
    return facesmith.train("makeover+", builtin_dataset, folder, settings=SETTINGS, kimg=0.08, quiet=True)


def test_an_exported_makeover_equals_the_run_without_faces(run: Path, builtin_dataset: Dataset, tmp_path: Path) -> None:
    makeover = facesmith.export(run, tmp_path / "made")
    assert isinstance(makeover, Makeover)
    assert {path.name for path in makeover.path.iterdir()} == {
        "makeover.json", "makeover.safetensors", "makeover.onnx", "README.md",
    }  # fmt: skip
    card = makeover.card
    assert (card["family"], card["size"], card["onnx_parity"] < 1e-3) == ("masked", [32, 32], True)
    assert card["digest"] == hashlib.sha256((makeover.path / "makeover.safetensors").read_bytes()).hexdigest()
    assert [entry["name"] for entry in makeover.directions] == ["a", "back"]
    assert [entry["source"] for entry in card["counts"]] == [154, 118]
    readme = (makeover.path / "README.md").read_text()
    assert "| back | `Mouth_Slightly_Open` | `No_Beard` | 118, 154 | 29, 37 |" in readme
    assert "dicebear" in readme.lower(), "who drew the faces is credited"

    net = networks.from_card(card["network"], "makeover").eval()
    net.load_state_dict(checkpoint.load_ema(list_checkpoints(run / "checkpoints")[-1], "G"))
    faces = np.array(builtin_dataset.images[:3])
    x = torch.from_numpy(faces).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        expected = net(x, torch.tensor([[0.0, 0.6]]).expand(3, 2)).permute(0, 2, 3, 1) * 127.5 + 127.5
    result = makeover.apply(faces, "back", 0.6)
    assert np.abs(result - expected.round().clamp(0, 255).numpy()).max() <= 1
    assert np.abs(result.astype(int) - faces).max() > 1, "it has learned to change something"
    assert np.array_equal(makeover.apply(faces, "back", 0.0), faces)


def test_half_precision_halves_both_files(run: Path, tmp_path: Path) -> None:
    half = facesmith.export(run, tmp_path / "half", half=True)
    assert half.card["weights"] == "float16"
    assert half.card["onnx_parity"] < 1e-4, "both compute in float32 from the same rounded weights"
    for name, overhead in (("safetensors", 4_000), ("onnx", 20_000)):
        size = (half.path / f"makeover.{name}").stat().st_size
        assert size < 2 * half.card["parameters"] + overhead, name


def test_a_deep_makeover_run_without_classifier_is_exported(builtin_dataset: Dataset, tmp_path: Path) -> None:
    settings = ("directions=No_Beard > Mouth_Slightly_Open", "batch_size=4", "threads=1", "precision=float32",
                "memory_format=channels_last", "score_kimg=0.02", "score_count=100", "score_share=1000")  # fmt: skip
    run = facesmith.train("makeover", builtin_dataset, tmp_path / "run", settings=settings, kimg=0.02, quiet=True)
    makeover = facesmith.export(run, tmp_path / "made", half=True)
    assert isinstance(makeover, Makeover)
    assert (makeover.card["family"], makeover.card["weights"], makeover.card["parameters"]) == (
        "deep_makeover",
        "float16",
        594_091,
    )
    faces = np.asarray(builtin_dataset.images[:2])
    assert makeover.apply(faces).shape == faces.shape
    assert np.array_equal(makeover.apply(faces, strength=0.0), faces)
    readme = (makeover.path / "README.md").read_text()
    assert "10⁻³ to target faces" in readme
    assert "by the classifier" not in readme, "it learned without a classifier"
