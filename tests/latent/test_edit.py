import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import facesmith
from facesmith import FacesmithError, Model


def test_edit_results_can_be_reproduced_from_the_manifest(directed_model: Model, photo: Path, tmp_path: Path) -> None:
    out = facesmith.edit(
        directed_model,
        [photo, "seed:3"],
        tmp_path / "out",
        edits=["Eyeglasses=1", {"blond_hair": -1, "Eyeglasses": 0.5}, ""],
        quiet=True,
    )
    manifest = json.loads((out / "edits.json").read_text())
    assert manifest["kind"] == "orthogonal"
    assert [face["edit"] for face in manifest["faces"][::2]] == [
        {},
        {"Eyeglasses": 1},
        {"Blond_Hair": -1, "Eyeglasses": 0.5},
    ]
    assert [face["face"] for face in manifest["faces"]] == ["face.png", "seed:3"] * 3
    assert {path.name for path in out.iterdir()} == (
        {face["file"] for face in manifest["faces"]} | {"sheet.png", "edits.json", "latents.npz"}
    )
    with np.load(out / "latents.npz") as file:
        latents, names = file["z"], file["names"]
    assert names[3] == "seed:3 Eyeglasses +1"
    for face, z in zip(manifest["faces"], latents, strict=True):
        with Image.open(out / face["file"]) as picture:
            pixels = np.asarray(picture)
        assert np.abs(pixels.astype(int) - directed_model.generate(z)[0]).max() <= 1
    z = directed_model.latents(1, seed=3)[0]
    edited = directed_model.directions.apply(z, {"Eyeglasses": 1})
    assert np.array_equal(latents[3], edited)
    assert np.array_equal(latents[1], z), "the first row leaves faces as they are"


def test_the_sheet_shows_photos_then_faces_then_edits(directed_model: Model, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "edits.csv").write_text("Eyeglasses,Blond_Hair\n,\n2,\n,2\n")
    out = facesmith.edit(directed_model, [photo, "seed:3"], tmp_path / "out", csv=tmp_path / "edits.csv", quiet=True)
    with Image.open(out / "sheet.png") as picture:
        sheet = np.asarray(picture)
    with Image.open(photo) as picture:
        original = np.asarray(picture).repeat(4, 0).repeat(4, 1)
    side = 32 * 4
    left, top = sheet.shape[1] - 2 * (side + 2), sheet.shape[0] - 4 * (side + 2)
    assert np.array_equal(sheet[top : top + side, left : left + side], original)
    seed = directed_model.sample(1, 3)[0].repeat(4, 0).repeat(4, 1)
    right = left + side + 2
    for row in (0, 1):  # a face that has no photo stands as it is beside one
        rows = slice(top + row * (side + 2), top + row * (side + 2) + side)
        assert np.array_equal(sheet[rows, right : right + side], seed)


def test_an_invalid_edit_is_refused_and_writes_nothing(
    directed_model: Model, linear_model: Model, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(FacesmithError, match="no edit was named"):
        facesmith.edit(directed_model, ["seed:1"], out, quiet=True)
    with pytest.raises(FacesmithError, match="no edit was named"):
        facesmith.edit(directed_model, ["seed:1"], out, edits=[""], quiet=True)
    with pytest.raises(FacesmithError, match="invalid kind of direction"):
        facesmith.edit(directed_model, ["seed:1"], out, edits=["Eyeglasses=1"], kind="fast", quiet=True)
    with pytest.raises(FacesmithError, match="no attribute directions"):
        facesmith.edit(linear_model, ["seed:1"], out, edits=["Eyeglasses=1"], quiet=True)
    with pytest.raises(FacesmithError, match="too many for a table"):
        facesmith.edit(directed_model, ["seed:1"] * 3500, out, edits=["Eyeglasses=1"], quiet=True)
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("kept")
    with pytest.raises(FacesmithError, match="exists already"):
        facesmith.edit(directed_model, ["seed:1"], out, edits=["Eyeglasses=1"], quiet=True)
