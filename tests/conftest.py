"""What several parts' tests start from."""

import importlib.util
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import settings
from safetensors import safe_open
from safetensors import torch as safetensors
from safetensors.numpy import load_file, save_file

import facesmith
from facesmith.data.dataset import Dataset, new_dataset, open_dataset
from facesmith.data.importer import import_dataset
from facesmith.models.classifier import AttributeClassifier
from facesmith.models.model import Model
from facesmith.tasks.export import export
from facesmith.tasks.train import train

# Property tests try the same examples every time; `pytest --hypothesis-profile thorough` tries many new ones.
settings.register_profile("deterministic", derandomize=True, database=None, deadline=None)
settings.register_profile("thorough", max_examples=100_000, database=None, deadline=None)
settings.load_profile("deterministic")


@pytest.fixture(autouse=True)
def _fixed_draws() -> None:
    """Tests that draw from torch's global generator draw the same every time."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def builtin_dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """256 built-in faces at 32x32; read it, and write nothing into its folder."""
    folder = tmp_path_factory.mktemp("builtin") / "faces"
    return import_dataset("builtin:256", folder, size="32", quiet=True)


@pytest.fixture(scope="session")
def celeba_root() -> Path:
    """The folder of CelebA's photos and annotations, which no repository may hold."""
    root = os.environ.get("CELEBA_ROOT")
    if not root:
        pytest.skip("CELEBA_ROOT is not set to a folder with CelebA's photos")
    return Path(root)


@pytest.fixture(scope="session")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Sixty files as people really have them; see tests/hostile.py."""
    return _beside("hostile").make_hostile(tmp_path_factory.mktemp("hostile") / "photos")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A hub on loopback, which huggingface_hub's client is sent to; see tests/hub_server.py."""
    with _beside("hub_server").Hub() as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        # facesmith switches xet off, but not in a client that another package has imported before.
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def noise() -> Callable[[int, int], np.ndarray]:
    """Pictures that no resizing keeps, and bright enough for nothing to be clipped: (height, width, 3)."""
    rng = np.random.default_rng(0)
    return lambda height, width: rng.integers(60, 190, (height, width, 3), np.uint8)


def _beside(name: str) -> Any:
    """The module ``name`` in this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small_run(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of half a thousand 32x32 pictures with narrow networks: trained, though not to be proud of."""
    settings = ("generator_width=8", "discriminator_width=8", "batch_size=32", "threads=1", "precision=float32",
                "memory_format=channels_last", "checkpoint_kimg=0.32")  # fmt: skip
    run = tmp_path_factory.mktemp("small") / "run"
    return train("tiny", builtin_dataset, run, settings=settings, kimg=0.512, quiet=True)


@pytest.fixture(scope="session")
def small_model(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The model of `small_run`; read it, and write nothing into its folder."""
    model: Model = export(small_run, tmp_path_factory.mktemp("small") / "model")
    return model


@pytest.fixture(scope="session")
def small_classifier(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> AttributeClassifier:
    """A narrow judge of the built-in faces, trained for a moment; read it, and write nothing into its folder."""
    folder = tmp_path_factory.mktemp("judge")
    settings = ("width=4", "feature_size=8", "batch_size=16", "threads=1", "precision=float32", "score_kimg=0.16",
                "memory_format=channels_last", "score_share=1000", "checkpoint_kimg=0.16")  # fmt: skip
    run = train("classifier", builtin_dataset, folder / "run", settings=settings, kimg=0.32, quiet=True)
    classifier: AttributeClassifier = export(run, folder / "judge")
    return classifier


@pytest.fixture(scope="session")
def write_makeover() -> Callable[..., Path]:
    """Writes a makeover folder whose network is known: see tests/makeover_files.py."""
    write: Callable[..., Path] = _beside("makeover_files").write_makeover
    return write


@pytest.fixture(scope="session")
def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the studio's Dockerfile, and what follows each."""
    text = (Path(__file__).parent.parent / "deploy" / "studio" / "Dockerfile").read_text()
    lines = "\n".join(line for line in text.splitlines() if line and not line.startswith("#"))
    return [(word, rest) for word, rest in (line.split(None, 1) for line in lines.replace("\\\n", "").split("\n"))]


SETTINGS = ("batch_size=16", "threads=1", "precision=float32", "memory_format=channels_last", "score_count=100",
            "score_share=1000", "checkpoint_kimg=0.16", "tick_kimg=0.4")  # fmt: skip
ENCODER = (*SETTINGS, "score_kimg=0.8")
JUDGE = (*SETTINGS, "width=4", "feature_size=8", "score_kimg=0.16")


@pytest.fixture(scope="session")
def styled_model(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A residual G of 32x32 whose blocks, which start as nothing, are given something to do."""
    folder = tmp_path_factory.mktemp("styled")
    run = train(
        "small", builtin_dataset, folder / "run", kimg=0.032, quiet=True,
        settings=("generator_width=4", "discriminator_width=4", "batch_size=16", "threads=1", "precision=float32",
                  "memory_format=contiguous"),
    )  # fmt: skip
    path = max((run / "checkpoints").iterdir())
    state = safetensors.load_file(path)
    torch.manual_seed(0)
    for name in state:
        if name.startswith("average.") and "second.weight" in name:
            state[name] = 0.3 * torch.randn_like(state[name])
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["facesmith"])
    safetensors.save_file(state, path, {"facesmith": json.dumps(card | {"crc32": {}})})
    model: Model = export(run, folder / "styled")
    return model


def make_dataset(folder: Path, pictures: np.ndarray, **columns: Any) -> Dataset:
    """A dataset of these pictures (N x H x W x 3, uint8), with these attributes."""
    count, height, width, _ = pictures.shape
    table = pa.table({"file": [f"{row}.png" for row in range(count)], "split": pa.nulls(count, pa.string()), **columns})
    with new_dataset(folder) as writer:
        with writer.images(width, height, count):
            writer.append(pictures)
        source = {"kind": "folder", "name": "pictures"}
        writer.finish(table, {"name": folder.name, "crop": "none", "resize": "lanczos", "source": source})
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
def classifier_run(labelled: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("judge") / "run"
    return facesmith.train("classifier", labelled, run, settings=JUDGE, kimg=0.64, quiet=True)


@pytest.fixture(scope="session")
def encoder_run(generated: Dataset, vivid_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("encoder") / "run"
    return facesmith.train("encoder", generated, run, model=vivid_model, settings=ENCODER, kimg=2.4, quiet=True)
