import asyncio
import io
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image

import facesmith
from facesmith import Dataset
from facesmith.studio.api.imports import _preview_jpeg

Visit = Callable[..., None]
BYTES = {"Content-Type": "application/octet-stream"}


def photo(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 50), (shade, 90, 90)).save(out, "PNG")
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for shade in range(5):
            archive.writestr(f"p{shade}.png", photo(40 * shade))
        for number in range(12):
            archive.writestr(f"__MACOSX/._p{number}.png", b"no image")
    return out.getvalue()


async def send(client: httpx.AsyncClient, upload: str, path: str, data: bytes, offset: int = 0) -> httpx.Response:
    address = f"/api/v1/imports/{upload}/files"
    return await client.put(address, params={"path": path, "offset": offset}, content=data, headers=BYTES)


def test_an_import_requires_allow_training(visit: Visit, tmp_path: Path) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        assert (await client.post("/api/v1/imports")).status_code == 403
        assert (await send(client, "some", "a.png", b"")).status_code == 403
        assert list(tmp_path.iterdir()) == []

    visit(ask, paths=(str(tmp_path),))


@pytest.mark.parametrize("is_zip", [False, True])
def test_photos_are_sent_previewed_and_imported(visit: Visit, tmp_path: Path, is_zip: bool) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        upload = (await client.post("/api/v1/imports")).json()["id"]
        if is_zip:
            data = zipped()
            assert (await send(client, upload, "photos.zip", data[:300])).status_code == 200
            assert (await send(client, upload, "photos.zip", data[200:], 200)).status_code == 400  # a gap
            assert (await send(client, upload, "photos.zip", data[300:], 300)).json()["bytes"] == len(data)
        else:
            for path in ("../up.png", "/etc/x.png", ".hidden/x.png", "a/../../x.png", "", "a\\b.png"):
                assert (await send(client, upload, path, b"x")).status_code == 422, path
            for shade in range(5):
                info = (await send(client, upload, f"some/{shade}.png", photo(40 * shade))).json()
            assert info["files"] == 5
        preview = await client.get(f"/api/v1/imports/{upload}/preview?size=16", timeout=100)
        assert preview.status_code == 200, preview.text
        assert Image.open(io.BytesIO(preview.content)).size == (4 * 16, 2 * 16)
        body = {"name": "mine", "size": 16}
        assert (await client.post(f"/api/v1/imports/{upload}/start", json=body)).status_code == 200
        until = time.monotonic() + 90
        while (info := (await client.get(f"/api/v1/imports/{upload}")).json())["state"] == "importing":
            assert time.monotonic() < until
            await asyncio.sleep(0.2)
        assert (info["state"], info["dataset"]) == ("done", "mine"), info
        (dataset,) = (await client.get("/api/v1/datasets")).json()
        assert (dataset["count"], dataset["size"]) == (5, [16, 16])
        assert (await client.delete(f"/api/v1/imports/{upload}")).status_code == 204
        assert [path.name for path in tmp_path.iterdir()] == ["mine"]

    visit(ask, paths=(str(tmp_path),), allow_training=True)


def test_a_preview_shows_a_few_of_many_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for shade in range(20):
        (tmp_path / f"{shade}.png").write_bytes(photo(10 * shade))
    imported, import_dataset = list[int](), facesmith.import_dataset

    def count(*args: Any, **options: Any) -> Dataset:
        dataset = import_dataset(*args, **options)
        imported.append(len(dataset))
        return dataset

    monkeypatch.setattr(facesmith, "import_dataset", count)
    assert Image.open(io.BytesIO(_preview_jpeg(tmp_path, 16, align=False))).size == (4 * 16, 3 * 16)
    assert imported == [12]


def without_photos() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("notes.md", "nothing to see")
    return out.getvalue()


@pytest.mark.parametrize("data", [zipped()[:500], without_photos()])
def test_the_preview_of_an_unusable_zip_is_an_error(visit: Visit, tmp_path: Path, data: bytes) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        upload = (await client.post("/api/v1/imports")).json()["id"]
        assert (await send(client, upload, "photos.zip", data)).status_code == 200
        answer = await client.get(f"/api/v1/imports/{upload}/preview", timeout=100)
        assert answer.status_code == 400
        assert "zip" in answer.json()["error"]
        assert str(tmp_path) not in answer.text

    visit(ask, paths=(str(tmp_path),), allow_training=True)


def test_a_run_is_exported_and_its_model_deleted(visit: Visit, small_run: Path, tmp_path: Path) -> None:
    shutil.copytree(small_run, tmp_path / "first")

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        info: dict[str, Any] = (await client.post("/api/v1/runs/first/export", json={})).json()
        until = time.monotonic() + 150
        while info["state"] == "running":
            assert time.monotonic() < until
            await asyncio.sleep(0.2)
            info = (await client.get("/api/v1/runs/first/export")).json()
        assert (info["state"], info["model"], info["kind"]) == ("done", "first-model", "generator"), info
        (model,) = (await client.get("/api/v1/models")).json()
        assert model["owned"]
        renamed = await client.post("/api/v1/models/first-model/rename", json={"name": "mine"})
        assert renamed.json() == {"name": "mine"}
        assert (await client.get("/api/v1/generate?model=mine&count=2")).status_code == 200
        assert (await client.delete("/api/v1/models/mine")).status_code == 204
        assert [path.name for path in tmp_path.iterdir()] == ["first"]

    visit(ask, paths=(str(tmp_path),), allow_training=True)
