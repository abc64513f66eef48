from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image, ImageSequence

import facesmith

Visit = Callable[..., None]
Bring = Callable[..., Any]
Pixels = Callable[[httpx.Response], NDArray[np.uint8]]
PATH = "/api/v1/makeover"


def test_a_face_is_made_over_alone_and_in_its_photo(
    visit: Visit, seers: Path, bring: Bring, pixels: Pixels, two_faces: bytes
) -> None:
    mirror = facesmith.load_makeover(seers / "mirror")
    left = facesmith.find_faces(two_faces)[1]
    (cut,) = facesmith.crop_faces(two_faces, mirror.card["dataset"], faces=[left])
    made = mirror.apply(cut.image, "redder", 0.5)[0]

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        said = await bring(client)
        body = {"model": "mirror", "face": said["faces"][1]["face"], "direction": "redder", "strength": 0.5}
        assert np.array_equal(pixels(await client.post(PATH, json=body)), made)
        large = await client.post(PATH, json=body | {"scale": 3})
        assert np.array_equal(pixels(large)[1::3, 1::3], made)
        whole = await client.post(PATH, json=body | {"whole": True})
        assert np.array_equal(pixels(whole), facesmith.blend_face(facesmith.read_photo(two_faces), cut, made))
        assert "edited photo" in Image.open(BytesIO(whole.content)).info["Description"]
        same = await client.post(PATH, json=body | {"whole": True, "strength": 0})
        assert np.array_equal(pixels(same), facesmith.read_photo(two_faces))
        first = await client.post(PATH, json={"face": body["face"]})  # the first makeover, its first direction
        assert np.array_equal(pixels(first), mirror.apply(cut.image)[0])
        film = Image.open(BytesIO((await client.post(PATH, json=body | {"format": "gif", "strength": 1})).content))
        times = [frame.info["duration"] for frame in ImageSequence.Iterator(film)]  # frames that are alike are one
        assert (sum(times), film.size) == (46 * 60, (256, 256))

    visit(ask, paths=(str(seers),))


def test_invalid_makeover_requests_are_refused(visit: Visit, seers: Path, bring: Bring) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        said = await bring(client)
        face = said["faces"][0]["face"]
        for body, status in (
            ({"face": "seed:1"}, 400),
            ({"face": face, "direction": "greener"}, 400),
            ({"face": face, "strength": 1.1}, 422),
            ({"face": face, "whole": True, "format": "gif"}, 422),
            ({"face": face, "model": "painter"}, 404),
            ({"face": f"photo:{said['photo']}"}, 400),
        ):
            answer = await client.post(PATH, json=body)
            assert answer.status_code == status, (body, answer.text)
        await client.delete(f"/api/v1/photos/{said['photo']}")
        assert (await client.post(PATH, json={"face": face, "whole": True})).status_code == 404

    visit(ask, paths=(str(seers),))
