import sys
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

Visit = Callable[..., None]


@pytest.mark.parametrize("has_av", [True, False])
def test_only_supported_video_formats_are_listed(visit: Visit, monkeypatch: pytest.MonkeyPatch, has_av: bool) -> None:
    if not has_av:
        monkeypatch.setitem(sys.modules, "av", None)
    body = {"faces": ["seed:1", "seed:2"], "frames": 4}

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        formats = (await client.get("/api/v1/films")).json()["formats"]
        assert formats == (["gif", "mp4"] if has_av else ["gif"])
        for form in ("gif", "mp4"):
            response = await client.post("/api/v1/interpolate", json=body | {"format": form})
            assert response.status_code == (200 if form in formats else 400)
        assert has_av or "mp4 needs av" in response.json()["error"]

    visit(ask)
