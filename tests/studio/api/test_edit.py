import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

import facesmith
from facesmith import Model
from facesmith.arrays import Images
from facesmith.studio.image_responses import tile

Visit = Callable[..., None]
Upload = Callable[..., Any]
Pixels = Callable[[httpx.Response], Images]
PATH = "/api/v1/edit"


def _about(response: httpx.Response) -> Any:
    return json.loads(Image.open(BytesIO(response.content)).info["facesmith"])


def test_every_face_gets_every_edit(visit: Visit, photo_models: Path, painter: Model, pixels: Pixels) -> None:
    z = np.concatenate([painter.latents(1, 7, start=3), painter.latents(1, 8) * np.float32(0.5)])
    rows = [{}, {"Smiling": 1.5}, {"Young": -1, "Smiling": 0.5}]

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        body = {"model": "painter", "faces": ["seed:7:3", "seed:8:0:0.5"], "edits": rows}
        for kind in ("orthogonal", "mean"):
            images = painter.generate(np.concatenate([painter.directions.apply(z, row, kind) for row in rows]))
            sheet = await client.post(PATH, json=body | {"kind": kind})
            assert np.array_equal(pixels(sheet), tile(images, 2))
        wide = await client.post(PATH, json=body | {"kind": "mean", "columns": 6, "scale": 2, "format": "webp"})
        assert np.array_equal(pixels(wide), tile(images, 6, 2))
        single = await client.post(PATH, json=body | {"faces": ["seed:7:3"], "edits": [rows[1]]})
        assert np.array_equal(pixels(single), painter.generate(painter.directions.apply(z[0], rows[1]))[0])
        assert _about(single)["edit"] == rows[1]
        assert not _about(single)["edited"]
        assert (await client.post(PATH, json={"faces": ["seed:7:3"]})).status_code == 200  # without edits

    visit(ask, paths=(str(photo_models),))


def test_all_faces_of_a_photo_are_edited_in_it(
    visit: Visit, photo_models: Path, photographer: Model, upload: Upload, pixels: Pixels, two_faces: bytes
) -> None:
    photo = facesmith.read_photo(two_faces)
    expected = photo
    for crop in facesmith.crop_faces(two_faces, photographer.card["dataset"], faces=facesmith.find_faces(two_faces)):
        z = photographer.encode(crop.image)
        before, after = photographer.generate(np.concatenate([z, photographer.directions.apply(z, {"Smiling": 2})]))
        expected = facesmith.blend_face(expected, replace(crop, image=before), after)

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        info = await upload(client)
        faces = [face["face"] for face in info["faces"]]
        body: dict[str, Any] = {"model": "photographer", "faces": faces, "whole": True}
        assert np.array_equal(pixels(await client.post(PATH, json=body)), photo)
        edited = await client.post(PATH, json=body | {"edits": [{"Smiling": 2}]})
        assert np.array_equal(pixels(edited), expected)
        assert _about(edited)["edited"]
        other = (await upload(client))["faces"][0]["face"]
        for wrong in ({"faces": [faces[0], other]}, {"faces": ["seed:7"]}, {"edits": [{}, {"Smiling": 1}]}):
            assert (await client.post(PATH, json=body | wrong)).status_code in (400, 422)
        await client.delete(f"/api/v1/photos/{info['photo']}")
        assert (await client.post(PATH, json=body)).status_code == 404

    visit(ask, paths=(str(photo_models),))


def test_an_edited_face_is_stored_and_edited_further(
    visit: Visit, photo_models: Path, photographer: Model, upload: Upload, pixels: Pixels, two_faces: bytes
) -> None:
    crop = facesmith.crop_faces(two_faces, photographer.card["dataset"])[0].image
    (z,) = photographer.encode(crop)

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        face = (await upload(client))["faces"][0]["face"]
        body: dict[str, Any] = {"model": "photographer", "format": "json", "edits": [{"Smiling": 1}, {"Young": 2}]}
        edited_faces = (await client.post(PATH, json=body | {"faces": [face, "seed:5"]})).json()["faces"]
        assert [(face_info["of"], face_info["edit"]) for face_info in edited_faces] == [
            (of, edit) for edit in body["edits"] for of in (face, "seed:5")
        ]
        further = {"model": "photographer", "faces": [edited_faces[2]["face"]], "edits": [{"smiling": -0.5}]}
        response = await client.post(PATH, json=further)
        apply = photographer.directions.apply
        edited_latent = apply(apply(z, {"Young": 2}), {"Smiling": -0.5})
        assert np.array_equal(pixels(response), photographer.generate(edited_latent)[0])
        assert _about(response)["edited"]
        encoding = (await client.post("/api/v1/encode", json={"model": "photographer", "face": face})).json()
        assert np.allclose(encoding["latent"], z)
        error = np.mean((photographer.generate(z)[0].astype(float) - crop) ** 2)
        assert encoding["score"] == pytest.approx(10 * np.log10(255**2 / error))
        image = await client.get(f"/api/v1/faces/{edited_faces[2]['id']}.png")  # the model of the face is the default
        assert np.array_equal(pixels(image), photographer.generate(photographer.directions.apply(z, {"Young": 2}))[0])
        response = await client.post(PATH, json={"model": "painter", "faces": [edited_faces[0]["face"]]})
        assert response.status_code == 400
        assert re.search("belongs to .*photographer", response.json()["error"])

    visit(ask, paths=(str(photo_models),))


def test_edits_of_seeds_have_an_address(visit: Visit, photo_models: Path, pixels: Pixels, upload: Upload) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        address = f"{PATH}?model=painter&face=seed:7:3&face=seed:8&set=&set=Smiling:1.5,Young:-1&kind=mean"
        from_address = await client.get(address)
        body = {"model": "painter", "faces": ["seed:7:3", "seed:8"], "kind": "mean"}
        from_body = await client.post(PATH, json=body | {"edits": [{}, {"Smiling": 1.5, "Young": -1}]})
        assert np.array_equal(pixels(from_address), pixels(from_body))
        repeat = await client.get(address, headers={"If-None-Match": from_address.headers["etag"]})
        assert (repeat.status_code, repeat.content) == (304, b"")
        photo = await upload(client)
        assert (await client.get(f"{PATH}?face={photo['whole']}")).status_code == 400
        for invalid in ("Smiling", "Smiling:1,Smiling:2", "Smiling:nan"):
            assert (await client.get(f"{PATH}?model=painter&face=seed:1&set={invalid}")).status_code == 422

    visit(ask, paths=(str(photo_models),))


def test_a_face_is_described(visit: Visit, photo_models: Path, painter: Model) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for by in ("probability", "lift"):
            body = {"model": "painter", "face": "seed:7:3", "top": 2, "by": by}
            description = (await client.post("/api/v1/describe", json=body)).json()
            (expected,) = facesmith.describe(painter, ["seed:7:3"], by=by)
            assert description["attributes"] == expected["attributes"]

    visit(ask, paths=(str(photo_models),))


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"faces": ["seed:7:3:2.5"]}, 422, "truncation"),
        ({"faces": ["seed:"]}, 422, "faces.0"),
        ({"faces": ["photo:../../etc/passwd"]}, 422, "faces.0"),
        ({"faces": ["photo:" + "a" * 22]}, 404, "no item with this id"),
        ({"faces": []}, 422, "faces"),
        ({"faces": ["seed:1"] * 64, "edits": [{}] * 5}, 422, "320 faces"),
        ({"edits": [{"Smilin": 1}]}, 400, "did you mean Smiling"),
        ({"edits": [{"Smiling": 21}]}, 422, "edits"),
        ({"edits": [{"Smiling": "nan"}]}, 422, "edits"),
        ({"sacle": 3}, 422, "sacle"),
        ({"model": "nobody"}, 404, "unknown model"),
        ({"faces": ["seed:1"] * 64, "scale": 8, "columns": 256, "model": "drawn64"}, 422, "scale"),
        ({"faces": ["seed:1"] * 64, "scale": 5, "model": "drawn64", "format": "webp"}, 400, "request png"),
    ],
)
def test_invalid_requests_are_refused(
    visit: Visit, photo_models: Path, change: dict[str, Any], status: int, message: str
) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        response = await client.post(PATH, json={"model": "painter", "faces": ["seed:1"]} | change)
        assert response.status_code == status, response.text
        assert message in response.json()["error"]

    visit(ask, paths=(str(photo_models), "drawn64"))


def test_models_without_encoder_or_directions_refuse(visit: Visit, upload: Upload) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        photo_face = (await upload(client, query="?aligned=true"))["whole"]
        for path, body in (
            ("edit", {"faces": [photo_face]}),
            ("edit", {"faces": ["seed:1"], "edits": [{"Smiling": 1}]}),
            ("describe", {"face": "seed:1"}),
        ):
            response = await client.post(f"/api/v1/{path}", json={"model": "first", **body})
            assert response.status_code == 400
            assert "choose" in response.json()["error"]

    visit(ask)
