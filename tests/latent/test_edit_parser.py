from pathlib import Path

import pytest

import facesmith
from facesmith import FacesmithError, Model
from facesmith.latent.edit_parser import describe_edit, parse_edit, read_edits

FIGURE_5 = Path(__file__).parents[2] / "docs" / "edits.csv"


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
    assert describe_edit({}) == "as it is"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Eyeglasses", "no strength: write Eyeglasses=\\+1"),
        ("Eyeglasses=much", "invalid strength 'much'"),
        ("Eyeglasses=1,eyeglasses=2", "named twice"),
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
        ("Eyeglasses,EYEGLASSES\n1,2", "two columns for one attribute"),
        ("Eyeglasses\n1\n1,2", "2 cells in line 3"),
        ("Eyeglasses\n1\nyes", "invalid strength 'yes' in .*line 3, Eyeglasses"),
    ],
)
def test_an_invalid_table_of_edits_is_refused(directed_model: Model, tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "edits.csv").write_text(text)
    with pytest.raises(FacesmithError, match=sentence):
        read_edits(tmp_path / "edits.csv", directed_model.directions)
