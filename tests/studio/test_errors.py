from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from facesmith.studio.errors import MAX_LISTED_ERRORS, MAX_MESSAGE_CHARS
from facesmith.studio.schemas import MAX_FIELDS

Visit = Callable[..., None]
KIND = {"Content-Type": "application/json"}


def test_error_messages_are_shortened(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for response in (
            await client.get(f"/api/v1/models/{'a' * 9_000}"),
            await client.post("/api/v1/edit", json={"faces": ["seed:1"], "a" * 9_000: 1}),
        ):
            assert response.status_code in (404, 422)
            assert response.json()["error"].count("a") > 90
            assert len(response.json()["error"]) <= MAX_MESSAGE_CHARS + 3
        invalid = await client.post("/api/v1/edit", json={"faces": ["nobody"] * (MAX_LISTED_ERRORS + 2)})
        assert invalid.json()["error"].count("invalid value") == MAX_LISTED_ERRORS
        assert invalid.json()["error"].endswith("; and 2 more")

    visit(ask)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"faces": ["seed:1"], %s}', "edit"),
        ('{"faces": ["seed:1"], "edits": [{%s}]}', "edit"),
        ('{"recipe": "tiny", "dataset": "d", "name": "n", "settings": {%s}}', "runs"),
    ],
)
def test_an_object_with_many_fields_is_refused(visit: Visit, body: str, path: str) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        body_fields = ", ".join(f'"k{number}": "x y"' for number in range(MAX_FIELDS + 1))
        response = await client.post(f"/api/v1/{path}", content=body.replace("%s", body_fields), headers=KIND)
        assert response.status_code == 422
        assert response.json()["error"].endswith(f": an object has at most {MAX_FIELDS} fields")

    visit(ask)


@pytest.mark.parametrize("body", [b'{"face": "\xff"}', b'{"face": ' + b"9" * 5_000 + b"}", b"[" * 100_000])
def test_an_unreadable_body_gets_a_message(visit: Visit, body: bytes) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        response = await client.post("/api/v1/describe", content=body, headers=KIND)
        assert (response.status_code, "send JSON" in response.json()["error"]) == (400, True)

    visit(ask)
