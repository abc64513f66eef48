"""/runs, sheets and /watch with real runs."""

import asyncio
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image

from facesmith import read_marks

Visit = Callable[..., None]


@pytest.fixture(scope="module")
def runs(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the run ``first`` and its copy ``bare`` without samples and measurements."""
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(small_run, folder / "first")
    bare = Path(
        shutil.copytree(small_run, folder / "bare", ignore=shutil.ignore_patterns("*.jsonl", "*.html", "*.mp4"))
    )
    for sheet in (bare / "samples").iterdir():
        sheet.unlink()
    for name, text in (("broken", "{"), ("empty", "{}")):
        (folder / name).mkdir()
        (folder / name / "run.json").write_text(text)
    return folder


def test_runs_are_listed_without_broken_cards(visit: Visit, runs: Path) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        runs_by_name = {run["name"]: run for run in (await client.get("/api/v1/runs")).json()}
        assert set(runs_by_name) == {"first", "bare"}
        first = runs_by_name["first"]
        assert (first["status"], first["recipe"], first["kimg"], first["health"]) == (
            "finished",
            "tiny",
            0.512,
            "healthy",
        )
        png, jpeg = [await client.get(first["sheet"].replace(".png", form)) for form in (".png", ".jpg")]
        assert [each.headers["content-type"] for each in (png, jpeg)] == ["image/png", "image/jpeg"]
        assert read_marks(jpeg.content) == read_marks(png.content) is not None
        assert runs_by_name["bare"]["sheet"] is None

    visit(ask, paths=(str(runs),))


def test_foreign_cards_cause_no_server_error(visit: Visit, small_run: Path, tmp_path: Path) -> None:
    odd: list[dict[str, Any]] = [
        {"status": "flying"},
        {"kimg": "many"},
        {"goal": [1]},
        {"goal": {"kimg": "all", "minutes": True}},
        {"sessions": {"a": 1}},
        {"sessions": [1, {"from_kimg": "x"}]},
        {"health_events": [1, {"step": 1}]},
        {"dataset": None},
        {"started": 7, "ended": []},
        {"seconds": "long"},
        {"health": 3},
    ]
    card = json.loads((small_run / "run.json").read_text())
    for number, changes in enumerate(odd):
        folder = tmp_path / f"odd-{number}"
        shutil.copytree(small_run, folder, ignore=shutil.ignore_patterns("tensorboard", "checkpoints", "*.html"))
        (folder / "run.json").write_text(json.dumps(card | changes))
        (folder / "metrics.jsonl").write_text('{"step": "a", "loss_D": [1], "health": 5}\n{"loss_D": 1e400}\n')

    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        app.state.services.closing.set()
        assert (await client.get("/api/v1/runs")).status_code == 200
        for number, changes in enumerate(odd):
            for path in ("", "/metrics", "/sheets", "/events"):
                response = await client.get(f"/api/v1/runs/odd-{number}{path}")
                assert response.status_code in (200, 400), (changes, path)

    visit(ask, paths=(str(tmp_path),))


def test_a_run_without_measurements_has_a_status(visit: Visit, runs: Path) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        first = (await client.get("/api/v1/runs/first")).json()
        assert first["health_text"].startswith("Health at the end")
        assert (first["here"], first["last_words"]) == (False, None)
        assert first["settings"]["batch_size"] == 32
        bare = (await client.get("/api/v1/runs/bare")).json()
        assert (bare["video"], bare["report"], bare["best"]) == (None, None, None)
        metrics = (await client.get("/api/v1/runs/bare/metrics")).json()
        assert (metrics["charts"], metrics["tables"]["metrics"]) == ({}, {})
        for path in (
            "/nothing",
            "/..%2ffirst",
            "/bare/report",
            "/bare/video",
            "/bare/sheets/newest.png",
            "/broken/sheets",
        ):
            response = await client.get(f"/api/v1/runs{path}")
            assert response.status_code in (400, 404), path
            assert str(runs) not in response.text

    visit(ask, paths=(str(runs),))


def test_metrics_are_returned_by_column(visit: Visit, runs: Path) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        metrics = (await client.get("/api/v1/runs/first/metrics")).json()
        rows = [json.loads(line) for line in (runs / "first" / "metrics.jsonl").read_text().splitlines()]
        assert metrics["tables"]["metrics"]["step"] == [row["step"] for row in rows]
        assert metrics["tables"]["metrics"]["loss_D"] == pytest.approx([row["loss_D"] for row in rows], rel=1e-4)
        chart = metrics["charts"]["losses"]
        assert (chart["table"], set(chart["columns"]) & set(metrics["tables"]["metrics"])) == (
            "metrics",
            {"loss_D", "loss_G"},
        )
        since = (await client.get(f"/api/v1/runs/first/metrics?since={rows[-1]['step']}")).json()
        assert since["tables"]["metrics"]["step"] == []
        for query in ("most=1", "most=x", "since=-2"):
            assert (await client.get(f"/api/v1/runs/first/metrics?{query}")).status_code == 422

    visit(ask, paths=(str(runs),))


def test_sheets_are_served_and_resized(visit: Visit, runs: Path) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        sheets = (await client.get("/api/v1/runs/first/sheets")).json()
        files = sorted((runs / "first" / "samples").glob("*.png"))
        assert [sheet["sheet"] for sheet in sheets] == [file.stem for file in files]
        response = await client.get(sheets[-1]["address"])
        assert response.content == files[-1].read_bytes()
        assert "immutable" in response.headers["cache-control"]
        for name in ("newest", f"{sheets[-1]['kimg']:g}", sheets[-1]["sheet"]):
            response = await client.get(f"/api/v1/runs/first/sheets/{name}.png")
            assert response.content == files[-1].read_bytes(), name
            assert response.headers["cache-control"] == "private, no-cache"
        small = await client.get(sheets[-1]["address"].replace(".png", ".jpg") + "&width=50")
        assert Image.open(io.BytesIO(small.content)).size[0] == 50
        assert small.headers["content-type"] == "image/jpeg"
        for name in ("0.1", "newest.gif", "..%2f..%2frun.json", "1"):
            assert (await client.get(f"/api/v1/runs/first/sheets/{name}.png")).status_code == 404, name

    visit(ask, paths=(str(runs),))


def test_the_video_supports_range_requests(visit: Visit, runs: Path) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        address = (await client.get("/api/v1/runs/first")).json()["video"]
        video = (await client.get(address)).content
        assert video == (runs / "first" / "progress.mp4").read_bytes()
        part = await client.get(address, headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, video[10:20])

    visit(ask, paths=(str(runs),))


def test_a_report_is_sandboxed(visit: Visit, runs: Path) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        address = (await client.get("/api/v1/runs/first")).json()["report"]
        response = await client.get(address)
        assert response.text == (runs / "first" / "report.html").read_text()
        policy = response.headers.get_list("content-security-policy")
        assert len(policy) == 1  # the studio's own policy would block its styles
        assert "sandbox allow-scripts" in policy[0]
        assert "allow-same-origin" not in policy[0]
        assert "default-src 'none'" in policy[0]

    visit(ask, paths=(str(runs),))


def test_a_stream_starts_with_the_status(visit: Visit, runs: Path) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        mark = (await client.get("/api/v1/runs/first")).json()["mark"]
        app.state.services.closing.set()  # so that the stream ends after the first events
        for path, headers, kinds in (
            ("/runs/first/events", {}, ["status"]),
            ("/watch?run=first&run=bare", {}, ["status", "status"]),
            ("/runs/first/events", {"Last-Event-ID": f"first@0_0_0__,bare@{mark}"}, ["status", "metrics", "sheet"]),
            (f"/watch?run=first@{mark}", {}, ["status"]),
        ):
            response = await client.get(f"/api/v1{path}", headers=headers)
            assert response.headers["content-type"].startswith("text/event-stream")
            blocks = [
                dict(line.split(": ", 1) for line in block.splitlines())
                for block in response.text.split("\n\n")
                if block
            ]
            assert [block["event"] for block in blocks][: len(kinds)] == kinds, path
            assert all(block["id"].startswith("first@") for block in blocks)
            assert json.loads(blocks[0]["data"])["mark"] == mark
        for query in (
            "",
            "run=",
            "run=nobody",
            "run=first&run=nobody",
            "&".join(f"run=a{number}" for number in range(20)),
        ):
            assert (await client.get(f"/api/v1/watch?{query}")).status_code in (404, 422), query

    visit(ask, paths=(str(runs),))


def test_head_of_an_endless_stream_ends(visit: Visit, runs: Path) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        async with asyncio.timeout(30):
            response = await client.head("/api/v1/watch?run=first")
            assert response.headers["content-type"].startswith("text/event-stream")
            while app.state.services.run_watcher.watchers:
                await asyncio.sleep(0.01)

    visit(ask, paths=(str(runs),))
