import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from facesmith import Model
from facesmith.studio.fast_path import FastPath

Visit = Callable[..., None]
ASKED = (
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
        answer = await client.get(f"/api/v1/generate?{query}")
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, headers, answer.content


def test_the_fast_path_responds_like_the_route(visit: Visit, second: Model) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        short = [await _ask(app, query) for query in ASKED]
        others = [layer for layer in app.user_middleware if getattr(layer.cls, "__name__", "") != "FastPath"]
        assert len(others) == len(app.user_middleware) - 1
        app.user_middleware, app.middleware_stack = others, None  # built anew, without it
        for query, answer in zip(ASKED, short, strict=True):
            assert await _ask(app, query) == answer, query
        assert {answer[0] for answer in short} == {200, 404, 422}

    visit(ask)


def test_the_fast_path_raises_defects() -> None:
    async def broken(request: Any) -> Any:
        raise ZeroDivisionError

    async def elsewhere(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError

    app = FastPath(elsewhere, "/here", broken)
    for path, method, expected in (
        ("/here", "GET", ZeroDivisionError),
        ("/here", "HEAD", LookupError),
        ("/there", "GET", LookupError),
    ):
        scope = {"type": "http", "path": path, "method": method, "headers": [], "query_string": b""}
        with pytest.raises(expected):
            asyncio.run(app(scope, None, None))  # type: ignore[arg-type]
