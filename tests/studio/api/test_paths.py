import sys
from base64 import b64decode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image, ImageSequence

import facesmith
from facesmith import Model, analogy_grid, latent_path
from facesmith.arrays import Images
from facesmith.studio.image_responses import tile

Visit = Callable[..., None]
Pixels = Callable[[httpx.Response], Images]
THREE = {"a": "seed:1", "b": "seed:2", "c": "seed:3"}


def test_an_analogy_grid_is_the_plane_of_its_faces(
    visit: Visit, photo_models: Path, painter: Model, pixels: Pixels
) -> None:
    a, b, c = (painter.latents(1, seed)[0] for seed in (1, 2, 3))

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        body = {"model": "painter", **THREE, "rows": 3, "columns": 5}
        response = await client.post("/api/v1/analogy", json=body)
        images = painter.generate(analogy_grid(a, b, c, 3, 5).reshape(15, -1))
        assert np.array_equal(pixels(response), tile(images, 5))
        info = (await client.post("/api/v1/analogy", json=body | {"format": "json"})).json()
        response = await client.get(f"/api/v1/faces/{info['id']}.png")
        assert np.array_equal(pixels(response), painter.generate(b - a + c)[0])
        film = await client.post("/api/v1/analogy", json=body | {"format": "gif", "scale": 1})
        assert len(list(ImageSequence.Iterator(Image.open(BytesIO(film.content))))) == 12  # around the border

    visit(ask, paths=(str(photo_models),))


@pytest.mark.parametrize("loop", [False, True])
def test_an_interpolation_contains_all_faces(
    visit: Visit, photo_models: Path, painter: Model, pixels: Pixels, loop: bool
) -> None:
    stops = [painter.latents(1, seed)[0] for seed in (1, 2, 3)]
    images = painter.generate(latent_path(stops, 9, spherical=False, loop=loop))

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        body = {"model": "painter", "faces": list(THREE.values()), "frames": 9, "loop": loop, "spherical": False}
        response = await client.post("/api/v1/interpolate", json=body)
        assert np.array_equal(pixels(response), tile(images))
        gif = await client.post("/api/v1/interpolate", json=body | {"format": "gif", "scale": 2, "fps": 10})
        film = Image.open(BytesIO(gif.content))
        frames = [np.asarray(frame.convert("RGB"), float) for frame in ImageSequence.Iterator(film)]
        assert len(frames) == 9
        assert max(np.abs(frame[::2, ::2] - face).mean() for frame, face in zip(frames, images, strict=True)) < 12
        assert b"does not exist" in film.info["comment"]
        assert film.info["duration"] == (100 if loop else 1600)  # of the last frame
        mp4 = await client.post("/api/v1/interpolate", json=body | {"format": "mp4", "fps": 10})
        assert mp4.headers["content-type"] == "video/mp4"
        with av.open(BytesIO(mp4.content), "r") as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
            assert "does not exist" in container.metadata["comment"]
        assert len(frames) == (9 if loop else 24)
        assert frames[0].shape == (256, 256, 3)
        assert np.abs(frames[4][16::32, 16::32].astype(float) - images[4]).mean() < 12
        stored_faces = (await client.post("/api/v1/interpolate", json=body | {"format": "json"})).json()["faces"]
        response = await client.get(f"/api/v1/faces/{stored_faces[4]['id']}.png")
        assert np.array_equal(pixels(response), images[4])

    visit(ask, paths=(str(photo_models),))


def test_neighbours_are_the_nearest_of_a_dataset(
    visit: Visit, photo_models: Path, painter: Model, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    pictures = painter.sample(12, 3)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / "photos" / f"{number:02d}.png")
    facesmith.import_dataset(tmp_path / "photos", tmp_path / "faces", size="8", quiet=True)

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        body = {"model": "painter", "face": "seed:3:7", "count": 3}
        result = (await client.post("/api/v1/neighbours", json=body)).json()
        assert (result["dataset"], len(result["neighbours"])) == ("faces", 3)
        assert result["neighbours"][0]["file"] == "07.png"
        distances = [near["distance"] for near in result["neighbours"]]
        assert distances == sorted(distances)
        kind, _, data = result["neighbours"][0]["picture"].partition(",")
        assert kind == "data:image/png;base64"
        assert np.array_equal(np.asarray(Image.open(BytesIO(b64decode(data)))), pictures[7])
        large_result = (await client.post("/api/v1/neighbours", json=body | {"count": 24})).json()
        assert len(large_result["neighbours"]) == 12
        assert (await client.post("/api/v1/neighbours", json=body | {"dataset": "../faces"})).status_code == 404

    visit(ask, paths=(str(photo_models), str(tmp_path / "faces")))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("interpolate", {"faces": ["seed:1"]}),
        ("interpolate", {"faces": ["seed:1", "seed:2"], "frames": 257}),
        ("interpolate", {"faces": ["seed:1", "seed:2"], "fps": 0}),
        ("analogy", THREE | {"rows": 1}),
        ("analogy", {"a": "seed:1", "b": "seed:2"}),
        (
            "interpolate",
            {"faces": ["seed:1", "seed:2"], "frames": 256, "scale": 8, "format": "gif", "model": "drawn64"},
        ),
        ("neighbours", {"face": "seed:1", "count": 25}),
    ],
)
def test_invalid_requests_are_refused(visit: Visit, photo_models: Path, path: str, body: dict[str, object]) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        assert (await client.post(f"/api/v1/{path}", json=body)).status_code == 422

    visit(ask, paths=(str(photo_models), "drawn64"))


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
        assert has_av or "facesmith[train]" in response.json()["error"]

    visit(ask)


def test_styles_are_mixed_where_a_model_has_them(
    visit: Visit, models: Path, styled_model: Model, pixels: Pixels
) -> None:
    one, two = styled_model.latents(2, seed=1)

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        models = {item["name"]: item for item in (await client.get("/api/v1/models")).json()}
        assert {name: item["styles"] for name, item in models.items() if item["kind"] == "generator"} == {
            "first": False,
            "second": False,
            "styled": True,
        }
        body = {"model": "styled", "face": "seed:1", "style": "seed:1:1"}
        response = await client.post("/api/v1/style-mix", json=body)
        images = facesmith.mix_styles(styled_model, one, two)
        assert np.array_equal(pixels(response), tile(images, len(images)))
        response = await client.post("/api/v1/style-mix", json=body | {"model": "first"})
        assert response.status_code == 400

    visit(ask, paths=(str(models), str(styled_model.path)))
