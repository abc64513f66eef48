import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import facesmith
from facesmith import FacesmithError, Makeover
from facesmith.cli import facesmith as root
from facesmith.data.dataset import Dataset
from facesmith.models.folder import INCLUDED_FOLDER, included_makeovers
from facesmith.terms import SOURCE_TERMS


@pytest.fixture(scope="module")
def makeover(
    write_makeover: Callable[..., Path], builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Makeover:
    return facesmith.load_makeover(write_makeover(tmp_path_factory.mktemp("makeover") / "known", builtin_dataset.card))


def shifted(pictures: np.ndarray, *levels: float) -> np.ndarray:
    return np.asarray(np.clip(np.rint(pictures + np.array(levels)), 0, 255), np.uint8)


def test_a_makeover_reads_its_card(makeover: Makeover) -> None:
    assert (makeover.name, makeover.size, makeover.digest) == ("known", (32, 32), "0" * 64)
    assert [direction["name"] for direction in makeover.directions] == ["lighter", "redder"]
    assert repr(makeover) == "<facesmith.Makeover 'known' 32x32 000000000000>"


def test_direction_and_strength_reach_the_network(makeover: Makeover, builtin_dataset: Dataset) -> None:
    faces = np.asarray(builtin_dataset.images[:40])
    full = 0.3 * 127.5
    assert np.array_equal(makeover.apply(faces), shifted(faces, full, full, full))
    assert np.array_equal(makeover.apply(faces, "redder"), shifted(faces, full, 0, 0))
    half = makeover.apply(faces, "lighter", 0.5)
    assert np.abs(half.astype(int) - shifted(faces, full / 2, full / 2, full / 2)).max() <= 1, "but for a half's side"
    assert np.array_equal(makeover.apply(faces[17], "redder")[0], makeover.apply(faces, "redder")[17])
    assert makeover.apply(faces[:0]).shape == (0, 32, 32, 3)


def test_strength_0_returns_the_image_unchanged(makeover: Makeover) -> None:
    all_values = np.arange(32 * 32 * 3).reshape(1, 32, 32, 3).astype(np.uint8)
    assert np.array_equal(makeover.apply(all_values, strength=0), all_values)


def test_images_may_be_taller_than_wide(
    write_makeover: Callable[..., Path], builtin_dataset: Dataset, tmp_path: Path
) -> None:
    folder = write_makeover(tmp_path / "tall", {**builtin_dataset.card, "size": [16, 24]})
    picture = np.random.default_rng(0).integers(0, 200, (24, 16, 3), np.uint8)
    assert np.array_equal(facesmith.load_makeover(folder).apply(picture, "redder")[0], shifted(picture, 38.25, 0, 0))


def test_inference_needs_no_torch(makeover: Makeover) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import facesmith, facesmith.tasks.makeover.apply, numpy as np\n"
        f"print(facesmith.load_makeover({str(makeover.path)!r}).apply(np.zeros((2, 32, 32, 3), np.uint8)).max())"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert process.stdout == "38\n"


def test_an_included_makeover_is_loaded_by_name_with_its_terms(
    makeover: Makeover,
    write_makeover: Callable[..., Path],
    builtin_dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    celeba = {**builtin_dataset.card, "source": {**builtin_dataset.card["source"], "kind": "celeba"}}
    write_makeover(tmp_path / "shipped" / "mtf64", celeba)
    monkeypatch.setattr("facesmith.models.folder.INCLUDED_FOLDER", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    assert facesmith.load_makeover("mtf64", quiet=True).name == "mtf64"
    assert capsys.readouterr().err == ""
    facesmith.load_makeover("mtf64")
    assert capsys.readouterr().err == "mtf64 was trained on CelebA: non-commercial research only\n"
    with pytest.raises(FacesmithError, match=r"or use an included one \(mtf64\)"):
        facesmith.load_makeover("mtf65")
    data = "256 images from builtin avataaars, non-commercial research only"
    assert facesmith.included_makeovers() == {"mtf64": f"lighter and redder of 32x32 faces trained on {data}"}
    row = CliRunner().invoke(root, ["models"], catch_exceptions=False).output.splitlines()[-1]
    assert row.split("  ")[:4] == ["mtf64", "makeovers: lighter, redder", "32x32", "6"]
    shutil.copytree(makeover.path, tmp_path / "mtf64")
    assert facesmith.load_makeover("mtf64").name == "known", "what lies here goes first"


def test_an_invalid_makeover_or_input_is_refused(makeover: Makeover, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match=r"celeba64 is not a makeover folder \(it is an included model of another"):
        facesmith.load_makeover("celeba64")
    with pytest.raises(FacesmithError, match="does not exist.*: train one with facesmith train makeover"):
        facesmith.load_makeover(tmp_path / "none")
    with pytest.raises(FacesmithError, match=r"has no makeover\.json"):
        facesmith.load_makeover(tmp_path)
    with pytest.raises(FacesmithError, match=r"\(N, 32, 32, 3\), not uint8 of \(1, 16, 16, 3\)"):
        makeover.apply(np.zeros((1, 16, 16, 3), np.uint8))
    with pytest.raises(FacesmithError, match="known has no direction 'mtf': choose one of lighter, redder"):
        makeover.apply(np.zeros((1, 32, 32, 3), np.uint8), "mtf")
    for strength in (-0.1, 1.1, float("nan")):
        with pytest.raises(FacesmithError, match="expected 0"):
            makeover.apply(np.zeros((1, 32, 32, 3), np.uint8), strength=strength)
    broken = tmp_path / "broken"
    shutil.copytree(makeover.path, broken)
    (broken / "makeover.onnx").write_bytes(b"")
    with pytest.raises(FacesmithError, match="export the makeover again"):
        facesmith.load_makeover(broken)
    card = json.loads((broken / "makeover.json").read_text())
    (broken / "makeover.json").write_text(json.dumps(card | {"version": 99}))
    with pytest.raises(FacesmithError, match="version 99"):
        facesmith.load_makeover(broken)


def test_every_included_makeover_is_complete_and_works() -> None:
    assert "celeba-makeover" in included_makeovers()
    drawn = facesmith.load("drawn64", quiet=True).sample(4)
    for name in included_makeovers():
        files = {path.name: path.read_bytes() for path in (INCLUDED_FOLDER / name).iterdir()}
        assert set(files) == {"makeover.json", "makeover.onnx", "makeover.safetensors", "README.md", "LICENSE.txt"}
        assert sum(map(len, files.values())) < 9_000_000
        found = facesmith.load_makeover(INCLUDED_FOLDER / name)
        assert (found.name, found.card["weights"]) == (name, "float16")
        assert found.digest == hashlib.sha256(files["makeover.safetensors"]).hexdigest()
        assert found.card["terms"] == SOURCE_TERMS[found.card["dataset"]["source"]["kind"]]
        assert found.card["dataset"]["source"]["credit"] in files["README.md"].decode()
        faces = np.stack([np.asarray(Image.fromarray(face).resize(found.size)) for face in drawn])
        made = [found.apply(faces, direction["name"]) for direction in found.directions]
        for direction, after in zip(found.directions, made, strict=True):
            assert np.array_equal(found.apply(faces, direction["name"], 0), faces)
            assert 0 < np.abs(after.astype(int) - faces).mean() < 40, "a face is still there"
        assert len({after.tobytes() for after in made}) == len(made)
