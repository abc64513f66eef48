from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from fastapi import FastAPI
from PIL import Image, ImageSequence

import facesmith
from facesmith.arrays import Images

Visit = Callable[..., None]
Upload = Callable[..., Any]
Pixels = Callable[[httpx.Response], Images]
PATH = "/api/v1/makeover"


def test_a_makeover_of_a_face_alone_and_in_its_photo(
    visit: Visit, photo_models: Path, upload: Upload, pixels: Pixels, two_faces: bytes
) -> None:
    mirror = facesmith.load_makeover(photo_models / "mirror")
    right_face, left_face = facesmith.find_faces(two_faces)
    (crop,) = facesmith.crop_faces(two_faces, mirror.card["dataset"], faces=[left_face])
    images = mirror.apply(crop.image, "redder", 0.5)[0]

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        photo = await upload(client)
        body = {"model": "mirror", "face": photo["faces"][1]["face"], "direction": "redder", "strength": 0.5}
        assert np.array_equal(pixels(await client.post(PATH, json=body)), images)
        large = await client.post(PATH, json=body | {"scale": 3})
        assert np.array_equal(pixels(large)[1::3, 1::3], images)
        whole_photo = await client.post(PATH, json=body | {"whole": True})
        assert np.array_equal(pixels(whole_photo), facesmith.blend_face(facesmith.read_photo(two_faces), crop, images))
        assert "edited photo" in Image.open(BytesIO(whole_photo.content)).info["Description"]
        both = await client.post(PATH, json=body | {"whole": True, "others": [photo["faces"][0]["face"]]})
        (other,) = facesmith.crop_faces(two_faces, mirror.card["dataset"], faces=[right_face])
        expected = facesmith.blend_face(pixels(whole_photo), other, mirror.apply(other.image, "redder", 0.5)[0])
        assert np.array_equal(pixels(both), expected)
        unchanged_photo = await client.post(PATH, json=body | {"whole": True, "strength": 0})
        assert np.array_equal(pixels(unchanged_photo), facesmith.read_photo(two_faces))
        first = await client.post(PATH, json={"face": body["face"]})  # the first makeover, its first direction
        assert np.array_equal(pixels(first), mirror.apply(crop.image)[0])
        film = Image.open(BytesIO((await client.post(PATH, json=body | {"format": "gif", "strength": 1})).content))
        times = [frame.info["duration"] for frame in ImageSequence.Iterator(film)]  # equal frames are merged
        assert (sum(times), film.size) == (46 * 60, (256, 256))
        beside = {"format": "gif", "strength": 1, "scale": 1, "others": [photo["faces"][0]["face"]]}
        film = Image.open(BytesIO((await client.post(PATH, json=body | beside)).content))
        frames = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(film)]
        middle = frames[len(frames) // 2]
        pair = np.concatenate([mirror.apply(each.image, "redder")[0] for each in (crop, other)], 1)
        assert middle.shape == pair.shape
        assert np.abs(middle - pair).mean() < 8  # GIF has 256 colours

    visit(ask, paths=(str(photo_models),))


def test_invalid_makeover_requests_are_refused(visit: Visit, photo_models: Path, upload: Upload) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        photo = await upload(client)
        face = photo["faces"][0]["face"]
        for body, status in (
            ({"face": "seed:1"}, 400),
            ({"face": face, "direction": "greener"}, 400),
            ({"face": face, "strength": 1.1}, 422),
            ({"face": face, "whole": True, "format": "gif"}, 422),
            ({"face": face, "model": "painter"}, 404),
            ({"face": f"photo:{photo['photo']}"}, 400),
        ):
            response = await client.post(PATH, json=body)
            assert response.status_code == status, (body, response.text)
        await client.delete(f"/api/v1/photos/{photo['photo']}")
        assert (await client.post(PATH, json={"face": face, "whole": True})).status_code == 404

    visit(ask, paths=(str(photo_models),))
