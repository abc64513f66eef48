"""The terms and the models of the pictures of a dataset."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesmith.data.dataset import Dataset
from facesmith.data.importer import import_dataset
from facesmith.images.grid import save_image
from facesmith.images.provenance import EDITED, GENERATED, Marks
from facesmith.terms import NON_COMMERCIAL

RESTRICTED = Marks(GENERATED, "celeba64", "ab" * 32, NON_COMMERCIAL, 0, 3)
FREE = Marks(GENERATED, "drawn64", "cd" * 32, "any use, with credit to the artist", 0, 3)
FREE_EDIT = Marks(EDITED, "drawn64", "cd" * 32, "any use, with credit to the artist")


def import_pictures(folder: Path, marks: list[Marks | None], suffix: str = ".png") -> Dataset:
    photos = folder / "photos"
    photos.mkdir()
    for number, each in enumerate(marks):
        pixels = np.full((8, 8, 3), number, np.uint8)
        save_image(Image.fromarray(pixels), photos / f"{number}{suffix}", each)
    return import_dataset(photos, folder / "dataset", size=8, quiet=True, workers=1)


@pytest.mark.parametrize(
    ("marks", "terms"),
    [
        ([None, None], "those of its photos"),
        ([RESTRICTED, None], NON_COMMERCIAL),
        ([RESTRICTED, FREE], NON_COMMERCIAL),
        ([FREE, FREE], FREE.terms),
        ([FREE, None], "those of its photos"),
        ([FREE_EDIT], "those of its photos"),  # the photo that was edited has an owner
    ],
)
def test_terms_of_marked_pictures_travel_into_the_dataset(
    marks: list[Marks | None], terms: str, tmp_path: Path
) -> None:
    assert import_pictures(tmp_path, marks).terms == terms


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_dataset_knows_the_model_of_every_picture(suffix: str, tmp_path: Path) -> None:
    dataset = import_pictures(tmp_path, [None, RESTRICTED, FREE, RESTRICTED], suffix)
    assert dataset.metadata()["made_with"].to_pylist() == [None, 0, 1, 0]
    assert [(entry["model"], entry["count"]) for entry in dataset.card["made_with"]] == [
        ("celeba64", 2),
        ("drawn64", 1),
    ]
    assert dataset.attributes == []


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([None, None], None),
        ([FREE, FREE], Marks(GENERATED, FREE.model, FREE.digest, FREE.terms)),
        ([FREE, None], Marks(EDITED, FREE.model, FREE.digest, FREE.terms)),
        ([FREE_EDIT], FREE_EDIT),
        ([FREE, RESTRICTED], Marks(GENERATED, "drawn64, celeba64", "", NON_COMMERCIAL)),
    ],
)
def test_a_sheet_of_a_dataset_has_the_marks_of_its_pictures(
    marks: list[Marks | None], expected: Marks | None, tmp_path: Path
) -> None:
    dataset = import_pictures(tmp_path, marks)
    assert dataset.marks == expected
    found = dataset.image_marks(range(len(marks)))
    assert [each and (each.model, each.source_type) for each in found] == [
        each and (each.model, each.source_type) for each in marks
    ]


def test_terms_in_a_table_count_where_pictures_lost_their_marks(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    row = {"file": "a.png", "seed": 0, "latent_index": 0, "truncation": 1.0, "model": "ab", "terms": NON_COMMERCIAL}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(row))
    dataset = import_dataset(tmp_path, tmp_path / "dataset", size=8, quiet=True, workers=1)
    assert dataset.terms == NON_COMMERCIAL
