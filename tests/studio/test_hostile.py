"""A short version of the hostile benchmark, which runs against a separate process."""

import importlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

Visit = Callable[..., None]
PIXELS = 300_000


@pytest.fixture(scope="module")
def load_benchmark() -> Iterator[Callable[[str], Any]]:
    """Import a module of benchmarks/ that generates hostile input."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
        yield importlib.import_module


def test_hostile_uploads_are_refused(
    visit: Visit,
    load_benchmark: Callable[[str], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    files = load_benchmark("hostile_uploads")

    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        before = (await client.get("/generate_image")).status_code
        statuses = set()
        for upload in files.uploads(len(files.KINDS), 0, PIXELS):
            headers = {"Content-Type": upload.media}
            response = await client.post("/api/v1/photos", content=upload.data, headers=headers)
            assert response.status_code in (200, 400, 413, 415, 422), (upload.kind, response.text)
            assert response.status_code == 200 or list(response.json()) == ["error"], upload.kind
            statuses.add(response.status_code)
        assert statuses >= {200, 400, 413, 415}
        assert (await client.delete("/api/v1/session")).status_code == 200
        assert len(app.state.services.sessions) == 0
        assert (await client.get("/generate_image")).status_code == before == 200

    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        patch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))  # creating a temporary file fails
        visit(ask, pixels=PIXELS)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_hostile_requests_are_refused(
    visit: Visit, load_benchmark: Callable[[str], Any], capfd: pytest.CaptureFixture[str]
) -> None:
    requests = load_benchmark("hostile_requests")

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for request in requests.requests()[::23]:
            headers = [(name.encode(), value.encode("latin-1")) for name, value in request.headers.items()]
            response = await client.request(request.method, request.path, content=request.body, headers=headers)
            assert response.status_code < 500, (request, response.text)
            if response.status_code >= 400 and request.method != "HEAD":
                assert list(response.json()) == ["error"], request
                assert len(response.text) < 1_200, request
        assert (await client.get("/generate_image")).status_code == 200

    visit(ask)
    assert capfd.readouterr() == ("", "")


def test_hostile_files_are_reproducible(load_benchmark: Callable[[str], Any]) -> None:
    files = load_benchmark("hostile_uploads")
    first, repeat, other_seed = ([*files.uploads(8, seed, PIXELS)] for seed in (0, 0, 1))
    assert first == repeat != other_seed
