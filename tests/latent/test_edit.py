import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import facesmith
from facesmith import FacesmithError, Model
from facesmith.latent.edit import describe_edit, parse_edit, read_edits

FIGURE_5 = Path(__file__).parents[2] / "docs" / "edits.csv"


def test_edit_results_can_be_reproduced_from_the_manifest(directed_model: Model, photo: Path, tmp_path: Path) -> None:
    out = facesmith.edit(
        directed_model,
        [photo, "seed:3"],
        tmp_path / "out",
        edits=["Eyeglasses=1", {"blond_hair": -1, "Eyeglasses": 0.5}, ""],
        quiet=True,
    )
    manifest = json.loads((out / "edits.json").read_text())
    assert manifest["kind"] == "best"
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
    left, top = sheet.shape[1] - 2 * (side + 2), 27
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
    with pytest.raises(FacesmithError, match="no edit: pass an edit"):
        facesmith.edit(directed_model, ["seed:1"], out, quiet=True)
    with pytest.raises(FacesmithError, match="no edit: pass an edit"):
        facesmith.edit(directed_model, ["seed:1"], out, edits=[""], quiet=True)
    with pytest.raises(FacesmithError, match="invalid kind of direction"):
        facesmith.edit(directed_model, ["seed:1"], out, edits=["Eyeglasses=1"], kind="fast", quiet=True)
    with pytest.raises(FacesmithError, match="no attribute directions"):
        facesmith.edit(linear_model, ["seed:1"], out, edits=["Eyeglasses=1"], quiet=True)
    with pytest.raises(FacesmithError, match="1 x 3,500 edited faces"):
        facesmith.edit(directed_model, ["seed:1"] * 3500, out, edits=["Eyeglasses=1"], quiet=True)
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("kept")
    with pytest.raises(FacesmithError, match="already exists"):
        facesmith.edit(directed_model, ["seed:1"], out, edits=["Eyeglasses=1"], quiet=True)


def test_an_edit_text_names_attributes_and_strengths(directed_model: Model) -> None:
    directions = directed_model.directions
    assert parse_edit("eyeglasses=-1, Blond Hair=+2.5", directions) == {"Eyeglasses": -1, "Blond_Hair": 2.5}
    assert parse_edit("Eyeglasses=−0.5", directions) == {"Eyeglasses": -0.5}
    assert parse_edit(" ", directions) == {}


def test_a_table_has_one_edit_per_row(directed_model: Model, tmp_path: Path) -> None:
    table = tmp_path / "edits.csv"
    table.write_text("\ufeffEyeglasses,blond_hair\r\n,\r\n1,-1\r\n,2\r\n-1\r\n", encoding="utf-8")
    edits = read_edits(table, directed_model.directions)
    assert edits == [{}, {"Eyeglasses": 1, "Blond_Hair": -1}, {"Blond_Hair": 2}, {"Eyeglasses": -1}]


def test_the_documented_edits_are_those_of_the_figure() -> None:
    """Row by row the table of the figure: as is; dark instead of blond; bald; no smile; lipstick, and young."""
    lines = FIGURE_5.read_text().splitlines()
    names = lines[0].split(",")
    rows = [{name: int(cell) for name, cell in zip(names, line.split(","), strict=True) if cell} for line in lines[1:]]
    assert rows == [
        {},
        {"Black_Hair": 1, "Blond_Hair": -1},
        {"Bald": 2},
        {"Smiling": -1},
        {"Wearing_Lipstick": 2, "Young": 2},
    ]
    assert set(names) <= set(facesmith.load("celeba64", quiet=True).card["dataset"]["attributes"])


def test_describe_edit_returns_readable_text() -> None:
    assert describe_edit({"Smiling": -1, "Bald": 2.5}) == "Smiling -1, Bald +2.5"
    assert describe_edit({}) == "unchanged"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Eyeglasses", "no strength: write Eyeglasses=\\+1"),
        ("Eyeglasses=much", "invalid strength 'much'"),
        ("Eyeglasses=1,eyeglasses=2", "Eyeglasses occurs twice"),
        ("Eyeglases=1", "did you mean Eyeglasses"),
    ],
)
def test_an_invalid_edit_text_is_refused(directed_model: Model, text: str, sentence: str) -> None:
    with pytest.raises(FacesmithError, match=sentence):
        parse_edit(text, directed_model.directions)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not a table of edits"),
        ("Eyeglasses", "not a table of edits"),
        ("Eyeglasses,Blond_Hare\n1,2", "did you mean Blond_Hair"),
        ("Eyeglasses,EYEGLASSES\n1,2", "two columns for the same attribute"),
        ("Eyeglasses\n1\n1,2", "line 3 of .* has 2 cells"),
        ("Eyeglasses\n1\nyes", "invalid strength 'yes' in .*line 3, Eyeglasses"),
    ],
)
def test_an_invalid_table_of_edits_is_refused(directed_model: Model, tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "edits.csv").write_text(text)
    with pytest.raises(FacesmithError, match=sentence):
        read_edits(tmp_path / "edits.csv", directed_model.directions)
