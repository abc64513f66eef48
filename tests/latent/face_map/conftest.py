"""A real model with a small encoder of its own, and a map made with it."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from facesmith.data.dataset import Dataset
from facesmith.latent.face_map.build import map_faces
from facesmith.models.model import Model, load


@pytest.fixture(scope="session")
def model_with_encoder(small_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """`small_model` with an encoder: a fixed linear function of the picture at 4x4."""
    folder = tmp_path_factory.mktemp("seeing") / "model"
    shutil.copytree(small_model.path, folder)
    width, height = small_model.size
    weights = np.random.default_rng(0).standard_normal((3 * 4 * 4, small_model.latent_size)).astype(np.float32)
    stride = [height // 4, width // 4]
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["pictures"], ["small"], kernel_shape=stride, strides=stride),
            helper.make_node("Flatten", ["small"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["z"]),
        ],
        "encoder",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["batch", 3, height, width])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", small_model.latent_size])],
        [numpy_helper.from_array(weights, "weights")],
    )
    encoder = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(encoder, folder / "encoder.onnx")
    card = json.loads((folder / "model.json").read_text())
    card["encoder"] = {"network": {"family": "linear", "size": [width, height]}, "digest": "fixed"}
    (folder / "model.json").write_text(json.dumps(card))
    return load(folder)


@pytest.fixture(scope="session")
def small_map(model_with_encoder: Model, builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 of 256 built-in faces by PCA, and a generated face among them; read it, and write nothing into it."""
    out = tmp_path_factory.mktemp("maps") / "map"
    return map_faces(
        model_with_encoder, builtin_dataset, out, count=200, methods=["pca"], photos=["seed:7"], seed=3, quiet=True
    )
