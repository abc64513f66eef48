"""POST /identify: the studio's own pictures are identified by their marks."""

from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

Visit = Callable[..., None]
BODY = {"Content-Type": "application/octet-stream"}


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "zip"])
def test_generated_pictures_are_identified(visit: Visit, form: str) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        picture = await client.get(f"/api/v1/generate?seed=7&start=3&format={form}")
        answer = await client.post("/api/v1/identify", content=picture.content, headers=BODY)
        if form == "zip":
            assert answer.status_code == 415
            return
        marks = answer.json()["marks"]
        assert answer.json()["kind"] == "generated"
        assert (marks["seed"], marks["index"], marks["terms"]) == (7, 3, "any use")

    visit(ask)


def test_an_empty_body_is_refused(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        assert (await client.post("/api/v1/identify", content=b"", headers=BODY)).status_code == 422

    visit(ask)
