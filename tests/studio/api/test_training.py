import asyncio
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import facesmith
from facesmith import Dataset
from facesmith.files import read_json

Visit = Callable[..., None]
NARROW = {
    "generator_width": 8, "discriminator_width": 8, "batch_size": 32, "threads": 1, "precision": "float32",
    "memory_format": "channels_last", "tick_kimg": 0.2, "log_steps": 2, "score_kimg": 0,
}  # fmt: skip


@pytest.fixture
def place(builtin_dataset: Dataset, small_run: Path, tmp_path: Path) -> Path:
    """Return a folder with the dataset ``faces`` and the run ``first``."""
    shutil.copytree(builtin_dataset.path, tmp_path / "faces")
    shutil.copytree(small_run, tmp_path / "first")
    return tmp_path


async def _until(client: httpx.AsyncClient, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        info: dict[str, Any] = (await client.get(f"/api/v1/runs/{name}")).json()
        if holds(info):
            return info
        await asyncio.sleep(0.2)
    raise AssertionError(info)


def test_training_requires_allow_training(visit: Visit, place: Path) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        assert (await client.get("/api/v1/training")).json()["allowed"] is False
        new = {"name": "new", "recipe": "tiny", "dataset": "faces"}
        for path, body in (
            ("", new),
            ("/first/stop", {}),
            ("/first/resume", {}),
            ("/first/branch", {"name": "new"}),
            ("/first/report", {}),
            ("/first/rename", {"name": "new"}),
        ):
            response = await client.post(f"/api/v1/runs{path}", json=body)
            assert (response.status_code, list(response.json())) == (403, ["error"]), path
        assert sorted(path.name for path in place.iterdir()) == ["faces", "first"]

    visit(ask, paths=(str(place),))


def test_recipes_are_described_with_every_setting(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        training_info = (await client.get("/api/v1/training")).json()
        assert [recipe["name"] for recipe in training_info["recipes"]] == list(facesmith.RECIPES)
        encoder = (await client.get("/api/v1/training/encoder")).json()
        settings = {setting["name"]: setting for setting in encoder["settings"]}
        assert {name: setting["given"] for name, setting in settings.items() if setting["given"]} == {
            "model": "generator", "classifier": "classifier", "gan": "run"
        }  # fmt: skip
        assert settings["on_collapse"]["choices"] == ["rollback", "stop", "warn"]
        assert (await client.get("/api/v1/training/nothing")).status_code == 404

    visit(ask)


INVALID_BODIES: list[tuple[dict[str, Any], int]] = [
    ({"name": "../new"}, 422),
    ({"name": "-new"}, 422),
    ({"name": "new/er"}, 422),
    ({"name": "first"}, 400),  # exists
    ({"name": "faces"}, 400),  # is a folder
    ({"recipe": "tinny"}, 404),
    ({"recipe": "--help"}, 404),
    ({"dataset": "nothing"}, 404),
    ({"dataset": "/etc"}, 404),
    ({"minutes": 0}, 422),
    ({"minutes": float("inf")}, 422),
    ({"settings": {"wings": 2}}, 422),
    ({"settings": {"--kimg": 2}}, 422),
    ({"settings": {"seed": [1]}}, 422),
    ({"settings": {"d_schedule": "a\nb"}}, 422),
    ({"recipe": "encoder", "settings": {"model": "/etc"}}, 404),
    ({"recipe": "encoder", "settings": {"gan": "../first"}}, 404),
    ({"other": 1}, 422),
]


def test_invalid_trainings_are_refused_before_they_start(visit: Visit, place: Path) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        for body, status in INVALID_BODIES:
            request = {"name": "new", "recipe": "tiny", "dataset": "faces"} | body
            text = json.dumps(request).replace("Infinity", "1e999")
            response = await client.post("/api/v1/runs", content=text, headers={"Content-Type": "application/json"})
            assert (response.status_code, list(response.json())) == (status, ["error"]), body
            assert app.state.services.training_jobs.find(request["name"]) is None

    visit(ask, paths=(str(place),), allow_training=True)


def test_a_run_is_started_stopped_resumed_and_ended(visit: Visit, place: Path) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        invalid = {"name": "wrong", "recipe": "tiny", "dataset": "faces", "settings": {"learning_rate": -1}}
        new = {"name": "new", "recipe": "tiny", "dataset": "faces", "minutes": 9, "settings": NARROW}
        failure, start = await asyncio.gather(
            client.post("/api/v1/runs", json=invalid, timeout=100), client.post("/api/v1/runs", json=new, timeout=100)
        )
        assert failure.status_code == 400
        assert "learning_rate=-1.0: expected at least 0" in failure.json()["error"]
        assert not (place / "wrong").exists()
        assert (start.status_code, start.json()) == (200, {"name": "new", "writing": True})
        info = await _until(client, "new", lambda info: info["kimg"] > 0)
        assert (info["status"], info["here"], info["goal_minutes"]) == ("running", True, 9)
        for path in ("/new/resume", "/first/stop"):
            assert (await client.post(f"/api/v1/runs{path}", json={})).status_code in (400, 404)
        assert (await client.post("/api/v1/runs/new/stop")).status_code == 200
        assert (await client.post("/api/v1/runs/new/stop")).status_code in (200, 404)  # a second stop does not kill it
        info = await _until(client, "new", lambda info: not info["here"])
        assert (info["status"], info["last_words"]) == ("interrupted", None)
        assert info["report"]
        kimg = info["kimg"]
        for body, status in (
            ({"name": "short", "minutes": 0.0001}, 400),  # it has trained longer
            ({"name": "short", "kimg": 0.0001}, 400),
            ({"name": "short", "minutes": 9, "additional_minutes": 1}, 422),
        ):
            assert (await client.post("/api/v1/runs/new/branch", json=body, timeout=100)).status_code == status
        assert not (place / "short").exists()
        response = await client.post(
            "/api/v1/runs/new/branch",
            json={"name": "other", "settings": {"seed": 1}, "additional_minutes": 5},
            timeout=100,
        )
        assert response.status_code == 200, response.text
        info = await _until(client, "other", lambda info: info["kimg"] > kimg)
        assert info["settings"]["seed"] == 1
        assert info["here"]
        assert 5 < info["goal_minutes"] < 14
        for path in ("runs/other", "datasets/faces"):
            assert (await client.delete(f"/api/v1/{path}")).status_code == 400, f"{path} is in use"
        assert (await client.post("/api/v1/runs/other/rename", json={"name": "moved"})).status_code == 400

    visit(ask, paths=(str(place),), allow_training=True)
    card = read_json(place / "other" / "run.json", "card")
    assert (card["status"], card["sessions"][-1]["reason"]) == ("interrupted", "Ctrl-C")


def test_a_finished_run_is_continued_renamed_and_deleted(visit: Visit, place: Path) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        before = (await client.get("/api/v1/runs/first")).json()
        assert before["status"] == "finished"
        assert (await client.post("/api/v1/runs/first/resume", json={})).status_code == 400  # its goal is reached
        more = {"additional_minutes": 0.02}
        response = await client.post("/api/v1/runs/first/resume", json=more, timeout=100)
        assert response.status_code == 200, response.text
        info = await _until(client, "first", lambda info: not info["here"])
        assert info["status"] == "finished"
        assert info["kimg"] > before["kimg"]
        for name, status in (("faces", 400), ("../up", 422), ("second", 200)):
            response = await client.post("/api/v1/runs/first/rename", json={"name": name})
            assert response.status_code == status, name
        assert (await client.get("/api/v1/runs/second")).json()["kimg"] == info["kimg"]
        statuses = {"runs/first": 404, "runs/second": 204, "datasets/faces": 204, "models/drawn64": 400}
        for path, status in statuses.items():
            assert (await client.delete(f"/api/v1/{path}")).status_code == status, path
        assert list(place.iterdir()) == []

    visit(ask, paths=(str(place), "drawn64"), allow_training=True)


def test_a_killed_training_is_reported(visit: Visit, place: Path) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        response = await client.post("/api/v1/runs/first/resume", json={"kimg": 500}, timeout=100)
        assert response.status_code == 200, response.text
        app.state.services.training_jobs.find("first").process.kill()
        info = await _until(client, "first", lambda info: not info["here"])
        assert (info["status"], info["last_words"]) == ("silent", "train was ended by SIGKILL")

    visit(ask, paths=(str(place),), allow_training=True)


def test_training_requires_a_folder_for_runs(visit: Visit, place: Path) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        response = await client.post("/api/v1/runs", json={"name": "new", "recipe": "tiny", "dataset": "faces"})
        assert response.status_code == 400
        assert "no folder for new runs" in response.json()["error"]

    visit(ask, paths=(str(place / "first"), str(place / "faces")), allow_training=True)
