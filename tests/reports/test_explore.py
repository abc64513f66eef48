import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.data.duplicates import find_duplicates, low_frequencies, pixel_digests
from facesmith.data.statistics import correlation, measure
from facesmith.errors import FacesmithError
from facesmith.images.decode import read_marks
from facesmith.images.provenance import GENERATED, Marks
from facesmith.reports.explore import explore, file_stems


def make_dataset(
    folder: Path,
    images: np.ndarray,
    attributes: dict[str, list[bool | None]] | None = None,
    columns: dict[str, list[Any]] | None = None,
    **card: Any,
) -> Dataset:
    folder.mkdir(parents=True)
    attributes = attributes or {}
    np.save(folder / "images.npy", images)
    table: dict[str, Any] = {
        "file": [f"{row:03d}.jpg" for row in range(len(images))],
        "split": pa.array([None] * len(images), pa.string()),
        **(columns or {}),
        **{name: pa.array(values, pa.bool_()) for name, values in attributes.items()},
    }
    pq.write_table(pa.table(table), folder / "metadata.parquet")
    full = {
        "format": "facesmith-dataset",
        "version": 1,
        "name": "little <faces>",
        "source": {"kind": "folder", "name": "photos", "fingerprint": "x", "credit": "Someone"},
        "size": [images.shape[2], images.shape[1]],
        "channels": 3,
        "crop": "fit",
        "resize": "lanczos",
        "where": None,
        "limit": None,
        "seed": 0,
        "count": len(images),
        "attributes": list(attributes),
        "splits": {},
        "skipped": [],
        "skipped_count": 0,
        "rows_without_image": 0,
        "created": "2025-01-01T00:00:00+00:00",
        "facesmith": "0.1.0",
        "fingerprint": hashlib.sha256(images.tobytes()).hexdigest(),
    }
    (folder / "dataset.json").write_text(json.dumps({**full, **card}))
    return open_dataset(folder)


def smooth(count: int, side: int = 32, seed: int = 0) -> np.ndarray:
    """Pictures with structure at every scale, as photos have and noise has not."""
    rng = np.random.default_rng(seed)
    total = np.zeros((count, side, side, 3))
    for cells, weight in ((2, 60), (4, 40), (8, 20), (16, 8)):
        blocks = rng.normal(size=(count, cells, cells, 3)) * weight
        total += blocks.repeat(side // cells, axis=1).repeat(side // cells, axis=2)
    return np.clip(total + 128, 0, 255).astype(np.uint8)


def numbers(page: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((page.parent / "explore.json").read_text())
    return loaded


def search(images: np.ndarray) -> Any:
    grey = images.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return find_duplicates(images, pixel_digests(images), low_frequencies(grey))


def test_statistics_are_those_of_numpy_over_the_whole_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesmith.data.statistics._CHUNK_VALUES", 8 * 8 * 3 * 7)  # seven images at a time
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), dtype=np.uint8)
    flags = np.random.default_rng(1).random((50, 2)) < 0.4
    dataset = make_dataset(tmp_path / "d", images, {"A": flags[:, 0].tolist(), "B": flags[:, 1].tolist()})
    result = measure(dataset, quiet=True)
    np.testing.assert_allclose(result.mean, images.mean(axis=0))
    for index in range(2):
        np.testing.assert_allclose(result.means[index, 0], images[flags[:, index]].mean(axis=0))
        np.testing.assert_allclose(result.means[index, 1], images[~flags[:, index]].mean(axis=0))
        assert result.counts[index].tolist() == [flags[:, index].sum(), (~flags[:, index]).sum(), 0]
    np.testing.assert_allclose(result.correlation, np.corrcoef(flags.T), atol=1e-9)
    np.testing.assert_array_equal(result.channels[1], np.bincount(images[..., 1].ravel(), minlength=256))
    grey = images @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(result.luminance, grey.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(result.contrast, grey.std(axis=(1, 2)), rtol=1e-4)


def test_what_is_not_known_counts_on_neither_side(tmp_path: Path) -> None:
    images = np.stack([np.full((4, 4, 3), level, np.uint8) for level in (10, 20, 90, 200)])
    dataset = make_dataset(tmp_path / "d", images, {"A": [True, None, False, False]})
    result = measure(dataset, quiet=True)
    assert result.counts.tolist() == [[1, 2, 1]]
    assert result.means[0, :, 0, 0, 0].tolist() == [10, 145]


def test_correlation_takes_pairs_that_are_both_known() -> None:
    rng = np.random.default_rng(0)
    labels, known = rng.random((300, 3)) < 0.5, rng.random((300, 3)) < 0.8
    labels[:, 2] = True
    both = known[:, 0] & known[:, 1]
    result = correlation(labels, known)
    assert result[0, 1] == pytest.approx(np.corrcoef(labels[both, 0], labels[both, 1])[0, 1])
    assert result[0, 1] == result[1, 0]
    assert np.isnan(result[2]).all()
    assert result[0, 0] == pytest.approx(1)


def test_the_page_tells_it_all_and_asks_for_nothing_from_outside(tmp_path: Path) -> None:
    images = smooth(40)
    images[7] = images[3]
    images[9] = 4
    flags = [row % 2 == 0 for row in range(40)]
    dataset = make_dataset(
        tmp_path / "d",
        images,
        {"Smiling": list(flags), "Never": [False] * 40, "With/slash & <b>": [True, *[False] * 39]},
        {"split": ["train"] * 5 + ["test"] * 35, "identity": [row // 4 for row in range(40)]},
        splits={"train": 5, "test": 35},
        skipped=[{"file": "<broken>.jpg", "reason": "cut off"}],
        skipped_count=1,
    )
    page = explore(dataset, quiet=True)
    assert page == tmp_path / "d" / "explore" / "explore.html"
    text = page.read_text()
    assert "<broken>" not in text
    assert "<faces>" not in text
    for phrase in (
        "Dataset little &lt;faces&gt;",
        "40 images of 32×32 pixels",
        "&lt;broken&gt;.jpg",
        "cut off",
        "1 file could not be used",
        "a model cannot learn these attributes: Never.",
        "With/slash &amp; &lt;b&gt; (2.5%)",
        "1 image is very dark: 009.jpg.",
        "1 image is an exact copy of another image.",
        "in both the test and the train split",
        "10 people",
        "87.5%",
        "Someone",
    ):
        assert phrase in text, phrase
    assert not re.search(r'https?://|(src|href)="(?!data:)', text)
    written = {path.relative_to(page.parent).as_posix() for path in page.parent.rglob("*") if path.is_file()}
    image_names = {"sample", "mean_face", "extremes", "pairs", "means/Smiling", "means/Never", "means/With_slash_b"}
    charts = {"attribute_rates", "attribute_correlation", "brightness", "saturation", "channels", "identities"}
    expected = {*(f"{name}.png" for name in image_names), *(f"{name}.svg" for name in charts)}
    assert written == {"explore.html", "explore.json", *expected}
    result = numbers(page)
    assert result["attributes"][0] == {"name": "Smiling", "with": 20, "without": 20, "unknown": 0, "share": 0.5}
    assert result["correlation"][1] == [None, None, None]
    assert result["duplicates"]["exact"] == [["003.jpg", "007.jpg"]]
    assert result["identities"] == {"people": 10, "most_pictures": 4}


@pytest.mark.parametrize("count", [1, 5, 300])
def test_constant_images_without_attributes_are_explored(tmp_path: Path, count: int) -> None:
    dataset = make_dataset(tmp_path / "d", np.full((count, 8, 6, 3), 77, np.uint8))
    page = explore(dataset, tmp_path / "out", quiet=True)
    result = numbers(page)
    assert result["count"] == count
    assert result["duplicates"]["exact_groups"] == (count > 1)
    assert result["duplicates"]["near_pairs"] == 0
    assert result["channels"]["red"] == {"mean": 77.0, "standard_deviation": 0.0}
    assert "no attributes" in page.read_text()
    assert not (tmp_path / "d" / "explore").exists()


def test_the_mean_pair_shows_where_an_attribute_sits(tmp_path: Path) -> None:
    images = np.full((20, 16, 16, 3), 100, np.uint8)
    images[:10, :8] = 140
    dataset = make_dataset(tmp_path / "d", images, {"Bright_Top": [row < 10 for row in range(20)]})
    page = explore(dataset, quiet=True)
    with Image.open(page.parent / "means" / "Bright_Top.png") as picture:
        shown = np.asarray(picture).astype(int)
    side, gap = 176, 6
    tiles = [shown[gap : gap + side, gap + index * (side + gap) :][:, :side] for index in range(3)]
    assert [tile[20, 88, 0] for tile in tiles] == [140, 100, 228]
    assert [tile[150, 88, 0] for tile in tiles] == [100, 100, 128]


def test_near_duplicates_are_found_and_different_images_are_not() -> None:
    images = smooth(400, seed=1)
    copies = []
    for row, change in ((3, "jpeg"), (50, "noise"), (99, "brighter"), (200, "corner")):
        copy = images[row].copy()
        if change == "jpeg":
            file = io.BytesIO()
            Image.fromarray(copy).save(file, "JPEG", quality=80, subsampling=0)
            copy = np.asarray(Image.open(file))
        elif change == "noise":
            copy = np.clip(copy + np.random.default_rng(2).normal(0, 3, copy.shape), 0, 255).astype(np.uint8)
        elif change == "brighter":
            copy = np.clip(copy.astype(int) + 3, 0, 255).astype(np.uint8)
        else:
            copy[:1, :2] = 0
        copies.append(copy)
    result = search(np.concatenate([images, np.stack(copies)]))
    assert result.groups == []
    assert {(one, other) for one, other, _ in result.pairs} == {(3, 400), (50, 401), (99, 402), (200, 403)}
    assert result.complete


def test_of_a_group_of_copies_one_takes_part_in_the_near_search() -> None:
    images = smooth(30, seed=3)
    near = np.clip(images[0].astype(int) + 2, 0, 255).astype(np.uint8)
    result = search(np.concatenate([images, np.stack([images[0]] * 5), near[None]]))
    assert result.groups == [[0, 30, 31, 32, 33, 34]]
    assert [(one, other) for one, other, _ in result.pairs] == [(0, 35)]


def test_thousands_of_flat_images_give_few_duplicates() -> None:
    colours = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 1, 3)
    result = search(np.broadcast_to(colours, (len(colours), 4, 4, 3)).astype(np.uint8))
    assert result.groups == []
    assert all(difference <= 8 for _, _, difference in result.pairs)


def test_exploring_again_replaces_its_own_files_and_leaves_others(tmp_path: Path) -> None:
    images = smooth(6)
    out = tmp_path / "out"
    explore(make_dataset(tmp_path / "one", images, {"Old": [True, False] * 3}), out, quiet=True)
    (out / "notes.txt").write_text("mine")
    (out / "means" / "mine.png").write_text("mine")
    page = explore(make_dataset(tmp_path / "two", images, {"New": [True, False] * 3}), out, quiet=True)
    assert sorted(path.name for path in (out / "means").iterdir()) == ["New.png", "mine.png"]
    assert (out / "notes.txt").read_text() == "mine"
    assert not list(out.rglob(".*"))
    first = page.read_bytes()
    assert explore(open_dataset(tmp_path / "two"), out, quiet=True).read_bytes() == first


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", smooth(2))
    (tmp_path / "out").write_text("mine")
    with pytest.raises(FacesmithError, match="is a file: choose a folder"):
        explore(dataset, tmp_path / "out", quiet=True)


def test_file_names_of_attributes_never_meet() -> None:
    assert file_stems(["A", "a", "a/b", "a b", "../..", "Ünï"]) == ["A", "a_2", "a_b", "a_b_2", "attribute", "Ünï"]


def test_sheets_of_generated_images_are_marked(tmp_path: Path) -> None:
    marks = Marks(GENERATED, "drawn64", "ab", "any use")
    entry = {"model": "drawn64", "digest": "ab", "terms": "any use", "source_type": GENERATED, "count": 4}
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    dataset = make_dataset(tmp_path / "d", images, {"Smiling": [True, False, True, None]}, made_with=[entry])
    sheets = [*explore(dataset, quiet=True).parent.rglob("*.png")]
    assert {path.name for path in sheets} >= {"sample.png", "mean_face.png", "Smiling.png"}
    assert all(read_marks(str(path)) == marks for path in sheets)
