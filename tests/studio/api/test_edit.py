import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image

import facesmith
from facesmith import Model
from facesmith.studio.image_responses import tile

Visit = Callable[..., None]
Bring = Callable[..., Any]
Pixels = Callable[[httpx.Response], NDArray[np.uint8]]
PATH = "/api/v1/edit"


def _about(answer: httpx.Response) -> Any:
    return json.loads(Image.open(BytesIO(answer.content)).info["facesmith"])


def test_every_face_gets_every_edit(visit: Visit, seers: Path, painter: Model, pixels: Pixels) -> None:
    z = np.concatenate([painter.latents(1, 7, start=3), painter.latents(1, 8) * np.float32(0.5)])
    rows = [{}, {"Smiling": 1.5}, {"Young": -1, "Smiling": 0.5}]

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        body = {"model": "painter", "faces": ["seed:7:3", "seed:8:0:0.5"], "edits": rows}
        for kind in ("orthogonal", "mean"):
            made = painter.generate(np.concatenate([painter.directions.apply(z, row, kind) for row in rows]))
            sheet = await client.post(PATH, json=body | {"kind": kind})
            assert np.array_equal(pixels(sheet), tile(made, 2))
        wide = await client.post(PATH, json=body | {"kind": "mean", "columns": 6, "scale": 2, "format": "webp"})
        assert np.array_equal(pixels(wide), tile(made, 6, 2))
        one = await client.post(PATH, json=body | {"faces": ["seed:7:3"], "edits": [rows[1]]})
        assert np.array_equal(pixels(one), painter.generate(painter.directions.apply(z[0], rows[1]))[0])
        assert _about(one)["edit"] == rows[1]
        assert not _about(one)["edited"]
        assert (await client.post(PATH, json={"faces": ["seed:7:3"]})).status_code == 200  # as it is

    visit(ask, paths=(str(seers),))


def test_an_edited_face_is_stored_and_edited_further(
    visit: Visit, seers: Path, photographer: Model, bring: Bring, pixels: Pixels, two_faces: bytes
) -> None:
    cut = facesmith.crop_faces(two_faces, photographer.card["dataset"])[0].image
    (z,) = photographer.encode(cut)

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        face = (await bring(client))["faces"][0]["face"]
        body: dict[str, Any] = {"model": "photographer", "format": "json", "edits": [{"Smiling": 1}, {"Young": 2}]}
        made = (await client.post(PATH, json=body | {"faces": [face, "seed:5"]})).json()["faces"]
        assert [(one["of"], one["edit"]) for one in made] == [
            (of, edit) for edit in body["edits"] for of in (face, "seed:5")
        ]
        further = {"model": "photographer", "faces": [made[2]["face"]], "edits": [{"smiling": -0.5}]}
        answer = await client.post(PATH, json=further)
        moved = photographer.directions.apply(z, {"Young": 2, "Smiling": -0.5})
        assert np.array_equal(pixels(answer), photographer.generate(moved)[0])
        assert _about(answer)["edited"]
        said = (await client.post("/api/v1/encode", json={"model": "photographer", "face": face})).json()
        assert np.allclose(said["latent"], z)
        error = np.mean((photographer.generate(z)[0].astype(float) - cut) ** 2)
        assert said["score"] == pytest.approx(10 * np.log10(255**2 / error))
        drawn = await client.get(f"/api/v1/faces/{made[2]['id']}.png")  # of its own model, which need not be named
        assert np.array_equal(pixels(drawn), photographer.generate(photographer.directions.apply(z, {"Young": 2}))[0])
        answer = await client.post(PATH, json={"model": "painter", "faces": [made[0]["face"]]})
        assert answer.status_code == 400
        assert "belongs to photographer" in answer.json()["error"]

    visit(ask, paths=(str(seers),))


def test_edits_of_seeds_have_an_address(visit: Visit, seers: Path, pixels: Pixels, bring: Bring) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        address = f"{PATH}?model=painter&face=seed:7:3&face=seed:8&set=&set=Smiling:1.5,Young:-1&kind=mean"
        shared = await client.get(address)
        body = {"model": "painter", "faces": ["seed:7:3", "seed:8"], "kind": "mean"}
        told = await client.post(PATH, json=body | {"edits": [{}, {"Smiling": 1.5, "Young": -1}]})
        assert np.array_equal(pixels(shared), pixels(told))
        again = await client.get(address, headers={"If-None-Match": shared.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        photo = await bring(client)
        assert (await client.get(f"{PATH}?face={photo['whole']}")).status_code == 400
        for wrong in ("Smiling", "Smiling:1,Smiling:2", "Smiling:nan"):
            assert (await client.get(f"{PATH}?model=painter&face=seed:1&set={wrong}")).status_code == 422

    visit(ask, paths=(str(seers),))


def test_a_face_is_described(visit: Visit, seers: Path, painter: Model) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for by in ("probability", "lift"):
            body = {"model": "painter", "face": "seed:7:3", "top": 2, "by": by}
            said = (await client.post("/api/v1/describe", json=body)).json()
            (known,) = facesmith.describe(painter, ["seed:7:3"], by=by)
            assert said["attributes"] == known["attributes"]

    visit(ask, paths=(str(seers),))


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"faces": ["seed:7:3:2.5"]}, 422, "truncation"),
        ({"faces": ["seed:"]}, 422, "faces.0"),
        ({"faces": ["photo:../../etc/passwd"]}, 422, "faces.0"),
        ({"faces": ["photo:" + "a" * 22]}, 404, "nothing in this session"),
        ({"faces": []}, 422, "faces"),
        ({"faces": ["seed:1"] * 64, "edits": [{}] * 5}, 422, "320 faces"),
        ({"edits": [{"Smilin": 1}]}, 400, "did you mean Smiling"),
        ({"edits": [{"Smiling": 21}]}, 422, "edits"),
        ({"edits": [{"Smiling": "nan"}]}, 422, "edits"),
        ({"sacle": 3}, 422, "sacle"),
        ({"model": "nobody"}, 404, "there is no model"),
        ({"faces": ["seed:1"] * 64, "scale": 8, "columns": 256, "model": "drawn64"}, 422, "scale"),
        ({"faces": ["seed:1"] * 64, "scale": 5, "model": "drawn64", "format": "webp"}, 400, "request png"),
    ],
)
def test_invalid_requests_are_refused(
    visit: Visit, seers: Path, change: dict[str, Any], status: int, words: str
) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        answer = await client.post(PATH, json={"model": "painter", "faces": ["seed:1"]} | change)
        assert answer.status_code == status, answer.text
        assert words in answer.json()["error"]

    visit(ask, paths=(str(seers), "drawn64"))


def test_models_without_encoder_or_directions_refuse(visit: Visit, bring: Bring) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        whole = (await bring(client, query="?aligned=true"))["whole"]
        for path, body in (
            ("edit", {"faces": [whole]}),
            ("edit", {"faces": ["seed:1"], "edits": [{"Smiling": 1}]}),
            ("describe", {"face": "seed:1"}),
        ):
            answer = await client.post(f"/api/v1/{path}", json={"model": "first", **body})
            assert answer.status_code == 400
            assert "choose" in answer.json()["error"]

    visit(ask)
