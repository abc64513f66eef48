import base64
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

import facesmith
from facesmith import Model

Visit = Callable[..., None]
CARD = {
    "format": "facesmith-map",
    "version": 1,
    "dataset": {"name": "friends", "source": {"kind": "folder", "name": "friends"}},
    "model": {"name": "mine"},
    "judge": None,
    "count": 100,
    "of": 200,
    "photos": ["me.jpg"],
    "methods": {"pca": "1"},
    "attributes": ["Smiling"],
    "created": "2026-01-01T00:00:00+00:00",
}


def test_maps_are_listed_and_sandboxed(visit: Visit, tmp_path: Path) -> None:
    for name, text in (("faces", json.dumps(CARD)), ("bare", json.dumps(CARD)), ("broken", "{"), ("empty", "{}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "map.json").write_text(text)
    (tmp_path / "faces" / "map.html").write_text("<!doctype html><title>map</title>")

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        bare, faces = (await client.get("/api/v1/maps")).json()
        assert (faces["name"], faces["dataset"], faces["classifier"], faces["methods"]) == (
            "faces",
            "friends",
            False,
            ["pca"],
        )
        assert bare["page"] is None
        response = await client.get(faces["page"])
        assert response.text == "<!doctype html><title>map</title>"
        (policy,) = response.headers.get_list("content-security-policy")
        assert policy.endswith("sandbox allow-scripts allow-downloads allow-forms")  # without allow-same-origin
        assert "connect-src" not in policy
        for name in ("broken", "empty", "faces"):
            response = await client.post(f"/api/v1/maps/{name}/place", json={"face": "seed:7"})
            assert (response.status_code, list(response.json())) == (400, ["error"]), name
        assert (await client.get("/api/v1/maps/empty/points?of=latents_pca_2d")).status_code == 400
        for path in (
            "bare/points?of=latents_pca_2d",
            "bare/map.html",
            "nothing/map.html",
            "..%2ffaces/map.html",
            "faces/coordinates.npz",
        ):
            assert (await client.get(f"/api/v1/maps/{path}")).status_code == 404, path

    visit(ask, paths=(str(tmp_path),))


@pytest.fixture(scope="module")
def place(photo_models: Path, photographer: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with 20 images of 8x8 and their map ``shown`` by ``photographer``, with two placed faces."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "photos").mkdir()
    for number, picture in enumerate(np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)):
        Image.fromarray(picture).save(folder / "photos" / f"{number:02d}.png")
    dataset = facesmith.import_dataset(folder / "photos", folder / "friends", size="8", quiet=True)
    facesmith.map_faces(
        photographer, dataset, folder / "shown", methods=["pca"], photos=["seed:7", "seed:7:3"], quiet=True
    )
    return folder


def test_placement_on_pca_is_exact(visit: Visit, photo_models: Path, place: Path) -> None:
    with np.load(place / "shown" / "coordinates.npz") as file:
        arrays = dict(file)

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        (face_map,) = (await client.get("/api/v1/maps")).json()
        assert face_map["placing"] == "photographer"
        for index, face in enumerate(("seed:7", "seed:7:3")):
            placement = (await client.post("/api/v1/maps/shown/place", json={"face": face})).json()
            assert (
                list(placement["places"]) == face_map["layouts"] == [f"latents_pca_{s}" for s in ("2d", "3d", "sphere")]
            )
            for layout, point in placement["places"].items():
                assert point == pytest.approx(arrays[f"photos_{layout}"][index].tolist(), abs=2e-4), layout
            near = placement["neighbours"]
            assert [neighbour["at"] for neighbour in near] == arrays["photos_latents_neighbours"][index].tolist()
            assert [neighbour["file"] for neighbour in near] == [
                f"{arrays['rows'][neighbour['at']]:02d}.png" for neighbour in near
            ]
            first = Image.open(io.BytesIO(base64.b64decode(near[0]["picture"].partition(",")[2])))
            assert np.array_equal(np.asarray(first), facesmith.open_dataset(place / "friends").images[near[0]["row"]])
        layout_points = (await client.get("/api/v1/maps/shown/points?of=latents_pca_3d")).json()
        assert np.allclose(layout_points["points"], arrays["latents_pca_3d"], atol=1e-4)
        assert layout_points["having"] is None
        assert (await client.get("/api/v1/maps/shown/points?of=rows")).status_code == 404
        assert (await client.get("/api/v1/maps/shown/points?of=latents_pca_2d&attribute=Bald")).status_code == 404

    visit(ask, paths=(str(photo_models), str(place)))


def test_a_photo_is_placed_by_its_latent(
    visit: Visit, photo_models: Path, place: Path, upload: Callable[..., Any]
) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        photo = await upload(client, (place / "photos" / "05.png").read_bytes(), "?aligned=1")
        placement = (await client.post("/api/v1/maps/shown/place", json={"face": photo["whole"]})).json()
        assert (placement["neighbours"][0]["file"], placement["model"]) == ("05.png", "photographer")
        assert placement["neighbours"][0]["distance"] == pytest.approx(0, abs=1e-3)
        assert (await client.post("/api/v1/maps/shown/place", json={"face": "photo:" + 22 * "A"})).status_code == 404

    visit(ask, paths=(str(photo_models), str(place)))


def test_placement_on_tsne_is_the_median_of_neighbours(
    visit: Visit, photo_models: Path, place: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(place / "shown", tmp_path / "shown")
    with np.load(folder / "coordinates.npz") as file:
        arrays = dict(file)
    coordinates = np.arange(40, dtype=np.float32).reshape(20, 2) ** 2
    np.savez(folder / "coordinates.npz", **arrays, latents_tsne_2d=coordinates)
    card = json.loads((folder / "map.json").read_text())
    (folder / "map.json").write_text(json.dumps(card | {"layouts": ["latents_tsne_2d"], "attributes": ["Smiling"]}))
    head, *lines = (folder / "labels.csv").read_text().splitlines()
    labels = ["1", "0", "", *["0"] * 17]
    rows = [f"{line},{word}" for line, word in zip(lines, labels, strict=True)]
    (folder / "labels.csv").write_text("\n".join([f"{head},Smiling", *rows, ""]))

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        placement = (await client.post("/api/v1/maps/shown/place", json={"face": "seed:7"})).json()
        near = arrays["photos_latents_neighbours"][0, :7]
        assert placement["places"] == {"latents_tsne_2d": np.median(coordinates[near], axis=0).tolist()}
        assert placement["neighbours"][0]["picture"] is None  # the dataset is not served
        points = (await client.get("/api/v1/maps/shown/points?of=latents_tsne_2d&attribute=Smiling")).json()
        assert points["having"][:4] == [True, False, None, False]
        (folder / "coordinates.npz").write_bytes(b"PK")
        response = await client.post("/api/v1/maps/shown/place", json={"face": "seed:7"})
        assert (response.status_code, "create the map again" in response.text) == (400, True)

    visit(ask, paths=(str(photo_models), str(tmp_path)))


def test_placement_requires_the_model_of_the_map(visit: Visit, photo_models: Path, place: Path) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        (face_map,) = (await client.get("/api/v1/maps")).json()
        assert face_map["placing"] is None
        response = await client.post("/api/v1/maps/shown/place", json={"face": "seed:7"})
        assert (response.status_code, "photographer" in response.text) == (400, True)

    visit(ask, paths=(str(photo_models / "painter"), str(place)))
