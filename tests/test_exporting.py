import hashlib
import json
import shutil
from pathlib import Path

import pytest

import facesmith
from facesmith import FacesmithError, Model


def test_a_model_folder_says_what_it_is_and_holds_nothing_that_runs_code(small_model: Model) -> None:
    names = {path.name for path in small_model.path.iterdir()}
    assert names == {"model.json", "generator.safetensors", "generator.onnx", "README.md", "samples.png"}
    card = json.loads((small_model.path / "model.json").read_text())
    assert card["digest"] == hashlib.sha256((small_model.path / "generator.safetensors").read_bytes()).hexdigest()
    assert card["onnx_parity"] < 1e-3
    assert card["trained"]["recipe"] == "tiny"
    readme = (small_model.path / "README.md").read_text()
    assert card["digest"] in readme
    assert "dicebear" in readme.lower(), "who drew the faces is credited"


def test_a_checkpoint_is_chosen_by_its_kimg(small_run: Path, tmp_path: Path) -> None:
    early = facesmith.export(small_run, tmp_path / "early", checkpoint="0.32")
    assert early.card["trained"]["kimg"] == 0.32
    assert early.digest != facesmith.export(small_run, tmp_path / "last").digest
    with pytest.raises(FacesmithError, match=r"no checkpoint '7': choose last or one of .*0\.32"):
        facesmith.export(small_run, tmp_path / "none", checkpoint="7")


def test_a_damaged_checkpoint_is_one_sentence(small_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    last = max((run / "checkpoints").iterdir())
    last.write_bytes(last.read_bytes()[:-10])
    with pytest.raises(FacesmithError, match="cannot be read as a checkpoint"):
        facesmith.export(run, tmp_path / "model")


def test_what_is_not_a_run_or_is_taken_is_one_sentence(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="not a run"):
        facesmith.export(tmp_path, tmp_path / "model")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("mine")
    with pytest.raises(FacesmithError, match="exists already"):
        facesmith.export(small_run, tmp_path / "taken")
