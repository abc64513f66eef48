import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from facesmith import Dataset

Visit = Callable[..., None]


@pytest.fixture
def data(builtin_dataset: Dataset, tmp_path: Path) -> Path:
    """Return a folder with the dataset ``faces`` and two unreadable datasets."""
    shutil.copytree(builtin_dataset.path, tmp_path / "faces")
    for name, text in (("broken", "{"), ("empty", "{}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dataset.json").write_text(text)
    return tmp_path


def test_datasets_are_listed(visit: Visit, data: Path, builtin_dataset: Dataset) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        (only,) = (await client.get("/api/v1/datasets")).json()
        assert (only["name"], only["count"], only["size"], only["explore"]) == ("faces", 256, [32, 32], None)
        assert only["attributes"] == builtin_dataset.attributes
        assert "Avataaars" in only["credit"]
        card = (await client.get("/api/v1/datasets/faces")).json()
        assert card["fingerprint"] == builtin_dataset.fingerprint
        assert "skipped" not in card
        for path in ("/nothing", "/..%2ffaces", "/broken/attributes", "/empty/sheet", "/faces/explore"):
            response = await client.get(f"/api/v1/datasets{path}")
            assert response.status_code in (400, 404), path
            assert str(data) not in response.text

    visit(ask, paths=(str(data),))


def test_images_and_rates_match_the_dataset(visit: Visit, data: Path, builtin_dataset: Dataset) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        rates = (await client.get("/api/v1/datasets/faces/attributes")).json()
        assert [rate["share"] for rate in rates] == pytest.approx(builtin_dataset.labels().mean(0).tolist())
        name = max(rates, key=lambda rate: rate["share"])["name"]
        response = await client.get(f"/api/v1/datasets/faces/sheet?count=6&columns=3&having={name}")
        assert Image.open(io.BytesIO(response.content)).size == (96, 64)
        every = await client.get("/api/v1/datasets/faces/sheet?count=1&columns=1&seed=5")
        image = np.asarray(Image.open(io.BytesIO(every.content)), np.float32)
        distances = np.abs(builtin_dataset.images.astype(np.float32) - image).mean((1, 2, 3))
        nearest, second = np.sort(distances)[:2]
        assert nearest < second / 3  # the image is a JPEG of the nearest face
        for query, status in (("having=Wings", 404), ("count=145", 422), ("count=0", 422), ("seed=-1", 422)):
            assert (await client.get(f"/api/v1/datasets/faces/sheet?{query}")).status_code == status, query

    visit(ask, paths=(str(data),))


def test_exploring_requires_allow_training(visit: Visit, data: Path) -> None:
    async def check_refusal(client: httpx.AsyncClient, _: FastAPI) -> None:
        response = await client.post("/api/v1/datasets/faces/explore")
        assert response.status_code == 403
        assert "--allow-training" in response.json()["error"]
        assert not (data / "faces" / "explore").exists()

    async def check_page(client: httpx.AsyncClient, _: FastAPI) -> None:
        dataset = (await client.post("/api/v1/datasets/faces/explore")).json()
        response = await client.get(dataset["explore"])
        assert "Dataset builtin" in response.text
        assert response.headers["content-security-policy"].endswith("sandbox")
        assert json.loads((data / "faces" / "explore" / "explore.json").read_text())["count"] == 256

    visit(check_refusal, paths=(str(data),))
    visit(check_page, paths=(str(data),), allow_training=True)
