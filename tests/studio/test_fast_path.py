import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from facesmith import Model
from facesmith.studio.fast_path import FastPath

Visit = Callable[..., None]
QUERIES = (
    "seed=7&start=3",
    "seed=5&count=20&columns=6&format=webp",
    "model=second&count=3&format=json&set=Smiling:1&set=Young:-2",
    "model=nobody",
    "count=0&seed=-1&scale=x",
    "set=Smiling:1&set=Smiling:2&model=second",
    "count=1&count=2",
    "unknown=1&model=",
    "count=257",
)


async def _ask(app: Any, query: str) -> tuple[int, dict[str, str], bytes]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        response = await client.get(f"/api/v1/generate?{query}")
    headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
    return response.status_code, headers, response.content


def test_the_fast_path_responds_like_the_route(visit: Visit, second: Model) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        short = [await _ask(app, query) for query in QUERIES]
        other_layers = [layer for layer in app.user_middleware if getattr(layer.cls, "__name__", "") != "FastPath"]
        assert len(other_layers) == len(app.user_middleware) - 1
        app.user_middleware, app.middleware_stack = other_layers, None  # built again without the fast path
        for query, response in zip(QUERIES, short, strict=True):
            assert await _ask(app, query) == response, query
        assert {response[0] for response in short} == {200, 404, 422}

    visit(ask)


def test_the_fast_path_raises_defects() -> None:
    async def fail(request: Any) -> Any:
        raise ZeroDivisionError

    async def find_nothing(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError

    app = FastPath(find_nothing, "/here", fail)
    for path, method, expected in (
        ("/here", "GET", ZeroDivisionError),
        ("/here", "HEAD", LookupError),
        ("/there", "GET", LookupError),
    ):
        scope = {"type": "http", "path": path, "method": method, "headers": [], "query_string": b""}
        with pytest.raises(expected):
            asyncio.run(app(scope, None, None))  # type: ignore[arg-type]
