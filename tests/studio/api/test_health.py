import asyncio
import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from facesmith import Model

Visit = Callable[..., None]


def test_readyz_follows_warm_up_and_shutdown(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        services = app.state.services
        assert (await client.get("/readyz")).status_code == 503
        await asyncio.wait_for(services.warm.wait(), 30)
        assert (await client.get("/readyz")).json() == {"status": "ok"}
        services.closing.set()
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200

    visit(ask)


def test_a_studio_without_models_is_ready(visit: Visit, tmp_path: Path) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        await asyncio.wait_for(app.state.services.warm.wait(), 30)
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/generate_image")).status_code == 404

    visit(ask, paths=(str(tmp_path),))


def test_healthz_fails_without_worker_threads(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        await asyncio.wait_for(app.state.services.warm.wait(), 30)
        assert (await client.get("/healthz")).status_code == 200
        await asyncio.to_thread(app.state.services.batcher.close)
        assert (await client.get("/healthz")).status_code == 503

    visit(ask)


def test_generate_image_returns_random_faces(visit: Visit, first: Model) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        responses = [await client.get("/generate_image") for _ in range(2)]
        assert responses[0].content != responses[1].content
        assert responses[0].headers["cache-control"] == "no-store"
        as_image = await client.get("/generate_image", headers={"Accept": "text/html,image/webp,*/*;q=0.8"})
        assert as_image.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(as_image.content)).size == first.size
        kind, _, data = responses[0].json()["image"].partition(",")
        assert kind == "data:image/png;base64"
        picture = Image.open(io.BytesIO(base64.b64decode(data)))
        seed = json.loads(picture.info["facesmith"])["seed"]
        assert np.array_equal(np.asarray(picture), first.sample(1, seed)[0])

    visit(ask)


@pytest.mark.parametrize(
    ("traceparent", "is_valid"),
    [
        (f"00-{'a' * 32}-{'b' * 16}-01", True),
        (f"01-{'a' * 32}-{'b' * 16}-01-more", True),
        (f"ff-{'a' * 32}-{'b' * 16}-01", False),
        (f"00-{'0' * 32}-{'b' * 16}-01", False),
        (f"00-{'A' * 32}-{'b' * 16}-01", False),
        ("", False),
    ],
)
def test_a_trace_context_is_logged(
    visit: Visit, capsys: pytest.CaptureFixture[str], traceparent: str, is_valid: bool
) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        await client.get("/api/v1/models", headers={"traceparent": traceparent})

    visit(ask, quiet=False)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    (line,) = (line for line in lines if line["path"] == "/api/v1/models")
    ids = {"trace_id": "a" * 32, "parent_id": "b" * 16} if is_valid else {}
    assert {key: value for key, value in line.items() if key in ("trace_id", "parent_id")} == ids


def test_metrics_count_requests_and_faces(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        await asyncio.wait_for(app.state.services.warm.wait(), 30)
        await client.get("/api/v1/generate?count=9")
        await client.get("/api/v1/generate?count=0")
        for name in ("a", "b", "c"):
            await client.get(f"/nothing/{name}")
        for path in ("/about", "/api/v1/models", "/api/v1/models/first"):
            assert (await client.get(path)).status_code == 200
        lines = (await client.get("/metrics")).text.splitlines()
        assert 'facesmith_requests_total{method="GET",route="/api/v1/generate",status="200"} 1.0' in lines
        assert 'facesmith_requests_total{method="GET",route="/api/v1/generate",status="422"} 1.0' in lines
        assert 'facesmith_requests_total{method="GET",route="other",status="404"} 3.0' in lines
        for route in ("/about", "/api/v1/models", "/api/v1/models/{name}"):
            assert f'facesmith_requests_total{{method="GET",route="{route}",status="200"}} 1.0' in lines
        assert 'facesmith_faces_total{model="first"} 10.0' in lines
        assert 'facesmith_request_seconds_count{route="/api/v1/generate"} 2.0' in lines
        assert any(line.startswith('facesmith_build_info{python="3.') for line in lines)
        assert float(next(line for line in lines if line.startswith("process_resident_memory_bytes")).split()[1]) > 1e7
        for gauge, value in (("queue_faces", 0), ("queue_limit_faces", 1024), ("models_loaded", 1), ("sessions", 0)):
            assert f"facesmith_{gauge} {value}.0" in lines

    visit(ask)
