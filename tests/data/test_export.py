"""Datasets and generated sets in the hands of other tools, and back."""

import gc
import glob
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from PIL import Image

import facesmith
from facesmith.cli import facesmith as root
from facesmith.data.dataset import Dataset, new_dataset, open_dataset
from facesmith.data.export import export_dataset
from facesmith.data.importer import import_dataset
from facesmith.data.layouts import layout as layouts
from facesmith.errors import FacesmithError
from facesmith.images.decode import read_marks
from facesmith.terms import NON_COMMERCIAL

LAYOUTS = ["imagefolder", "classes:Smiling", "webdataset", "parquet"]
MODEL = {"model": "celeba64", "digest": "ab", "terms": NON_COMMERCIAL, "source_type": "trainedAlgorithmicMedia"}


@pytest.fixture(params=[10_000, 10], ids=["one shard", "several"])
def shards(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "SHARD", request.param)


@pytest.fixture
def people(tmp_path: Path) -> Dataset:
    """24 pictures in two splits, the first of which a model made; identity and Young are unknown for the first 12."""
    rng = np.random.default_rng(0)
    columns = {
        "file": [f"{row}.png" for row in range(24)],
        "split": ["train", "test"] * 12,
        "identity": pa.array(range(24), pa.int64(), mask=np.arange(24) < 12),
        "made_with": pa.array([0] + [None] * 23, pa.int64()),
        "Smiling": rng.random(24) < 0.5,
        "Young": pa.array(rng.random(24) < 0.5, mask=np.arange(24) < 12),
    }
    source = {"kind": "celeba", "name": "CelebA", "credit": "Liu et al."}
    card = {"name": "people", "crop": "none", "resize": "lanczos", "source": source, "terms": NON_COMMERCIAL}
    with new_dataset(tmp_path / "people") as writer:
        with writer.images(16, 8, 24):
            writer.append(rng.integers(0, 256, (24, 8, 16, 3), np.uint8))
        writer.finish(pa.table(columns), {**card, "made_with": [MODEL | {"count": 1}]})
    return open_dataset(tmp_path / "people")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.usefixtures("shards")
def test_a_dataset_survives_export_and_import(people: Dataset, layout: str, tmp_path: Path) -> None:
    out = export_dataset(people, tmp_path / "out", layout=layout, quiet=True)
    back = import_dataset(out, tmp_path / "back", size="16x8", quiet=True, workers=1)
    assert (back.attributes, back.terms) == (people.attributes, NON_COMMERCIAL)
    assert back.card["source"]["credit"] == "Liu et al."
    assert [(entry["model"], entry["count"]) for entry in back.card["made_with"]] == [("celeba64", 1)]
    names = ("split", "identity", "made_with", "Smiling", "Young")
    expected = {
        people.images[number].tobytes(): [row[name] for name in names]
        for number, row in enumerate(people.metadata().to_pylist())
    }
    found = {
        back.images[number].tobytes(): [row[name] for name in names]
        for number, row in enumerate(back.metadata().to_pylist())
    }
    assert found == expected


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # datasets leaves files open
@pytest.mark.usefixtures("shards")
def test_hugging_face_datasets_loads_pictures_and_labels(people: Dataset, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    for layout in ("imagefolder", "parquet"):
        folder = export_dataset(people, tmp_path / layout, layout=layout, quiet=True)
        # A script that reads the files by their names runs no process and needs no network.
        loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
        assert {split: len(rows) for split, rows in loaded.items()} == {"train": 12, "test": 12}
        rows = {np.asarray(row["image"]).tobytes(): row for row in loaded["train"]}
        row = rows[people.images[2].tobytes()]
        assert (row["Smiling"], row["Young"]) == (bool(people.labels()[2, 0]), None)
        assert row["terms"] == NON_COMMERCIAL
    gc.collect()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves its archives open
def test_webdataset_streams_pictures_and_labels(people: Dataset, shards: None, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="the package webdataset is not installed")
    out = export_dataset(people, tmp_path / "out", layout="webdataset", quiet=True)
    archives = sorted(glob.glob(f"{out}/test-*.tar"))  # noqa: PTH207 (as in the documentation)
    pairs = list(webdataset.WebDataset(archives, shardshuffle=False).decode("pil").to_tuple("png", "json"))
    assert [row["Smiling"] for _, row in pairs] == list(people.labels()[1::2, 0])
    assert np.array_equal(np.asarray(pairs[3][0]), people.images[7])
    gc.collect()


def test_pandas_reads_the_parquet_files(people: Dataset, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="the package pandas is not installed")
    out = export_dataset(people, tmp_path / "out", layout="parquet", quiet=True)
    frame = pandas.read_parquet(out / "data" / "train-00000.parquet")
    assert list(frame.columns) == ["image", "terms", "split", "identity", "Smiling", "Young"]
    assert frame.Smiling.mean() == people.labels()[::2, 0].mean()


def test_class_folders_are_a_torch_dataset(people: Dataset, tmp_path: Path) -> None:
    from torch.utils.data import DataLoader
    from torch.utils.data import Dataset as TorchDataset

    out = export_dataset(people, tmp_path / "out", layout="classes:Smiling", quiet=True) / "train"

    class ImageFolder(TorchDataset[Any]):
        """What torchvision's ImageFolder does: a class for each folder, by name."""

        def __init__(self, folder: Path) -> None:
            classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
            pictures = ((folder.glob(f"{name}/**/*.png"), number) for number, name in enumerate(classes))
            self.samples = [(path, number) for paths, number in pictures for path in paths]

        def __len__(self) -> int:
            return len(self.samples)

        def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
            return np.array(Image.open(self.samples[index][0])), self.samples[index][1]

    images, classes = next(iter(DataLoader(ImageFolder(out), batch_size=12)))
    assert tuple(images.shape) == (12, 8, 16, 3)
    assert int((classes == 0).sum()) == people.labels()[::2, 0].sum()  # Smiling comes before not_Smiling


def test_a_set_where_a_dataset_is_expected_is_to_be_imported(people: Dataset, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="import it with"):
        open_dataset(export_dataset(people, tmp_path / "out", quiet=True))


def test_exported_pictures_keep_their_marks(people: Dataset, tmp_path: Path) -> None:
    out = export_dataset(people, tmp_path / "out", quiet=True)
    marks = read_marks(str(out / "train/000000.png"))
    assert marks is not None
    assert (marks.model, marks.terms) == ("celeba64", NON_COMMERCIAL)
    assert read_marks(str(out / "test/000001.png")) is None
    assert 'license_name: "non-commercial-research-only"' in (out / "README.md").read_text()


def test_classes_leave_out_what_is_unknown(people: Dataset, tmp_path: Path) -> None:
    out = export_dataset(people, tmp_path / "out", layout="classes:Young", quiet=True)
    assert len(list(out.rglob("*.png"))) == 12
    with pytest.raises(FacesmithError, match="Tall"):
        export_dataset(people, tmp_path / "other", layout="classes:Tall", quiet=True)


def test_the_command_names_the_terms(people: Dataset, tmp_path: Path) -> None:
    arguments = ["data", "export", str(people.path), "--out", str(tmp_path / "out"), "--quiet"]
    assert NON_COMMERCIAL in CliRunner().invoke(root, arguments).output
    assert facesmith.read_set(tmp_path / "out")["count"] == 24
