"""Small linear models in real model folders."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
from fastapi import FastAPI
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import facesmith
from facesmith import Model
from facesmith.data.sources.builtin import DrawnFace
from facesmith.models.directions import FILE, Directions, write_directions
from facesmith.studio.app import create_app
from facesmith.studio.settings import Settings

LATENT, SIDE = 6, 8
HOST = "http://127.0.0.1:8000"
FACES = (("avataaars", 23), ("avataaars", 68))  # YuNet detects few drawn faces, but these reliably


def write_model(folder: Path, seed: int = 0, *, batch_dependent: bool = False, has_directions: bool = False) -> Path:
    """Write a model folder of 8x8 faces. With ``batch_dependent``, faces depend on the size of their batch."""
    rng = np.random.default_rng(seed)
    tensors = {
        "weights": rng.standard_normal((LATENT, 3 * SIDE * SIDE)).astype(np.float32) / 4,
        "bias": rng.standard_normal(3 * SIDE * SIDE).astype(np.float32) / 4,
        "shape": np.array([-1, 3, SIDE, SIDE]),
        "hundredth": np.float32(0.01),
    }
    nodes = [
        helper.make_node("Gemm", ["z", "weights", "bias"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["alone" if batch_dependent else "pictures"]),
    ]
    if batch_dependent:
        nodes += [
            helper.make_node("Shape", ["z"], ["rows"], start=0, end=1),
            helper.make_node("Cast", ["rows"], ["count"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["count", "hundredth"], ["shift"]),
            helper.make_node("Add", ["alone", "shift"], ["pictures"]),
        ]
    graph = helper.make_graph(
        nodes,
        "sum",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", LATENT])],
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [numpy_helper.from_array(np.asarray(tensor), name) for name, tensor in tensors.items()],
    )
    folder.mkdir(parents=True)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / "generator.onnx"
    )
    card: dict[str, Any] = {
        "format": "facesmith-model",
        "version": 1,
        "name": folder.name,
        "network": {"family": "sum", "size": [SIDE, SIDE], "latent_size": LATENT},
        "latent": "normal",
        "digest": f"{seed:064x}",
        "dataset": {"count": 100, "source": {"kind": "builtin", "name": "nobody"}},
        "terms": "any use",
    }
    if has_directions:
        normals = rng.standard_normal((2, LATENT)).astype(np.float32)
        moves = np.linalg.pinv(normals).T  # each shifts one score by 1 and leaves the other
        directions = Directions(
            names=["Smiling", "Young"],
            moves=dict.fromkeys(("mean", "boundary", "orthogonal"), moves),
            normals=normals,
            offsets=np.zeros(2, np.float32),
            curves=np.array([[2, 0], [2, 0]], np.float32),
            rates=np.array([0.5, 0.5], np.float32),
            about={"encoder": None},
        )
        card["directions"] = write_directions(directions, folder / FILE)
    (folder / "model.json").write_text(json.dumps(card))
    (folder / "README.md").write_text(f"# {folder.name}\n")
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the models ``first`` and ``second`` (with directions), which tests must not change."""
    folder = tmp_path_factory.mktemp("models")
    write_model(folder / "first")
    write_model(folder / "second", 1, has_directions=True)
    return folder


@pytest.fixture(scope="session")
def first(models: Path) -> Model:
    return facesmith.load(models / "first", threads=1)


@pytest.fixture(scope="session")
def second(models: Path) -> Model:
    return facesmith.load(models / "second", threads=1)


@pytest.fixture(scope="session")
def batch_dependent(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Return a model whose faces depend on the size of their batch."""
    return facesmith.load(write_model(tmp_path_factory.mktemp("beside") / "beside", batch_dependent=True), threads=1)


@pytest.fixture(scope="session")
def two_faces() -> bytes:
    """Return a PNG of 600 x 400 with a large face at the right and a smaller one at the left."""
    image = Image.new("RGB", (600, 400), (120, 130, 140))
    for (style, index), side, x, y in zip(FACES, (340, 200), (240, 10), (30, 150), strict=True):
        face = Image.open(io.BytesIO(DrawnFace(style, 0, index, 256).open())).convert("RGB")
        image.paste(face.resize((side, side), Image.Resampling.LANCZOS), (x, y))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


Check = Callable[[httpx.AsyncClient, FastAPI], Awaitable[None]]


@pytest.fixture(scope="session")
def visit(models: Path) -> Callable[..., None]:
    """Run a check against an app over `models` with these settings."""

    def run(check: Check, **settings: Any) -> None:
        async def run_check() -> None:
            all_settings: dict[str, Any] = {"paths": (str(models),), "quiet": True, "workers": 2} | settings
            app = create_app(Settings(**all_settings))
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url=HOST) as client,
            ):
                await check(client, app)

        asyncio.run(run_check())

    return run
