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
from numpy.typing import NDArray
from PIL import Image

import facesmith
from facesmith import Makeover, Model
from facesmith.studio import face_refs as people
from facesmith.studio.api import photos
from facesmith.studio.image_responses import UNCHANGED
from facesmith.studio.uploads import MAX_SCANS, MAX_SIDE

Visit = Callable[..., None]
Bring = Callable[..., Any]
Pixels = Callable[[httpx.Response], NDArray[np.uint8]]
PATH = "/api/v1/photos"
PNG = {"Content-Type": "image/png"}


def _png(picture: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


def _bomb(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that says it is of that size, of so many bits and that kind of colour, and is a few bytes long."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def _layered(scans: int) -> bytes:
    """A JPEG with one of its scans again and again, which a decoder would draw as often."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(out, "JPEG", progressive=True)
    data = out.getvalue()
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xda", first + 2)
    last = data.rindex(b"\xff\xda")
    return data[:second] + data[last:-2] * scans + data[last:]


def test_faces_are_found_cropped_and_encoded(
    visit: Visit, seers: Path, photographer: Model, two_faces: bytes, bring: Bring, pixels: Pixels
) -> None:
    found = facesmith.find_faces(two_faces)

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        said = await bring(client)
        assert (said["size"], said["aligned"], len(said["faces"])) == ([600, 400], False, 2)
        for face, one in zip(said["faces"], found, strict=True):
            assert face["box"] == pytest.approx(one.box)
            assert np.allclose(face["landmarks"], one.landmarks)
            (cut,) = facesmith.crop_faces(two_faces, photographer.card["dataset"], faces=[one])
            seen = await client.get(f"/api/v1/faces/{face['id']}.png?what=cut&model=photographer")
            assert np.array_equal(pixels(seen), cut.image)
            assert Image.open(io.BytesIO(seen.content)).text["Description"] == UNCHANGED  # type: ignore[attr-defined]
            made = await client.get(f"/api/v1/faces/{face['id']}.png?model=photographer")
            assert np.array_equal(pixels(made), photographer.generate(photographer.encode(cut.image))[0])
            assert made.headers["cache-control"] == "no-store"
        mirror = await client.get(f"/api/v1/faces/{said['faces'][0]['id']}.png?what=cut&model=mirror")
        assert pixels(mirror).shape == (8, 8, 3)

    visit(ask, paths=(str(seers),))


def test_the_number_of_faces_is_limited(
    visit: Visit, seers: Path, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "MAX_PHOTO_FACES", 1)

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        (face,) = (await bring(client))["faces"]
        assert face["box"][0] > 240  # the large one

    visit(ask, paths=(str(seers),))


def test_a_photo_without_detection_is_used_whole(
    visit: Visit, seers: Path, painter: Model, two_faces: bytes, bring: Bring, pixels: Pixels
) -> None:
    (cut,) = facesmith.crop_faces(two_faces, painter.card["dataset"])

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for query in ("?model=painter", "?aligned=true"):
            said = await bring(client, query=query)
            assert said["aligned"]
            assert [face["face"] for face in said["faces"]] == [said["whole"]]
            assert said["faces"][0]["box"] is None
            seen = await client.get(f"/api/v1/faces/{said['faces'][0]['id']}.png?what=cut&model=painter")
            assert np.array_equal(pixels(seen), cut.image)
        said = await bring(client, _png(np.full((90, 80, 3), 99, np.uint8)))
        assert (said["faces"], said["aligned"]) == ([], False)
        answer = await client.post("/api/v1/encode", json={"model": "photographer", "face": said["whole"]})
        assert answer.status_code == 200, answer.text

    visit(ask, paths=(str(seers),))


def test_expensive_photos_are_refused_before_decoding(
    visit: Visit, seers: Path, two_faces: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[object] = []
    monkeypatch.setattr(photos, "read_photo", decoded.append)
    gif = io.BytesIO()
    Image.new("P", (9, 9)).save(gif, "GIF")

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for data, status, words in (
            (_bomb(20_000, 20_000), 413, "pixels"),
            (_bomb(1_001, 1_000), 413, "1,001 x 1,000"),
            (_bomb(1_000, 501, 8, 6), 413, "1,000 x 501"),
            (_bomb(1_000, 501, 16, 0), 413, "more than 500,000"),
            (_bomb(1, MAX_SIDE + 1), 413, "side"),
            (_layered(MAX_SCANS), 413, "JPEG scans"),
            (gif.getvalue(), 415, "JPEG"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "JPEG"),
            (b"", 422, "empty"),
            (b"\x89PNG\r\n\x1a\n" + bytes(40), 415, "JPEG"),
        ):
            answer = await client.post(PATH, content=data, headers=PNG)
            assert answer.status_code == status, answer.text
            assert words in answer.json()["error"]
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            answer = await client.post(PATH, content=two_faces, headers={"Content-Type": kind})
            assert answer.status_code == 415
        assert decoded == []

    visit(ask, paths=(str(seers),), pixels=1_000_000)


def test_damaged_photos_are_refused(visit: Visit, seers: Path, two_faces: bytes, bring: Bring) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        answer = await client.post(PATH, content=two_faces[: len(two_faces) // 2], headers=PNG)
        assert answer.status_code == 400
        assert "cut short" in answer.json()["error"]
        said = await bring(client, _layered(1), "?aligned=true")
        assert said["size"] == [16, 16]

    visit(ask, paths=(str(seers),))


def test_nothing_of_a_photo_touches_the_disk(
    visit: Visit, seers: Path, bring: Bring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))  # whoever wants a file there fails

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        face = (await bring(client))["faces"][0]["face"]
        for path, body in (
            ("edit", {"faces": [face], "edits": [{"Smiling": 1}]}),
            ("interpolate", {"faces": [face, "seed:1"], "frames": 3, "format": "gif"}),
            ("interpolate", {"faces": [face, "seed:1"], "frames": 3, "format": "mp4"}),
        ):
            answer = await client.post(f"/api/v1/{path}", json={"model": "photographer", **body})
            assert answer.status_code == 200, answer.text
        for how in ({"whole": True}, {"format": "gif"}):
            answer = await client.post("/api/v1/makeover", json={"face": face, **how})
            assert answer.status_code == 200, answer.text

    visit(ask, paths=(str(seers),))
    assert list(tmp_path.iterdir()) == []


def test_sessions_are_isolated(visit: Visit, seers: Path, bring: Bring) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        said = await bring(client)
        mine = said["faces"][0]["face"]
        body = {"model": "photographer", "face": mine}
        encoded = (await client.post("/api/v1/encode", json=body)).json()
        session = client.cookies["facesmith_session"]
        client.cookies.clear()
        await bring(client)  # another visitor, who has a session of their own
        for face in (mine, encoded["face"], said["whole"]):
            for path, extra in (
                ("encode", {"face": face}),
                ("refine", {"face": face}),
                ("describe", {"face": face}),
                ("edit", {"faces": [face]}),
                ("edit", {"faces": ["seed:1", face], "format": "json"}),
                ("analogy", {"a": "seed:1", "b": "seed:2", "c": face}),
                ("interpolate", {"faces": ["seed:1", face]}),
            ):
                answer = await client.post(f"/api/v1/{path}", json={"model": "photographer", **extra})
                assert answer.status_code == 404, path
            assert (await client.post("/api/v1/makeover", json={"face": face})).status_code == 404
            assert (await client.get(f"/api/v1/faces/{face[6:]}.png?model=photographer")).status_code == 404
        assert (await client.delete(f"{PATH}/{said['photo']}")).status_code == 404
        client.cookies.clear()
        answer = await client.post("/api/v1/encode", json=body, headers={"X-Session": session})
        assert answer.status_code == 200

    visit(ask, paths=(str(seers),))


def test_deleting_a_photo_deletes_derived_faces(visit: Visit, seers: Path, bring: Bring) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        other, said = await bring(client, query="?aligned=true"), await bring(client)
        before = app.state.services.sessions.bytes
        face = said["faces"][1]["face"]
        edit = {"model": "photographer", "faces": [face, "seed:1"], "edits": [{"Smiling": 1}], "format": "json"}
        made = (await client.post("/api/v1/edit", json=edit)).json()["faces"]
        mix = {"model": "photographer", "a": "seed:1", "b": "seed:2", "c": made[0]["face"], "format": "json"}
        mixed = (await client.post("/api/v1/analogy", json=mix)).json()
        assert app.state.services.sessions.bytes > before
        # Photo, whole, two faces, a cut, a latent, an edit, an analogy.
        assert (await client.delete(f"{PATH}/{said['photo']}")).json() == {"forgotten": 8}
        for gone in (face, made[0]["face"], mixed["face"]):
            assert (await client.get(f"/api/v1/faces/{gone[6:]}.png")).status_code == 404
        for stays in (made[1]["face"], other["whole"]):
            assert (await client.get(f"/api/v1/faces/{stays[6:]}.png?model=photographer")).status_code == 200
        answer = await client.delete("/api/v1/session")
        assert answer.json()["forgotten"] > 2
        assert "facesmith_session" not in client.cookies
        assert len(app.state.services.sessions) == 0
        assert (await client.delete("/api/v1/session")).json() == {"forgotten": 0}

    visit(ask, paths=(str(seers),))


def test_a_slider_reuses_the_crop_and_the_latent(
    visit: Visit, seers: Path, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def noted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            calls.append(name)
            return real(*args, **options)

        return call

    monkeypatch.setattr(people, "crop_faces", noted("cut", facesmith.crop_faces))
    monkeypatch.setattr(Model, "encode", noted("encode", Model.encode))
    monkeypatch.setattr(photos, "find_faces", noted("find", facesmith.find_faces))
    monkeypatch.setattr(Makeover, "apply", noted("apply", Makeover.apply))

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        face = (await bring(client))["faces"][0]["face"]

        async def slide(strength: float) -> None:
            edit = {"model": "photographer", "faces": [face] * 64, "edits": [{"Smiling": strength}]}
            answer = await client.post("/api/v1/edit", json=edit)
            assert answer.status_code == 200, answer.text

        await asyncio.gather(*(slide(number / 9) for number in range(5)))
        await slide(1)
        assert sorted(calls) == ["cut", "encode", "find"]
        for strength in (0.1, 0.2, 0.3):
            await client.post("/api/v1/makeover", json={"face": face, "strength": strength})
        assert sorted(calls) == ["apply", "apply", "apply", "cut", "cut", "encode", "find"]

    visit(ask, paths=(str(seers),))


def test_seeds_need_no_session(visit: Visit, seers: Path) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        answer = await client.post("/api/v1/edit", json={"model": "painter", "faces": ["seed:1"]})
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert len(app.state.services.sessions) == 0

    visit(ask, paths=(str(seers),))
