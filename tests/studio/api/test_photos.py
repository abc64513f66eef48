import asyncio
import io
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

import facesmith
from facesmith import Makeover, Model
from facesmith.arrays import Images
from facesmith.studio import face_resolver
from facesmith.studio.api import photos
from facesmith.studio.image_responses import UNCHANGED
from facesmith.studio.uploads import MAX_SCANS, MAX_SIDE

Visit = Callable[..., None]
Upload = Callable[..., Any]
Pixels = Callable[[httpx.Response], Images]
PATH = "/api/v1/photos"
PNG = {"Content-Type": "image/png"}


def _png(picture: Images) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


def _bomb(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """Return a PNG of a few bytes whose header declares this size, depth and colour type."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def _layered(scans: int) -> bytes:
    """Return a JPEG that repeats one of its scans, which a decoder would draw every time."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(out, "JPEG", progressive=True)
    data = out.getvalue()
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xda", first + 2)
    last = data.rindex(b"\xff\xda")
    return data[:second] + data[last:-2] * scans + data[last:]


def test_faces_are_found_cropped_and_encoded(
    visit: Visit, photo_models: Path, photographer: Model, two_faces: bytes, upload: Upload, pixels: Pixels
) -> None:
    faces = facesmith.find_faces(two_faces)

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        photo = await upload(client)
        assert (photo["size"], photo["aligned"], len(photo["faces"])) == ([600, 400], False, 2)
        for face, face_found in zip(photo["faces"], faces, strict=True):
            assert face["box"] == pytest.approx(face_found.box)
            assert np.allclose(face["landmarks"], face_found.landmarks)
            (crop,) = facesmith.crop_faces(two_faces, photographer.card["dataset"], faces=[face_found])
            crop_image = await client.get(f"/api/v1/faces/{face['id']}.png?what=cut&model=photographer")
            assert np.array_equal(pixels(crop_image), crop.image)
            assert Image.open(io.BytesIO(crop_image.content)).text["Description"] == UNCHANGED  # type: ignore[attr-defined]
            face_image = await client.get(f"/api/v1/faces/{face['id']}.png?model=photographer")
            assert np.array_equal(pixels(face_image), photographer.generate(photographer.encode(crop.image))[0])
            assert face_image.headers["cache-control"] == "no-store"
        mirror = await client.get(f"/api/v1/faces/{photo['faces'][0]['id']}.png?what=cut&model=mirror")
        assert pixels(mirror).shape == (8, 8, 3)

    visit(ask, paths=(str(photo_models),))


def test_photos_of_a_session_are_listed_newest_first(
    visit: Visit, photo_models: Path, two_faces: bytes, upload: Upload
) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        assert (await client.get(PATH)).json() == []
        first = await upload(client)
        marked = await client.get("/api/v1/generate?model=photographer&seed=7")
        second = (await client.post(PATH, content=marked.content, headers=PNG)).json()
        assert (first["provenance"]["kind"], second["provenance"]["kind"]) == ("unmarked", "generated")
        listed = await client.get(PATH)
        assert listed.json() == [second, first]
        assert listed.headers["cache-control"] == "no-store"
        file = await client.get(f"{PATH}/{first['photo']}/file")
        assert (file.content, file.headers["content-type"]) == (two_faces, "image/png")
        assert (await client.get(f"{PATH}/{first['whole'][6:]}/file")).status_code == 404
        client.cookies.clear()
        assert (await client.get(PATH)).json() == []

    visit(ask, paths=(str(photo_models),))


def test_the_number_of_faces_is_limited(
    visit: Visit, photo_models: Path, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "MAX_PHOTO_FACES", 1)

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        (face,) = (await upload(client))["faces"]
        assert face["box"][0] > 240  # the larger face

    visit(ask, paths=(str(photo_models),))


def test_a_photo_without_detection_is_used_whole(
    visit: Visit, photo_models: Path, painter: Model, two_faces: bytes, upload: Upload, pixels: Pixels
) -> None:
    (crop,) = facesmith.crop_faces(two_faces, painter.card["dataset"])

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for query in ("?model=painter", "?aligned=true"):
            photo = await upload(client, query=query)
            assert photo["aligned"]
            assert [face["face"] for face in photo["faces"]] == [photo["whole"]]
            assert photo["faces"][0]["box"] is None
            crop_image = await client.get(f"/api/v1/faces/{photo['faces'][0]['id']}.png?what=cut&model=painter")
            assert np.array_equal(pixels(crop_image), crop.image)
        photo = await upload(client, _png(np.full((90, 80, 3), 99, np.uint8)))
        assert (photo["faces"], photo["aligned"]) == ([], False)
        response = await client.post("/api/v1/encode", json={"model": "photographer", "face": photo["whole"]})
        assert response.status_code == 200, response.text

    visit(ask, paths=(str(photo_models),))


def test_expensive_photos_are_refused_before_decoding(
    visit: Visit, photo_models: Path, two_faces: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder_calls: list[object] = []
    monkeypatch.setattr(photos, "read_photo", decoder_calls.append)
    gif = io.BytesIO()
    Image.new("P", (9, 9)).save(gif, "GIF")

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for data, status, message in (
            (_bomb(20_000, 20_000), 413, "pixels"),
            (_bomb(1_001, 1_000), 413, "1,001 x 1,000"),
            (_bomb(1_000, 501, 8, 6), 413, "1,000 x 501"),
            (_bomb(1_000, 501, 16, 0), 413, "more than 500,000"),
            (_bomb(1, MAX_SIDE + 1), 413, "wide or high"),
            (_layered(MAX_SCANS), 413, "JPEG scans"),
            (gif.getvalue(), 415, "JPEG"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "JPEG"),
            (b"", 422, "empty"),
            (b"\x89PNG\r\n\x1a\n" + bytes(40), 415, "JPEG"),
        ):
            response = await client.post(PATH, content=data, headers=PNG)
            assert response.status_code == status, response.text
            assert message in response.json()["error"]
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            response = await client.post(PATH, content=two_faces, headers={"Content-Type": kind})
            assert response.status_code == 415
        assert decoder_calls == []

    visit(ask, paths=(str(photo_models),), pixels=1_000_000)


def test_a_photo_is_also_taken_from_a_form_or_as_bytes(visit: Visit, photo_models: Path, two_faces: bytes) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        plain = (await client.post(PATH, content=two_faces, headers=PNG)).json()
        octets = {"Content-Type": "application/octet-stream"}
        for response in (
            await client.post(PATH, files={"file": ("me.png", two_faces, "image/png")}, data={"note": "mine"}),
            await client.post(PATH, files={"photo": two_faces + b"\r\n--" * 400_000}),
            await client.post(PATH, content=two_faces, headers=octets),
        ):
            assert response.status_code == 200, response.text
            assert [face["box"] for face in response.json()["faces"]] == [face["box"] for face in plain["faces"]]
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        for refused, status in (
            (await client.post(PATH, files={"a": two_faces, "b": two_faces}), 422),
            (await client.post(PATH, data={"note": "mine"}, headers=form), 422),
            (await client.post(PATH, content=two_faces, headers={"Content-Type": "multipart/form-data"}), 422),
            (await client.post(PATH, content=b"nonsense", headers=form), 422),
            (await client.post(PATH, files={"file": b"no photo"}), 415),
            (await client.post(PATH, files={"file": bytes(20_000_001)}), 413),
        ):
            assert refused.status_code == status, refused.text
            assert refused.json()["error"]

    visit(ask, paths=(str(photo_models),))


def test_damaged_photos_are_refused(visit: Visit, photo_models: Path, two_faces: bytes, upload: Upload) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        response = await client.post(PATH, content=two_faces[: len(two_faces) // 2], headers=PNG)
        assert response.status_code == 400
        assert "truncated" in response.json()["error"]
        photo = await upload(client, _layered(1), "?aligned=true")
        assert photo["size"] == [16, 16]

    visit(ask, paths=(str(photo_models),))


def test_photos_are_never_written_to_disk(
    visit: Visit,
    photo_models: Path,
    upload: Upload,
    two_faces: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))  # creating a temporary file fails

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        face = (await upload(client))["faces"][0]["face"]
        response = await client.post(PATH, files={"file": two_faces + bytes(2_000_000)})  # Starlette spools above 1 MB
        assert response.status_code == 200, response.text
        for path, body in (
            ("edit", {"faces": [face], "edits": [{"Smiling": 1}]}),
            ("interpolate", {"faces": [face, "seed:1"], "frames": 3, "format": "gif"}),
            ("interpolate", {"faces": [face, "seed:1"], "frames": 3, "format": "mp4"}),
        ):
            response = await client.post(f"/api/v1/{path}", json={"model": "photographer", **body})
            assert response.status_code == 200, response.text
        for how in ({"whole": True}, {"format": "gif"}):
            response = await client.post("/api/v1/makeover", json={"face": face, **how})
            assert response.status_code == 200, response.text

    visit(ask, paths=(str(photo_models),))
    assert list(tmp_path.iterdir()) == []


def test_sessions_are_isolated(visit: Visit, photo_models: Path, upload: Upload) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        photo = await upload(client)
        first_face = photo["faces"][0]["face"]
        body = {"model": "photographer", "face": first_face}
        encoding = (await client.post("/api/v1/encode", json=body)).json()
        session = client.cookies["facesmith_session"]
        client.cookies.clear()
        await upload(client)  # another client with its own session
        for face in (first_face, encoding["face"], photo["whole"]):
            for path, extra in (
                ("encode", {"face": face}),
                ("refine", {"face": face}),
                ("describe", {"face": face}),
                ("edit", {"faces": [face]}),
                ("edit", {"faces": ["seed:1", face], "format": "json"}),
                ("analogy", {"a": "seed:1", "b": "seed:2", "c": face}),
                ("interpolate", {"faces": ["seed:1", face]}),
            ):
                response = await client.post(f"/api/v1/{path}", json={"model": "photographer", **extra})
                assert response.status_code == 404, path
            assert (await client.post("/api/v1/makeover", json={"face": face})).status_code == 404
            assert (await client.get(f"/api/v1/faces/{face[6:]}.png?model=photographer")).status_code == 404
        assert (await client.delete(f"{PATH}/{photo['photo']}")).status_code == 404
        client.cookies.clear()
        response = await client.post("/api/v1/encode", json=body, headers={"X-Session": session})
        assert response.status_code == 200

    visit(ask, paths=(str(photo_models),))


def test_deleting_a_photo_deletes_derived_faces(visit: Visit, photo_models: Path, upload: Upload) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        other_photo, photo = await upload(client, query="?aligned=true"), await upload(client)
        before = app.state.services.sessions.bytes
        face = photo["faces"][1]["face"]
        edit = {"model": "photographer", "faces": [face, "seed:1"], "edits": [{"Smiling": 1}], "format": "json"}
        edited_faces = (await client.post("/api/v1/edit", json=edit)).json()["faces"]
        mix = {"model": "photographer", "a": "seed:1", "b": "seed:2", "c": edited_faces[0]["face"], "format": "json"}
        mixture = (await client.post("/api/v1/analogy", json=mix)).json()
        assert app.state.services.sessions.bytes > before
        # Photo, whole photo, two faces, crop, latent, edit and analogy.
        assert (await client.delete(f"{PATH}/{photo['photo']}")).json() == {"forgotten": 8}
        for deleted_face in (face, edited_faces[0]["face"], mixture["face"]):
            assert (await client.get(f"/api/v1/faces/{deleted_face[6:]}.png")).status_code == 404
        for remaining_face in (edited_faces[1]["face"], other_photo["whole"]):
            assert (await client.get(f"/api/v1/faces/{remaining_face[6:]}.png?model=photographer")).status_code == 200
        response = await client.delete("/api/v1/session")
        assert response.json()["forgotten"] > 2
        assert "facesmith_session" not in client.cookies
        assert len(app.state.services.sessions) == 0
        assert (await client.delete("/api/v1/session")).json() == {"forgotten": 0}

    visit(ask, paths=(str(photo_models),))


def test_a_slider_reuses_the_crop_and_the_latent(
    visit: Visit, photo_models: Path, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def count_calls(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            calls.append(name)
            return real(*args, **options)

        return call

    monkeypatch.setattr(face_resolver, "crop_faces", count_calls("cut", facesmith.crop_faces))
    monkeypatch.setattr(Model, "encode", count_calls("encode", Model.encode))
    monkeypatch.setattr(photos, "find_faces", count_calls("find", facesmith.find_faces))
    monkeypatch.setattr(Makeover, "apply", count_calls("apply", Makeover.apply))

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        face = (await upload(client))["faces"][0]["face"]

        async def slide(strength: float) -> None:
            edit = {"model": "photographer", "faces": [face] * 64, "edits": [{"Smiling": strength}]}
            response = await client.post("/api/v1/edit", json=edit)
            assert response.status_code == 200, response.text

        await asyncio.gather(*(slide(number / 9) for number in range(5)))
        await slide(1)
        assert sorted(calls) == ["cut", "encode", "find"]
        for strength in (0.1, 0.2, 0.3):
            await client.post("/api/v1/makeover", json={"face": face, "strength": strength})
        assert sorted(calls) == ["apply", "apply", "apply", "cut", "cut", "encode", "find"]

    visit(ask, paths=(str(photo_models),))


def test_seeds_need_no_session(visit: Visit, photo_models: Path) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        response = await client.post("/api/v1/edit", json={"model": "painter", "faces": ["seed:1"]})
        assert response.status_code == 200
        assert "set-cookie" not in response.headers
        assert len(app.state.services.sessions) == 0

    visit(ask, paths=(str(photo_models),))
