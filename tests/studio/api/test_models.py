from collections.abc import Callable
from pathlib import Path

import httpx
from fastapi import FastAPI

Visit = Callable[..., None]


def test_models_are_listed(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        first, second = (await client.get("/api/v1/models")).json()
        assert (first["name"], first["kind"], first["size"], first["latent_size"]) == ("first", "generator", [8, 8], 6)
        assert (first["attributes"], first["encoder"], first["terms"]) == ([], False, "any use")
        assert second["attributes"] == ["Smiling", "Young"]

    visit(ask)


def test_classifiers_and_makeovers_are_listed_as_models(
    visit: Visit, write_makeover: Callable[..., Path], tmp_path: Path
) -> None:
    data = {"size": [8, 8], "count": 3, "source": {"kind": "folder", "name": "friends"}}
    write_makeover(tmp_path / "made-over", data)
    for name, text in (("no-table", "[]"), ("no-json", "{"), ("empty", "{}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(text)

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        (only,) = (await client.get("/api/v1/models")).json()
        assert (only["name"], only["kind"]) == ("made-over", "makeover")
        assert [direction["name"] for direction in only["directions"]] == ["lighter", "redder"]
        assert (await client.get("/api/v1/generate?model=empty")).status_code == 400
        assert (await client.get("/api/v1/models/no-json")).status_code == 400

    visit(ask, paths=(str(tmp_path),))


def test_a_models_card_and_readme_are_served(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        assert (await client.get("/api/v1/models/first")).json()["format"] == "facesmith-model"
        card = await client.get("/api/v1/models/first/card")
        assert card.text == "# first\n"
        assert card.headers["content-type"].startswith("text/markdown")
        document = (await client.get("/api/v1/openapi.json")).json()["paths"]["/api/v1/models/{name}/card"]
        assert list(document["get"]["responses"]["200"]["content"]) == ["text/markdown"]
        for name in ("nobody", "..", "%2e%2e", "..%2ffirst"):
            assert (await client.get(f"/api/v1/models/{name}")).status_code == 404, name

    visit(ask)
