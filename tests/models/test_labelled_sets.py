"""Sets of labelled faces: requests, layouts, parts, and their way back through the import."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import facesmith
from facesmith import FacesmithError, Model
from facesmith.cli import facesmith as root
from facesmith.data.importer import import_dataset
from facesmith.data.layouts import layout as layouts
from facesmith.models import labelled_faces
from facesmith.models.requests import parse_requests

LAYOUTS = ["imagefolder", "classes:Smiling", "webdataset", "parquet"]


@pytest.fixture(scope="module")
def drawn() -> Model:
    return facesmith.load("drawn64", threads=1)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "SHARD", 20)


def table(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_faces_are_labelled_by_the_directions(drawn: Model, tmp_path: Path) -> None:
    out = facesmith.generate(drawn, tmp_path / "faces", count=20, start=5, quiet=True)
    probabilities = drawn.directions.probabilities(drawn.encode(drawn.sample(20, start=5)))
    for row, values in zip(table(out), probabilities, strict=True):
        for name, value in zip(drawn.directions.names, values, strict=True):
            assert row[f"{name}_probability"] == pytest.approx(value, abs=1e-4)
            assert row[name] == (row[f"{name}_probability"] >= 0.5)
        assert row["label_source"] == "measured"
        regenerated = drawn.sample(1, start=row["latent_index"])[0]
        assert np.array_equal(np.asarray(Image.open(out / row["file_name"])), regenerated)


def test_requests_are_reached_by_selection(drawn: Model, tmp_path: Path) -> None:
    out = facesmith.generate(
        drawn, tmp_path / "faces", count=100, attributes=["~Wearing_Hat"], balance=["Smiling,Eyeglasses"],
        share=["Straight_Hair=0.25"], labels=["Smiling"], quiet=True,
    )  # fmt: skip
    rows = table(out)
    combinations = [(row["Smiling"], row["Eyeglasses"]) for row in rows]
    assert all(combinations.count((a, b)) == 25 for a in (False, True) for b in (False, True))
    assert sum(row["Straight_Hair"] for row in rows) == 25
    assert not any(row["Wearing_Hat"] for row in rows)
    assert "Gray_Hair" not in rows[0]
    assert all(row["label_source"] == "both" for row in rows)
    summary = facesmith.set_summary(facesmith.read_set(out))
    assert any("Straight_Hair: requested for 25.0% of the faces, found in 25.0% by" in line for line in summary)


def test_inputs_of_the_generator_are_set(small_model: Model, tmp_path: Path) -> None:
    shutil.copytree(small_model.path, tmp_path / "model")
    card = json.loads((tmp_path / "model/model.json").read_text())
    (tmp_path / "model/model.json").write_text(json.dumps(card | {"conditions": ["Smiling"]}))
    model = facesmith.load(tmp_path / "model")
    out = facesmith.generate(model, tmp_path / "faces", count=4, balance=["Smiling"], truncation=0.5, quiet=True)
    for index, row in enumerate(table(out)):
        assert (row["with"], row["label_source"]) == ([["Smiling"], ["~Smiling"]][index % 2], "asked")
        assert row["Smiling"] == (index % 2 == 0)
        expected = model.sample(1, start=index, truncation=0.5, attributes=row["with"])[0]
        assert np.array_equal(np.asarray(Image.open(out / row["file_name"])), expected)


def test_faces_that_do_not_follow_an_input_are_not_labelled_as_if(drawn: Model, tmp_path: Path) -> None:
    """The last value of z, here declared to be Smiling, does not make a face smile."""
    shutil.copytree(drawn.path, tmp_path / "model")
    card = json.loads((tmp_path / "model/model.json").read_text())
    (tmp_path / "model/model.json").write_text(json.dumps(card | {"conditions": ["Smiling"]}))
    model = facesmith.load(tmp_path / "model", threads=1)
    out = facesmith.generate(model, tmp_path / "faces", count=16, balance=["Smiling,Eyeglasses"], quiet=True)
    rows = table(out)
    code = (out / "README.md").read_text().split("```python\n")[2].split("```")[0]
    for row in rows:
        assert row["Smiling"] == (row["Smiling_probability"] >= 0.5) == ("Smiling" in row["with"])
        names: dict[str, Any] = {"row": row}
        exec(code.replace(f'"{model.name}"', repr(str(model.path))), names)
        assert np.array_equal(np.asarray(Image.open(out / row["file_name"])), names["face"])
    assert sum(row["Smiling"] for row in rows) == 8


class OtherClassifier(facesmith.AttributeClassifier):
    """Gives every second face of a chunk a probability of 0.6, and has a higher threshold for one attribute."""

    def __init__(self, *attributes: str) -> None:
        self.path, self.card = Path("other"), {
            "name": "other", "network": {"size": [64, 64]}, "digest": "ab", "attributes": list(attributes),
            "thresholds": [0.5, 0.7][: len(attributes)], "terms": "non-commercial research only",
        }  # fmt: skip

    def label(self, images: Any) -> Any:
        return np.repeat(0.6 * (np.arange(len(images)) % 2).astype(np.float32)[:, None], len(self.attributes), 1)


def test_a_classifier_selects_what_the_directions_do_not_know(drawn: Model, tmp_path: Path) -> None:
    classifier = OtherClassifier("Chubby", "Young")
    out = facesmith.generate(drawn, tmp_path / "f", count=16, attributes=["Chubby"], classifier=classifier, quiet=True)
    assert all(row["Chubby_probability"] in (0.0, 0.6) for row in table(out))
    assert {row["latent_index"] < 16 for row in table(out)} == {True, False}, "half of the faces are other attempts"
    assert not any(row["Young"] for row in table(out)), "the threshold of the classifier"
    assert "by the classifier" in facesmith.set_summary(facesmith.read_set(out))[1]


def test_a_requested_attribute_that_is_not_measured_keeps_its_column(drawn: Model, tmp_path: Path) -> None:
    classifier = OtherClassifier("Smiling")
    out = facesmith.generate(
        drawn, tmp_path / "f", count=4, balance=["Straight_Hair"], classifier=classifier, quiet=True
    )
    assert [row["Straight_Hair"] for row in table(out)] == [True, False, True, False]
    assert "The labels of Straight_Hair are the requested values" in (out / "README.md").read_text()


def test_a_classifier_checks_what_the_directions_selected(drawn: Model, tmp_path: Path) -> None:
    classifier = OtherClassifier("Smiling")
    out = facesmith.generate(drawn, tmp_path / "f", count=16, attributes=["Smiling"], classifier=classifier, quiet=True)
    card = facesmith.read_set(str(out))
    assert card["terms"] == "non-commercial research only"
    assert (card["tally"]["agree Smiling"], card["tally"]["with Smiling"]) == (8, 8)
    assert any("agreement on 50.0%" in line for line in facesmith.set_summary(card))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_set_in_parts_equals_a_set_in_one_go(drawn: Model, layout: str, small_shards: None, tmp_path: Path) -> None:
    options: dict[str, Any] = {"layout": layout, "share": ["Eyeglasses=0.5"], "labels": ["Smiling"], "quiet": True}
    whole = facesmith.generate(drawn, tmp_path / "whole", count=50, start=7, **options)
    facesmith.generate(drawn, tmp_path / "b", count=37, start=20, **options)
    facesmith.generate(drawn, tmp_path / "a", count=13, start=7, **options)
    merged = facesmith.merge_sets([tmp_path / "b", tmp_path / "a"], tmp_path / "merged", quiet=True)
    assert files(merged) == files(whole)
    if layout.startswith("classes"):  # torchvision's ImageFolder takes hidden folders for classes too
        assert {path.name for path in merged.iterdir() if path.is_dir()} == {"Smiling", "not_Smiling"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_interrupted_set_is_continued(
    drawn: Model, layout: str, small_shards: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"layout": layout, "count": 70, "labels": ["Smiling"], "quiet": True}
    whole = facesmith.generate(drawn, tmp_path / "whole", **options)
    pictures, drawn_faces = labelled_faces.LabelledFaces.pictures, []

    def stop(self: Any, start: int, end: int, *rest: Any) -> Iterator[Any]:
        for picture in pictures(self, start, end, *rest):
            drawn_faces.append(picture.name)
            if len(drawn_faces) == 50:
                raise KeyboardInterrupt
            yield picture

    monkeypatch.setattr(labelled_faces.LabelledFaces, "pictures", stop)
    with pytest.raises(KeyboardInterrupt):
        facesmith.generate(drawn, tmp_path / "faces", **options)
    with pytest.raises(FacesmithError, match="not complete"):
        facesmith.read_set(tmp_path / "faces")
    with pytest.raises(FacesmithError, match="different options"):
        facesmith.generate(drawn, tmp_path / "faces", **(options | {"seed": 3}))
    with (tmp_path / "faces/.facesmith/shards.jsonl").open("a") as record:
        record.write('{"shard": 2, "pict')  # a process that was killed
    drawn_faces.clear()
    drawn_faces += [""] * 100
    facesmith.generate(drawn, tmp_path / "faces", **options)
    assert drawn_faces[100] == "000040.png", "two shards were complete"
    assert files(tmp_path / "faces") == files(whole)
    with pytest.raises(FacesmithError, match="is complete"):
        facesmith.generate(drawn, tmp_path / "faces", **options)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("count", [30, 12])
def test_a_set_is_imported_with_its_labels(
    drawn: Model, layout: str, count: int, small_shards: None, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"count": count, "attributes": ["Smiling"], "quiet": True}
    out = facesmith.generate(drawn, tmp_path / "faces", layout=layout, **options)
    dataset = import_dataset(out, tmp_path / "dataset", size=64, quiet=True, workers=1)
    assert sorted(dataset.attributes) == sorted(drawn.directions.names)
    assert dataset.terms == drawn.terms
    assert dataset.card["source"]["credit"] == drawn.card["dataset"]["source"]["credit"]
    assert dataset.card["source"]["credit"] in (out / "README.md").read_text()
    assert [entry["count"] for entry in dataset.card["made_with"]] == [count]
    assert not dataset.card["notes"]
    faces = labelled_faces.LabelledFaces(drawn, parse_requests(["Smiling"], [], []), 0, 1.0, "png")
    ((_, images, labels),) = list(faces.blocks(0, count))
    names = drawn.directions.names
    rows = dataset.metadata().to_pylist()
    found = {image.tobytes(): [row[name] for name in names] for image, row in zip(dataset.images, rows, strict=True)}
    assert found == {image.tobytes(): [row[name] for name in names] for image, row in zip(images, labels, strict=True)}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"layout": "tar"}, "layout"),
        ({"layout": "classes"}, "layout"),
        ({"layout": "classes:Tall"}, "did you mean Bald"),
        ({"layout": "classes:Smiling", "labels": []}, "classes:Smiling"),
        ({"share": ["Smiling=2"]}, "share"),
        ({"attributes": ["Smiling"], "balance": ["Smiling"]}, "twice"),
        ({"attributes": ["Smilling"]}, "did you mean Smiling"),
        ({"labels": ["Tall"]}, "Tall"),
    ],
)
def test_invalid_options_are_refused_before_any_work(
    drawn: Model, options: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(FacesmithError, match=reason):
        facesmith.generate(drawn, tmp_path / "faces", quiet=True, **options)
    assert not list(tmp_path.iterdir())


def test_a_wrong_name_is_answered_with_each_near_one_once(tmp_path: Path) -> None:
    with pytest.raises(FacesmithError) as error:
        facesmith.generate("celeba64", tmp_path / "faces", attributes=["Mail"], quiet=True)
    assert str(error.value).count("Male") == 1


def test_parts_that_do_not_fit_are_refused(drawn: Model, tmp_path: Path) -> None:
    for name, start, seed in (("a", 0, 0), ("b", 8, 0), ("c", 3, 0), ("d", 4, 1)):
        facesmith.generate(drawn, tmp_path / name, count=4, start=start, seed=seed, labels=[], quiet=True)
    for other, reason in (("b", "faces 4 to 7 are missing"), ("c", "faces 3 to 3 occur twice"), ("d", "seed differs")):
        with pytest.raises(FacesmithError, match=reason):
            facesmith.merge_sets([tmp_path / "a", tmp_path / other], tmp_path / "m", quiet=True)


def test_the_command_prints_the_shares(tmp_path: Path) -> None:
    arguments = ["generate", "drawn64", "--count", "8", "--balance", "Smiling", "--out", str(tmp_path / "f"), "--quiet"]
    result = CliRunner().invoke(root, arguments)
    assert "Smiling: requested for 50.0% of the faces, found in 50.0% by" in result.output
