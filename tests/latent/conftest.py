"""A model whose latents are known exactly: principal components of the built-in faces, generator and encoder as ONNX.

The generator draws the mean face plus each component times its latent, and the encoder projects a picture back on them.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import facesmith
from facesmith import Model
from facesmith.data.dataset import Dataset
from facesmith.latent.direction_fit import fit_directions

LATENT = 24


@pytest.fixture(scope="session")
def linear_model(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model of the built-in faces with an encoder and without directions; write nothing into its folder."""
    faces = builtin_dataset.images.transpose(0, 3, 1, 2).reshape(len(builtin_dataset), -1) / np.float32(127.5) - 1
    mean = faces.mean(0)
    _, lengths, axes = np.linalg.svd(faces - mean, full_matrices=False)
    spread = lengths[:LATENT, None] / np.sqrt(len(faces))
    down, up = (axes[:LATENT] * spread).astype(np.float32), (axes[:LATENT] / spread).T.astype(np.float32)
    folder = tmp_path_factory.mktemp("linear") / "linear"
    folder.mkdir()
    width, height = builtin_dataset.size
    shape = ["batch", 3, height, width]
    reshape = helper.make_node("Reshape", ["pixels", "shape"], ["pictures"])
    _write(
        folder / "generator.onnx", [_gemm("z", "pixels"), reshape], ("z", ["batch", LATENT]), ("pictures", shape),
        {"weights": down, "bias": mean, "shape": np.array([-1, 3, height, width])},
    )  # fmt: skip
    flatten = helper.make_node("Flatten", ["pictures"], ["pixels"])
    _write(
        folder / "encoder.onnx", [flatten, _gemm("pixels", "z")], ("pictures", shape), ("z", ["batch", LATENT]),
        {"weights": up, "bias": -mean @ up},
    )  # fmt: skip
    card = {
        "format": "facesmith-model",
        "version": 1,
        "name": "linear",
        "network": {"family": "linear", "size": [width, height], "latent_size": LATENT},
        "latent": "normal",
        "digest": "0" * 64,
        "dataset": builtin_dataset.card,
        "terms": "any use, with credit to the artist",
        "encoder": {"network": {"family": "linear", "size": [width, height]}, "digest": "1" * 64},
    }
    (folder / "model.json").write_text(json.dumps(card))
    return facesmith.load(folder)


@pytest.fixture(scope="session")
def directed_model(linear_model: Model, builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """`linear_model` with directions from the labels of the built-in faces; write nothing into its folder."""
    out = tmp_path_factory.mktemp("directed") / "directed"
    return fit_directions(linear_model, builtin_dataset, out=out, quiet=True)


@pytest.fixture
def photo(builtin_dataset: Dataset, tmp_path: Path) -> Path:
    """Face 3 of the built-in dataset as a file."""
    path = tmp_path / "face.png"
    Image.fromarray(builtin_dataset.images[3]).save(path)
    return path


def _gemm(takes: str, gives: str) -> Any:
    return helper.make_node("Gemm", [takes, "weights", "bias"], [gives])


def _write(
    path: Path,
    nodes: list[Any],
    takes: tuple[str, list[Any]],
    gives: tuple[str, list[Any]],
    tensors: dict[str, NDArray[Any]],
) -> None:
    before, after = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (takes, gives))
    values = [
        numpy_helper.from_array(t.astype(np.int64 if name == "shape" else np.float32), name)
        for name, t in tensors.items()
    ]
    graph = helper.make_graph(nodes, "linear", [before], [after], values)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
