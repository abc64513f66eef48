import asyncio
import csv
import io
import json
import zipfile
from collections.abc import Callable

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from facesmith import Model
from facesmith.arrays import Images
from facesmith.studio.image_responses import tile

Visit = Callable[..., None]
Pixels = Callable[[httpx.Response], Images]
PATH = "/api/v1/generate"


def test_faces_equal_those_of_the_model(visit: Visit, first: Model, second: Model, pixels: Pixels) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        assert np.array_equal(pixels(await client.get(f"{PATH}?seed=7&start=3")), first.sample(1, 7, start=3)[0])
        sheet = tile(second.sample(20, 5, truncation=0.5), 6)
        for form in ("png", "webp"):
            response = await client.get(f"{PATH}?model=second&seed=5&count=20&columns=6&truncation=0.5&format={form}")
            assert response.headers["content-type"] == f"image/{form}"
            assert np.array_equal(pixels(response), sheet)
        large = pixels(await client.get(f"{PATH}?model=second&seed=5&count=20&columns=6&truncation=0.5&scale=3"))
        assert np.array_equal(large[1::3, 1::3], sheet)
        near = pixels(await client.get(f"{PATH}?seed=7&start=3&format=jpeg"))
        assert near.shape == (8, 8, 3)

    visit(ask)


def test_attributes_move_all_faces(visit: Visit, second: Model, pixels: Pixels) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        z = second.directions.apply(second.latents(3, 2), {"Smiling": 1.5, "Young": -2})
        response = await client.get(f"{PATH}?model=second&seed=2&count=3&set=smiling:1.5&set=Young:-2&columns=3")
        assert np.array_equal(pixels(response), tile(second.generate(z), 3))
        numbers = (
            await client.get(f"{PATH}?model=second&seed=2&count=3&set=Smiling:1.5&set=Young:-2&format=json")
        ).json()
        assert np.allclose([face["latent"] for face in numbers["faces"]], z)
        assert [face["index"] for face in numbers["faces"]] == [0, 1, 2]
        for invalid, status in (
            ("Smilin:1", 400),
            ("Smiling:90", 400),
            ("Smiling", 422),
            ("Smiling:nan", 422),
            (":1", 422),
        ):
            assert (await client.get(f"{PATH}?model=second&set={invalid}")).status_code == status, invalid
        assert (await client.get(f"{PATH}?model=second&set=Young:1&set=Young:2")).status_code == 422
        response = await client.get(f"{PATH}?model=first&set=Smiling:1")
        assert response.status_code == 400
        assert "first has no attribute directions" in response.json()["error"]

    visit(ask)


def _faces_made(app: FastAPI) -> float:
    lines = app.state.services.metrics.text().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("facesmith_faces_total"))


def test_an_unchanged_response_is_304(visit: Visit, first: Model) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        await app.state.services.warm.wait()  # the warm-up generates faces too
        response = await client.get(f"{PATH}?seed=7")
        assert response.headers["cache-control"] == "private, no-cache"
        before = _faces_made(app)
        assert before > 0
        for tags in (response.headers["etag"], f'"other", W/{response.headers["etag"]}'):
            repeat = await client.get(f"{PATH}?seed=7", headers={"If-None-Match": tags})
            assert (repeat.status_code, repeat.content) == (304, b"")
        assert _faces_made(app) == before
        other_seed = await client.get(f"{PATH}?seed=8", headers={"If-None-Match": response.headers["etag"]})
        assert other_seed.status_code == 200
        assert _faces_made(app) > before
        with_digest = await client.get(f"{PATH}?seed=7&digest={first.digest[:12]}")
        assert "immutable" in with_digest.headers["cache-control"]
        assert (await client.get(f"{PATH}?seed=7&digest=ffffffff")).status_code == 404

    visit(ask)


def test_a_zip_contains_faces_and_manifests(visit: Visit, second: Model) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        address = f"{PATH}?model=second&seed=4&start=30&count=130&format=zip&set=Smiling:1"
        response = await client.get(address)
        assert (await client.get(address)).content == response.content
        archive = zipfile.ZipFile(io.BytesIO(response.content))
        assert archive.testzip() is None
        rows = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode())))
        assert [row["file"] for row in rows] == [f"{index:06d}.png" for index in range(30, 160)]
        assert archive.namelist()[130:] == ["metadata.jsonl", "manifest.csv", "manifest.json"]
        table = [json.loads(line) for line in archive.read("metadata.jsonl").splitlines()]
        assert [row["file_name"] for row in table] == [row["file"] for row in rows]
        assert [str(row["Smiling_probability"]) for row in table] == [row["Smiling"] for row in rows]
        assert table[0]["Smiling"] == (table[0]["Smiling_probability"] >= 0.5)
        z = second.directions.apply(second.latents(130, 4, start=30), {"Smiling": 1})
        assert np.allclose([float(row["Smiling"]) for row in rows], second.directions.probabilities(z)[:, 0], atol=1e-4)
        for number in (0, 64, 129):
            picture = Image.open(io.BytesIO(archive.read(rows[number]["file"])))
            assert np.array_equal(np.asarray(picture), second.generate(z[number])[0])
            assert json.loads(picture.info["facesmith"])["index"] == 30 + number
        assert json.loads(archive.read("manifest.json"))["faces"][0]["seed"] == 4

    visit(ask)


def test_shares_of_attributes_are_reached_in_sheets_and_zips(visit: Visit, second: Model, pixels: Pixels) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        query = "model=second&seed=4&count=40&with=~Young&balance=Smiling"
        numbers = (await client.get(f"{PATH}/latents?{query}")).json()["faces"]
        z = np.array([face["latent"] for face in numbers], np.float32)
        assert ((second.directions.probabilities(z) >= 0.5) == [[i % 2 == 0, False] for i in range(40)]).all()
        assert np.array_equal(pixels(await client.get(f"{PATH}?{query}&columns=8")), tile(second.generate(z), 8))
        archive = zipfile.ZipFile(io.BytesIO((await client.get(f"{PATH}/zip?{query}")).content))
        table = [json.loads(line) for line in archive.read("metadata.jsonl").splitlines()]
        assert [row["with"] for row in table[:2]] == [["~Young", "Smiling"], ["~Young", "~Smiling"]]
        assert {row["label_source"] for row in table} == {"both"}
        picture = Image.open(io.BytesIO(archive.read("000001.png")))
        assert np.array_equal(np.asarray(picture), second.sample(1, 4, start=table[1]["latent_index"])[0])
        for invalid in (
            "balance=Bald",
            "share=Smiling",
            "like=seed:1&with=Smiling",
            "lock=Smiling",
            "like=seed:1&lock=Bald",
            "format=zip&like=seed:1&lock=Bald",
        ):
            assert (await client.get(f"{PATH}?model=second&{invalid}")).status_code in (400, 422), invalid

    visit(ask)


def test_variations_of_a_face_keep_locked_attributes(visit: Visit, second: Model, pixels: Pixels) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        query = "model=second&seed=4&count=20&like=seed:7:3"
        original = second.latents(1, 7, start=3)
        for spread, equal in ((0, True), (60, False)):
            faces = (await client.get(f"{PATH}/latents?{query}&spread={spread}&lock=Smiling")).json()["faces"]
            z = np.array([face["latent"] for face in faces], np.float32)
            scores, first = second.directions.scores(z), second.directions.scores(original)
            assert np.allclose(scores[:, 0], first[:, 0], atol=1e-4)
            assert np.allclose(z, original, atol=1e-5) == equal
        one = await client.get("/api/v1/edit?model=second&face=seed:7:3~4:2:60@Smiling")
        assert np.array_equal(pixels(one), second.generate(z[2])[0])

    visit(ask)


def test_enlarged_and_captioned_images_say_so(visit: Visit, second: Model, pixels: Pixels) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        face = second.sample(1, 5)[0]
        response = await client.get(f"{PATH}?model=second&seed=5&scale=8&resample=lanczos")
        smooth = Image.fromarray(face).resize((64, 64), Image.Resampling.LANCZOS)
        assert np.array_equal(pixels(response), np.asarray(smooth))
        assert "Enlarged 8 times" in Image.open(io.BytesIO(response.content)).info["Description"]
        sheet = pixels(await client.get(f"{PATH}?model=second&seed=5&count=16&scale=8&caption=true"))
        assert np.array_equal(sheet[:256], tile(second.sample(16, 5), 4, 8))
        line = sheet[256:]
        assert sheet.shape[1] == 256
        assert line.max() == 255
        assert line.min() < 60  # dark letters
        sheet = pixels(await client.get(f"{PATH}?model=second&seed=5&count=3&columns=2&scale=8&caption=true"))
        assert (sheet[64:128, 64:] == 255).all()  # the free place

    visit(ask)


def test_too_many_faces_are_refused(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        responses = await asyncio.gather(*(client.get(f"{PATH}?seed={seed}&count=256") for seed in range(20)))
        busy = [response for response in responses if response.status_code == 429]
        assert busy
        assert {response.status_code for response in responses} == {200, 429}
        assert all(int(response.headers["retry-after"]) >= 1 for response in busy)
        assert app.state.services.batcher.waiting == 0
        assert (await client.get(PATH)).status_code == 200

    visit(ask, queue_faces=512)


@pytest.mark.parametrize(
    "query",
    ["count=0", "count=257", "count=10001&format=zip", "seed=-1", "seed=1e3", "start=-1", "truncation=2.1",
     "truncation=nan", "scale=9", "columns=0", "format=gif", "digest=zz"],
)  # fmt: skip
def test_invalid_requests_are_refused(visit: Visit, query: str) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        response = await client.get(f"{PATH}?{query}")
        assert response.status_code == 422
        assert query.partition("=")[0] in response.json()["error"]

    visit(ask)
