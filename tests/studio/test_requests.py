"""Requests as browsers and link checkers send them: HTML errors, HEAD, Range, names of any script, and any number."""

import asyncio
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from facesmith.studio.limits import RateLimit, client_network
from facesmith.studio.registry import Registry
from tests.studio.conftest import write_model

Visit = Callable[..., None]
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/api/v1/nothing", 404),
        ("/static/nothing.js", 404),
        ("/api/v1/models/nobody", 404),
        ("/photos/", 404),
        ("/%E4%BA%BA%E8%84%B8", 404),
        ("/<script>alert(1)</script>", 404),
        ("/api/v1/generate?count=0", 422),
        ("/api/v1/describe", 405),
    ],
)
def test_browsers_get_errors_as_pages_and_scripts_as_json(visit: Visit, path: str, status: int) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        page, answer = await client.get(path, headers=BROWSER), await client.get(path)
        assert page.status_code == answer.status_code == status
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert '<a href="/">' in page.text
        assert "<script" not in page.text
        assert "script" not in page.headers["content-security-policy"]
        assert list(answer.json()) == ["error"]
        assert {response.headers["vary"] for response in (page, answer)} == {"Accept"}
        assert {"x-request-id", "x-content-type-options"} <= page.headers.keys()

    visit(ask)


def test_a_missing_token_gets_a_form_that_keeps_the_query(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        page = await client.get("/photo", params={"face": 'seed:7"><b>', "token": "wrong"}, headers=BROWSER)
        assert page.status_code == 401
        assert "The token is wrong" in page.text
        assert re.findall(r'<input type="hidden" name="(\w+)" value="(.*?)">', page.text) == [
            ("face", "seed:7&quot;&gt;&lt;b&gt;")
        ]
        assert re.findall(r'name="(token)"', page.text) == ["token"]
        assert "form-action 'self'" in page.headers["content-security-policy"]

    visit(ask, token="right-token")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/photo", 200),
        ("/healthz", 200),
        ("/static/app.js", 200),
        ("/api/v1/models", 200),
        ("/api/v1/models/first", 200),
        ("/api/v1/generate?seed=3", 200),
        ("/api/v1/generate?count=2000&format=zip", 200),
        ("/api/v1/edit?face=seed:1", 200),
        ("/api/v1/docs", 200),
        ("/api/v1/openapi.json", 200),
        ("/metrics", 200),
        ("/api/v1/models/nobody", 404),
        ("/api/v1/generate?count=0", 422),
        ("/api/v1/describe", 405),
        ("/nothing", 404),
    ],
)
def test_head_returns_the_headers_of_get(visit: Visit, path: str, status: int) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        head, get = await client.head(path), await client.get(path)
        assert (head.status_code, head.content) == (status, b"")
        assert get.status_code == status
        varying = ("x-request-id", "vary", "content-length" if path == "/metrics" else "")
        assert {name: text for name, text in head.headers.items() if name not in varying} == {
            name: text for name, text in get.headers.items() if name not in varying
        }

    visit(ask)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("bytes=0-9", 206),
        ("bytes=-5", 206),
        ("bytes=3-", 206),
        ("bytes=0-1,4-5", 206),
        ("lines=0-9", 400),
        ("bytes=x-y", 400),
        ("bytes=", 400),
        ("bytes=-", 400),
        ("bytes=9-1", 400),
        ("0-9", 400),
        ("bytes=1-2-3", 400),
        ("bytes=" + "9" * 5000 + "-", 400),
        ("bytes=" + "9" * 30 + "-", 416),
        ("bytes=99999999-", 416),
    ],
)
def test_an_invalid_range_gets_an_error_like_others(visit: Visit, value: str, status: int) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        response = await client.get("/static/icon.svg", headers={"Range": value})
        assert response.status_code == status
        if status >= 400:
            assert list(response.json()) == ["error"]
        assert ("content-range" in response.headers) == (status == 416 or ("," not in value and status == 206))

    visit(ask)


NAMES = (
    "人脸", "データ", "写真", "лица", "πρόσωπα", "وجوه", "פנים", "ใบหน้า", "हिन्दी", "얼굴", "naïve café", "Gesichter_2",
    "😀", "می‌خواهم", "ñandú-3.1",
)  # fmt: skip


def test_names_keep_the_letters_of_any_script(visit: Visit, tmp_path: Path) -> None:
    for name in NAMES:
        write_model(tmp_path / name)

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        names = [model["name"] for model in (await client.get("/api/v1/models")).json()]
        assert sorted(names) == sorted(name.replace(" ", "-") for name in NAMES)
        for name in names:
            for spelling in (name, unicodedata.normalize("NFD", name)):
                assert (await client.get(f"/api/v1/models/{quote(spelling)}")).status_code == 200, spelling
            face = await client.get("/api/v1/generate", params={"model": name})
            assert face.status_code == 200, name
            assert quote(name.replace("-", " ", name == "naïve-café")) in face.headers["content-disposition"]

    visit(ask, paths=(str(tmp_path),))


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("a/b", "b"),
        ("%2e%2e", "2e-2e"),
        ("a?b#c", "a-b-c"),
        ("\u202etxt.exe", "txt.exe"),
        ("  ", "unnamed"),
        ("---", "unnamed"),
        ("a\nb", "a-b"),
        ("<b>", "b"),
        ("e\u0301", "\xe9"),
    ],
)
def test_names_contain_no_characters_that_addresses_need(tmp_path: Path, folder: str, name: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "run.json").write_text("{}")
    assert [item.name for item in Registry([str(tmp_path)]).items("run")] == [name]


def test_a_folder_name_that_is_not_utf_8_is_shown(visit: Visit, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model").rename(tmp_path / b"caf\xe9".decode("utf-8", "surrogateescape"))
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(card | {"name": folder.name, "terms": "\ud800"}))

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        assert [model["name"] for model in (await client.get("/api/v1/models")).json()] == ["caf"]
        for path in ("models/caf", "models/caf/card", "generate?model=caf", "generate?model=caf&count=2&format=zip"):
            assert (await client.get(f"/api/v1/{path}")).status_code == 200, path

    visit(ask, paths=(str(tmp_path),))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("seed=0", 200),
        (f"seed={10**18 - 1}", 200),
        (f"seed={2**53 + 1}&format=json", 200),
        ("seed=-1", 422),
        (f"seed={-(10**30)}", 422),
        (f"seed={10**30}", 422),
        ("seed=" + "9" * 5000, 422),
        ("seed=1e400", 422),
        ("seed=nan", 422),
        ("seed=1.5", 422),
        ("seed=%D9%A1", 422),
        ("start=999999999", 200),
        (f"start={10**12}", 422),
        ("truncation=-0", 200),
        ("truncation=1e-300", 200),
        ("truncation=nan", 422),
        ("truncation=inf", 422),
        ("count=-5", 422),
    ],
)
def test_any_number_gets_a_face_or_one_sentence(visit: Visit, query: str, status: int) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        response = await client.get(f"/api/v1/generate?{query}")
        assert response.status_code == status, response.text[:300]
        if status == 422:
            assert list(response.json()) == ["error"]
            assert len(response.json()["error"]) < 300

    visit(ask)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::2:3:4", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::", True),
        ("2001:0db8:0000:0001::", "2001:db8:0:1::9", True),
        ("2001:db8:0:1::", "2001:db8:0:2::", False),
        ("::1", "::2", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "unix:", False),
    ],
)
def test_a_network_of_ipv6_shares_one_rate(one: str, other: str, is_same: bool) -> None:
    assert (client_network(one) == client_network(other)) == is_same
    statuses = list[int]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        statuses.append(200)

    async def send(message: Any) -> None:
        if "status" in message:
            statuses.append(message["status"])

    async def ask() -> None:
        limit = RateLimit(app, 0.25, clock=lambda: 0.0)  # one request
        for address in (one, other):
            scope = {"type": "http", "path": "/", "headers": [], "client": (address, 1)}
            await limit(scope, None, send)  # type: ignore[arg-type]

    asyncio.run(ask())
    assert statuses == [200, 429 if is_same else 200]
