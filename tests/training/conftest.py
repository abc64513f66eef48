"""Datasets and runs that the tests of several tasks start from."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

import facesmith
from facesmith import Model
from facesmith.datasets.dataset import FORMAT, VERSION, Dataset, open_dataset

SETTINGS = ("batch_size=16", "threads=1", "precision=float32", "memory_format=channels_last", "score_count=100",
            "score_share=1000", "checkpoint_kimg=0.16", "tick_kimg=0.4")  # fmt: skip
ENCODER = (*SETTINGS, "score_kimg=0.8")
JUDGE = (*SETTINGS, "width=4", "feature_size=8", "score_kimg=0.16")


def make_dataset(folder: Path, pictures: np.ndarray, **columns: Any) -> Dataset:
    """A dataset of these pictures (N x H x W x 3, uint8), with these attributes."""
    folder.mkdir()
    count, height, width, _ = pictures.shape
    np.save(folder / "images.npy", pictures)
    table = {"file": [f"{row}.png" for row in range(count)], "split": pa.nulls(count, pa.string()), **columns}
    pq.write_table(pa.table(table), folder / "metadata.parquet")
    card = {"format": FORMAT, "version": VERSION, "name": folder.name, "size": [width, height], "channels": 3,
            "count": count, "attributes": list(columns), "fingerprint": folder.name, "crop": "none",
            "resize": "lanczos", "source": {"kind": "folder", "name": "pictures"}}  # fmt: skip
    (folder / "dataset.json").write_text(json.dumps(card))
    return open_dataset(folder)


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """240 noisy 16x16 pictures: the red are Red, the bright on the left are Left, a third of which nobody has said."""
    rng = np.random.default_rng(0)
    red, left = rng.random((2, 240)) < 0.5
    pictures = rng.integers(60, 140, (240, 16, 16, 3))
    pictures[red, :, :, 0] += 60
    pictures[left, :, :8] += 40
    unknown = rng.random(240) < 1 / 3
    folder = tmp_path_factory.mktemp("labelled") / "noise"
    return make_dataset(folder, pictures.astype(np.uint8), Red=red, Left=pa.array(left, mask=unknown))


@pytest.fixture(scope="session")
def vivid_model(small_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`small_model`, which has learned little, with contrasts strong enough for an encoder to see."""
    folder = tmp_path_factory.mktemp("vivid") / "model"
    shutil.copytree(small_model.path, folder)
    weights = load_file(folder / "generator.safetensors")
    last = max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
    weights[f"layers.{last}.weight"] *= 20
    save_file(weights, folder / "generator.safetensors")
    return folder


@pytest.fixture(scope="session")
def generated(vivid_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """240 faces of `vivid_model`: an encoder can be right about every one."""
    faces = facesmith.load(vivid_model, "torch").sample(240, seed=3)
    return make_dataset(tmp_path_factory.mktemp("vivid") / "generated", faces)


@pytest.fixture(scope="session")
def judge_run(labelled: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("judge") / "run"
    return facesmith.train("judge", labelled, run, settings=JUDGE, kimg=0.64, quiet=True)


@pytest.fixture(scope="session")
def encoder_run(generated: Dataset, vivid_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("encoder") / "run"
    return facesmith.train("encoder", generated, run, model=vivid_model, settings=ENCODER, kimg=2.4, quiet=True)
