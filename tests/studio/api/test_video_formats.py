import sys
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

Visit = Callable[..., None]


@pytest.mark.parametrize("there", [True, False])
def test_only_supported_video_formats_are_listed(visit: Visit, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    if not there:
        monkeypatch.setitem(sys.modules, "av", None)
    body = {"faces": ["seed:1", "seed:2"], "frames": 4}

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        offered = (await client.get("/api/v1/films")).json()["formats"]
        assert offered == (["gif", "mp4"] if there else ["gif"])
        for form in ("gif", "mp4"):
            answer = await client.post("/api/v1/interpolate", json=body | {"format": form})
            assert answer.status_code == (200 if form in offered else 400)
        assert there or "mp4 needs av" in answer.json()["error"]

    visit(ask)
