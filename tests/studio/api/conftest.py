"""Linear models with encoders, whose images and latents can be computed exactly."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import facesmith
from facesmith import Model
from facesmith.arrays import Floats, Images
from facesmith.models.directions import FILE, Directions, write_directions

LATENT, DETAIL, SIDE = 4, 2, 8
PHOTOS = {"size": [SIDE, SIDE], "crop": "center:178", "resize": "lanczos", "count": 9, "name": "photos",
          "source": {"kind": "celeba", "name": "photos"}}  # fmt: skip
DRAWINGS = {**PHOTOS, "crop": "fit", "name": "drawings", "source": {"kind": "builtin", "name": "drawings"}}


@pytest.fixture(scope="session")
def photo_models(tmp_path_factory: pytest.TempPathFactory, write_makeover: Callable[..., Path]) -> Path:
    """``photographer`` and ``painter``, models with encoders and directions, and the makeover ``mirror``."""
    folder = tmp_path_factory.mktemp("photo_models")
    _write_photo_model(folder / "photographer", 1, PHOTOS)
    _write_photo_model(folder / "painter", 2, DRAWINGS)
    write_makeover(folder / "mirror", PHOTOS)
    return folder


@pytest.fixture(scope="session")
def photographer(photo_models: Path) -> Model:
    return facesmith.load(photo_models / "photographer", threads=1)


@pytest.fixture(scope="session")
def painter(photo_models: Path) -> Model:
    return facesmith.load(photo_models / "painter", threads=1)


@pytest.fixture(scope="session")
def upload(two_faces: bytes) -> Callable[..., Any]:
    """Upload a photo, by default `two_faces`, and return the response."""

    async def send(client: httpx.AsyncClient, data: bytes = two_faces, query: str = "") -> Any:
        response = await client.post(f"/api/v1/photos{query}", content=data, headers={"Content-Type": "image/png"})
        assert response.status_code == 200, response.text
        return response.json()

    return send


@pytest.fixture(scope="session")
def pixels() -> Callable[[httpx.Response], Images]:
    """Return the function that decodes the image of a successful response."""

    def read(response: httpx.Response) -> Images:
        assert response.status_code == 200, response.text
        return np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB"))

    return read


def png(picture: Images) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


def _write_photo_model(folder: Path, seed: int, data: dict[str, Any]) -> None:
    """Write a generator that adds up 4 + 2 images, and an encoder that returns their weights."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((3 * SIDE * SIDE, LATENT + DETAIL)))[0].T.astype(np.float32)
    folder.mkdir(parents=True)
    _write_sum(folder / "generator.onnx", "z", "pictures", basis, [-1, 3, SIDE, SIDE])
    _write_sum(folder / "encoder.onnx", "pictures", "z", basis.T, [-1, LATENT + DETAIL])
    moves = rng.standard_normal((2, LATENT)).astype(np.float32)
    directions = Directions(
        names=["Smiling", "Young"],
        moves={kind: moves * scale for kind, scale in (("mean", 1), ("boundary", 2), ("orthogonal", 3))},
        normals=moves,
        offsets=np.zeros(2, np.float32),
        curves=np.array([[2, 0], [2, 0]], np.float32),
        rates=np.array([0.5, 0.25], np.float32),
        about={"encoder": "e" * 64, "accuracy": {"Smiling": 0.9, "Young": None}},
    )
    card = {
        "format": "facesmith-model",
        "version": 1,
        "name": folder.name,
        "network": {"family": "sum", "size": [SIDE, SIDE], "latent_size": LATENT},
        "encoder": {"network": {}, "digest": "e" * 64, "detail_size": DETAIL},
        "latent": "normal",
        "digest": f"{seed:064x}",
        "dataset": data,
        "directions": write_directions(directions, folder / FILE),
        "terms": "any use",
    }
    (folder / "model.json").write_text(json.dumps(card))


def _write_sum(path: Path, takes: str, gives: str, weights: Floats, shape: list[int]) -> None:
    """Write a network that reshapes, multiplies and reshapes."""
    into = len(weights)
    tensors = {"weights": weights, "flat": np.array([-1, into]), "shape": np.array(shape)}
    nodes = [
        helper.make_node("Reshape", [takes, "flat"], ["row"]),
        helper.make_node("MatMul", ["row", "weights"], ["sum"]),
        helper.make_node("Reshape", ["sum", "shape"], [gives]),
    ]
    pictures: list[Any] = ["batch", 3, SIDE, SIDE]
    latents: list[Any] = ["batch", LATENT + DETAIL]
    graph = helper.make_graph(
        nodes,
        "sum",
        [helper.make_tensor_value_info(takes, TensorProto.FLOAT, latents if takes == "z" else pictures)],
        [helper.make_tensor_value_info(gives, TensorProto.FLOAT, latents if gives == "z" else pictures)],
        [numpy_helper.from_array(np.ascontiguousarray(tensor), name) for name, tensor in tensors.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
