import asyncio
import json
import sys
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import jsonschema
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

import facesmith
from facesmith.studio.api.refine import _events
from facesmith.studio.face_resolver import FaceInPhoto, FaceResolver, Photo

Visit = Callable[..., None]
Upload = Callable[..., Any]
Pixels = Callable[..., Any]
PATH = "/api/v1/refine"


def _split_events(text: str) -> list[dict[str, str]]:
    return [dict(line.split(": ", 1) for line in part.splitlines()) for part in text.strip().split("\n\n")]


def _parse_events(text: str) -> list[tuple[str, Any]]:
    return [(event["event"], json.loads(event["data"])) for event in _split_events(text)]


def test_a_refined_face_is_closer_to_its_photo(visit: Visit, upload: Upload, pixels: Pixels) -> None:
    picture = _other_face()

    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        photo_face = (await upload(client, picture, "?model=drawn64"))["whole"]
        before = (await client.post("/api/v1/encode", json={"face": photo_face})).json()
        response = await client.post(PATH, json={"face": photo_face, "steps": 8})
        assert response.headers["content-type"].startswith("text/event-stream")
        documented = app.openapi()["paths"]["/api/v1/refine"]["post"]["responses"]["200"]["content"]
        for event in _split_events(response.text):
            jsonschema.validate(event, documented["text/event-stream"]["itemSchema"])
        events = _parse_events(response.text)
        assert events[:8] == [("progress", {"step": step, "steps": 8}) for step in range(1, 9)]
        name, result = events[8]
        assert name == "done"
        assert result["score"] > before["score"] + 0.5
        after = (await client.post("/api/v1/encode", json={"face": result["face"]})).json()
        assert after["score"] == pytest.approx(result["score"])
        model = facesmith.load("drawn64", threads=1)
        image = pixels(await client.get(f"/api/v1/faces/{result['id']}.png"))
        assert np.array_equal(image, model.generate(after["latent"])[0])
        for invalid, status in (({"face": "seed:1"}, 400), ({"face": photo_face, "steps": 201}, 422)):
            assert (await client.post(PATH, json=invalid)).status_code == status

    visit(ask, paths=("drawn64",))


def test_refining_stops_when_the_client_disconnects(visit: Visit) -> None:
    async def ask(_: httpx.AsyncClient, app: FastAPI) -> None:
        scope = {"type": "http", "headers": [], "scheme": "http", "path": "/", "server": ("here", 80)}
        resolver = FaceResolver(app.state.services, Request(scope), Response())
        photo = resolver.store(Photo(_other_face()), 1)
        face = resolver.store(FaceInPhoto(photo, None), 1, photo)
        model = await resolver.model("drawn64")
        events = _events(resolver, model, await resolver.face(f"photo:{face}", model), 100_000)
        await anext(events)
        await events.aclose()
        async with asyncio.timeout(20):
            while app.state.services.jobs.count:
                await asyncio.sleep(0.01)

    visit(ask, paths=("drawn64",))


def test_refining_without_torch_names_the_extra(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        assert (await client.get("/api/v1/models")).json()[0]["refine"]
        monkeypatch.setitem(sys.modules, "torch", None)
        assert not (await client.get("/api/v1/models")).json()[0]["refine"]
        response = await client.post(PATH, json={"face": "seed:1"})
        assert response.status_code == 400
        assert "pip install 'facesmith[train]'" in response.json()["error"]

    visit(ask, paths=("drawn64",))


def _other_face() -> bytes:
    """Return a PNG of a face outside the range of the model, with noise on every pixel."""
    face = facesmith.load("drawn64", threads=1).sample(1, 11)[0]
    out = BytesIO()
    Image.fromarray(np.roll(face, 2, axis=1)).save(out, "PNG")
    return out.getvalue()
