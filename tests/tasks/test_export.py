import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import facesmith
from facesmith import FacesmithError, Model

SCORE = {"kid": 0.031, "fid": 87.5, "count": 256}


@pytest.fixture
def scored_run(small_run: Path, tmp_path: Path) -> Path:
    """Return a copy of `small_run` with scores, of which the checkpoint at 0.32 kimg is the best."""
    run = tmp_path / "scored"
    shutil.copytree(small_run, run)
    with safe_open(run / "checkpoints" / "000000.320.safetensors", "pt") as file:
        average = {name: file.get_tensor(name) for name in file.keys() if name.startswith("average.")}  # noqa: SIM118
        card = json.loads(file.metadata()["facesmith"]) | {"score": SCORE}
    save_file(average, run / "best.safetensors", {"facesmith": json.dumps(card)})
    return run


def test_a_model_folder_has_a_card_and_no_executable_code(small_model: Model) -> None:
    names = {path.name for path in small_model.path.iterdir()}
    assert names == {"model.json", "generator.safetensors", "generator.onnx", "README.md", "samples.png"}
    card = json.loads((small_model.path / "model.json").read_text())
    assert card["digest"] == hashlib.sha256((small_model.path / "generator.safetensors").read_bytes()).hexdigest()
    assert card["onnx_parity"] < 1e-3
    assert card["trained"]["recipe"] == "tiny"
    readme = (small_model.path / "README.md").read_text()
    assert card["digest"] in readme
    assert "dicebear" in readme.lower(), "who drew the faces is credited"


def test_a_checkpoint_is_chosen_by_its_kimg(small_run: Path, small_model: Model, tmp_path: Path) -> None:
    early = facesmith.export(small_run, tmp_path / "early", checkpoint="0.32")
    assert early.card["trained"]["kimg"] == 0.32
    assert early.digest != small_model.digest, "the last, by default"
    with pytest.raises(FacesmithError, match=r"no checkpoint '7': choose last or one of .*0\.32"):
        facesmith.export(small_run, tmp_path / "none", checkpoint="7")


def test_the_best_checkpoint_is_exported_if_scored(scored_run: Path, tmp_path: Path) -> None:
    best = facesmith.export(scored_run, tmp_path / "best")
    training = best.card["trained"]
    assert (training["checkpoint"], training["kimg"], training["score"]) == ("best", 0.32, SCORE)
    with pytest.raises(FacesmithError, match=r"'7': choose best, last or one of .*0\.32"):
        facesmith.export(scored_run, tmp_path / "none", checkpoint="7")


def test_a_run_without_scores_has_no_best(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="has no scores yet: train it longer, or export its last"):
        facesmith.export(small_run, tmp_path / "model", checkpoint="best")


def test_half_precision_halves_both_files_and_keeps_the_faces(
    scored_run: Path, small_model: Model, tmp_path: Path
) -> None:
    half = facesmith.export(scored_run, tmp_path / "half", checkpoint="last", half=True)
    assert (half.card["trained"]["checkpoint"], half.card["trained"]["score"]) == ("last", None)
    assert (small_model.card["weights"], half.card["weights"]) == ("float32", "float16")
    assert half.card["onnx_parity"] < 1e-4, "both backends compute in float32 from the same rounded weights"
    for name, overhead in (("generator.safetensors", 3_000), ("generator.onnx", 12_000)):
        size = (half.path / name).stat().st_size
        assert size < 2 * half.card["parameters"] + overhead, f"{name}: two bytes a parameter, names and shapes"
    difference = np.abs(half.sample(64).astype(int) - small_model.sample(64))
    assert difference.max() <= 2
    assert difference.any(), "rounded weights make the very same faces: were they rounded?"


def test_weights_too_large_for_half_precision_are_refused(scored_run: Path, tmp_path: Path) -> None:
    best = scored_run / "best.safetensors"
    with safe_open(best, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        card = {"facesmith": json.dumps(json.loads(file.metadata()["facesmith"]) | {"crc32": {}})}
    save_file(tensors | {"average.project.bias": torch.full_like(tensors["average.project.bias"], 1e6)}, best, card)
    with pytest.raises(FacesmithError, match=r"project\.bias exceed the range of half precision"):
        facesmith.export(scored_run, tmp_path / "model", half=True)
    assert not (tmp_path / "model").exists()


def test_the_onnx_file_contains_no_local_paths(small_model: Model) -> None:
    contents = (small_model.path / "generator.onnx").read_bytes()
    for folder in (Path(facesmith.__file__).parent, Path(torch.__file__).parent):
        assert str(folder).encode() not in contents


def test_a_damaged_checkpoint_is_refused(small_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    last = max((run / "checkpoints").iterdir())
    last.write_bytes(last.read_bytes()[:-10])
    with pytest.raises(FacesmithError, match="cannot be read as a checkpoint"):
        facesmith.export(run, tmp_path / "model")


def test_invalid_runs_and_existing_folders_are_refused(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="not a run"):
        facesmith.export(tmp_path, tmp_path / "model")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("mine")
    with pytest.raises(FacesmithError, match="already exists"):
        facesmith.export(small_run, tmp_path / "taken")
