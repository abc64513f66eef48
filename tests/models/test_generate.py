import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import facesmith
from facesmith import FacesmithError, Model
from facesmith.cli import facesmith as root
from facesmith.models.folder import DEFAULT_MODEL


def rows(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_generated_images_can_be_reproduced_from_the_manifest(small_model: Model, tmp_path: Path) -> None:
    out = facesmith.generate(small_model, tmp_path / "faces", count=20, seed=7, truncation=0.8, quiet=True)
    manifest = rows(out)
    assert [row["file"] for row in manifest] == [f"{i:06d}.png" for i in range(20)]
    for row in manifest:
        assert row["model"] == small_model.digest
        regenerated = small_model.sample(1, 7, truncation=0.8, start=int(str(row["latent_index"])))[0]
        with Image.open(out / str(row["file"])) as picture:
            assert np.array_equal(np.asarray(picture), regenerated)


def test_a_later_start_continues_the_same_series(small_model: Model, tmp_path: Path) -> None:
    first = facesmith.generate(small_model, tmp_path / "first", count=12, quiet=True)
    continued = facesmith.generate(small_model, tmp_path / "more", count=5, start=7, quiet=True)
    assert [row["latent_index"] for row in rows(continued)] == [7, 8, 9, 10, 11]
    for row in rows(continued):
        assert (continued / str(row["file"])).read_bytes() == (first / str(row["file"])).read_bytes()


@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_other_formats(small_model: Model, tmp_path: Path, ending: str) -> None:
    out = facesmith.generate(small_model, tmp_path / "faces", count=2, format=ending, quiet=True)
    with Image.open(out / f"000001.{ending}") as picture:
        assert picture.size == (32, 32)
        difference = np.asarray(picture.convert("RGB")).astype(int) - small_model.sample(2)[1]
    assert np.abs(difference).mean() < 8


def test_a_sheet_and_an_array(small_model: Model, tmp_path: Path) -> None:
    out = facesmith.generate(small_model, tmp_path / "faces", count=9, grid=True, npy=True, quiet=True)
    assert {path.name for path in out.iterdir()} == {"sheet.png", "images.npy", "manifest.jsonl"}
    assert np.array_equal(np.load(out / "images.npy"), small_model.sample(9))
    with Image.open(out / "sheet.png") as picture:
        side = 3 * 34 + 2
        assert picture.size == facesmith.add_caption(Image.new("RGB", (side, side)), small_model.marks(seed=0)).size


def test_an_invalid_request_is_refused_and_writes_nothing(small_model: Model, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="at least 1"):
        facesmith.generate(small_model, tmp_path / "faces", count=0)
    with pytest.raises(FacesmithError, match="disk has only"):
        facesmith.generate(small_model, tmp_path / "faces", count=10**15)
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(FacesmithError, match="already exists"):
        facesmith.generate(small_model, tmp_path / "circle", count=1)
    with pytest.raises(FacesmithError, match="bmp"):
        facesmith.generate(small_model, tmp_path / "faces", format="bmp")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("mine")
    with pytest.raises(FacesmithError, match="already exists"):
        facesmith.generate(small_model, tmp_path / "taken", count=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["circle", "taken"]


@pytest.fixture
def default_model(small_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """`small_model` as the one model that comes with facesmith, and the default."""
    shutil.copytree(small_model.path, tmp_path / "shipped" / DEFAULT_MODEL)
    monkeypatch.setattr("facesmith.models.folder.INCLUDED_FOLDER", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    return small_model


def test_generate_uses_the_default_model(default_model: Model) -> None:
    result = CliRunner().invoke(root, ["generate", "--out", "faces", "--count", "2", "--quiet"], catch_exceptions=False)
    assert result.exit_code == 0
    assert [row["model"] for row in rows(Path("faces"))] == [default_model.digest] * 2
    assert rows(facesmith.generate(DEFAULT_MODEL, "again", count=2, quiet=True)) == rows(Path("faces"))


def test_models_command_lists_the_included_models(default_model: Model) -> None:
    result = CliRunner().invoke(root, ["models"], catch_exceptions=False)
    head, row = result.output.splitlines()
    assert head.split() == ["name", "output", "size", "parameters", "data", "terms", "scores"]
    parameters = f"{default_model.card['parameters']:,}"
    for cell in (DEFAULT_MODEL, "faces", "32x32", parameters, "256 images from", "credit", "none"):
        assert cell in row
