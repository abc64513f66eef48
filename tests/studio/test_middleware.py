"""The app as a whole: middleware and errors."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from facesmith import FacesmithError, Model
from facesmith.studio.app import create_app
from facesmith.studio.errors import MAX_LISTED_ERRORS, MAX_MESSAGE_CHARS
from facesmith.studio.face_resolver import FacesDep
from facesmith.studio.middleware import SECURITY_HEADERS, FastPath
from facesmith.studio.schemas import MAX_FIELDS
from facesmith.studio.settings import Settings

Visit = Callable[..., None]


def test_every_response_has_security_headers_and_an_id(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for path in ("/", "/api/v1/models", "/api/v1/nothing", "/static/reference.css", "/api/v1/generate?count=0"):
            response = await client.get(path)
            assert {name: response.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS, path
            assert len(response.headers["x-request-id"]) == 16
            assert "access-control-allow-origin" not in response.headers
        assert (await client.head("/photo")).headers["content-type"].startswith("text/html")
        assert (await client.get("/", headers={"X-Request-ID": "abc-12345"})).headers["x-request-id"] == "abc-12345"
        assert (await client.get("/", headers={"X-Request-ID": "a\tb" * 9})).headers["x-request-id"] != "a\tb" * 9

    visit(ask)


def test_every_error_is_json(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        async def defect() -> None:
            raise ZeroDivisionError("in /home/me/secret.py")

        async def fail() -> None:
            raise FacesmithError("/home/me/models/mine has no encoder DATASET RUN")

        app.add_api_route("/defect", defect)
        app.add_api_route("/refused", fail)
        for method, path, status in (
            ("GET", "/nothing", 404),
            ("POST", "/api/v1/models", 405),
            ("GET", "/api/v1/models/nobody", 404),
            ("GET", "/api/v1/generate?count=257", 422),
            ("GET", "/api/v1/generate?count=two", 422),
            ("GET", "/static/../app.py", 404),
            ("GET", "/static/v-1/..%2f..%2fapp.py", 404),
            ("GET", "/refused", 400),
            ("GET", "/defect", 500),
        ):
            response = await client.request(method, path)
            assert response.status_code == status, path
            assert list(response.json()) == ["error"], path
            assert {name: response.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS, path
            assert "/home" not in response.text, path
            assert "Traceback" not in response.text, path
        assert "mine has no encoder" in (await client.get("/refused")).json()["error"]

    visit(ask)


def test_the_log_has_the_traceback_but_no_query(visit: Visit, capsys: pytest.CaptureFixture[str]) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        async def defect() -> None:
            raise ZeroDivisionError("in the route")

        app.add_api_route("/defect", defect)
        await client.get("/defect?token=secret", headers={"Cookie": "a=secret", "Authorization": "Bearer secret"})
        await client.get("/healthz")

    visit(ask, quiet=False)
    log = capsys.readouterr().err
    assert log.count("\n") == 1
    assert "in the route" in log
    assert '"status": 500' in log
    assert "secret" not in log


def test_the_token_is_required(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for path in ("/", "/api/v1/models", "/metrics", "/static/reference.css", "/?token=wrong-token"):
            response = await client.get(path)
            assert response.status_code == 401, path
            assert response.headers["www-authenticate"] == "Bearer"
        assert (await client.get("/healthz")).status_code == 200
        for value, status in (("Bearer right-token", 200), ("Bearer right-tokem", 401), ("Basic right-token", 401)):
            assert (await client.get("/metrics", headers={"Authorization": value})).status_code == status
        response = await client.get("/watch?run=a%26b&token=right-token")
        assert response.status_code == 303
        assert response.headers["location"] == "/watch?run=a%26b"
        assert "right-token" not in response.headers["set-cookie"]
        assert "HttpOnly" in response.headers["set-cookie"]
        assert "SameSite=strict" in response.headers["set-cookie"]
        assert (await client.get("/api/v1/models")).status_code == 200  # the client keeps cookies

    visit(ask, token="right-token")


def test_other_origins_are_refused(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        async def change() -> str:
            return "changed"

        app.add_api_route("/change", change, methods=["POST"])
        assert (await client.post("/change")).status_code == 200
        assert (await client.post("/change", headers={"Origin": "http://127.0.0.1:8000"})).status_code == 200
        for origin in ("https://elsewhere.example", "null", "http://127.0.0.1:9000", "http://["):
            assert (await client.post("/change", headers={"Origin": origin})).status_code == 403
        for host in ("elsewhere.example", "127.0.0.1.elsewhere.example:8000", "[", ""):
            assert (await client.get("/", headers={"Host": host})).status_code == 403, host
        assert (await client.get("/", headers={"Host": "localhost:8000"})).status_code == 200

    visit(ask)


def test_cors_allows_configured_origins(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        preflight_headers = {"Origin": "https://friend.example", "Access-Control-Request-Method": "POST"}
        preflight = await client.options("/api/v1/models", headers=preflight_headers)
        assert preflight.status_code == 200  # without a token
        assert preflight.headers["access-control-allow-origin"] == "https://friend.example"
        stranger = {"Origin": "https://stranger.example", "Authorization": "Bearer right-token"}
        response = await client.get("/api/v1/models", headers=stranger)
        assert "access-control-allow-origin" not in response.headers

    visit(ask, cors=("https://friend.example",), token="right-token")


def test_sessions_use_a_cookie_or_a_header(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, app: FastAPI) -> None:
        async def count_items(resolver: FacesDep) -> int:
            resolver.store(None, 1)
            return len(resolver.open_session())

        app.add_api_route("/mine", count_items)
        response = await client.get("/mine")
        assert "HttpOnly" in response.headers["set-cookie"]
        assert "SameSite=strict" in response.headers["set-cookie"]
        assert (await client.get("/mine")).json() == 2
        client.cookies.clear()
        assert (await client.get("/mine")).json() == 1
        client.cookies.clear()
        assert (await client.get("/mine", headers={"X-Session": response.headers["x-session"]})).json() == 3

    visit(ask)


def test_versioned_static_files_are_cached(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        page = await client.get("/api/v1/docs")
        assert page.headers["cache-control"] == "no-cache"
        file = page.text.split('href="')[1].split('"')[0]
        assert file.startswith("/static/v-")
        assert "immutable" in (await client.get(file)).headers["cache-control"]
        plain = await client.get("/static/reference.css")
        assert plain.headers["cache-control"] == "no-cache"
        repeat = await client.get("/static/reference.css", headers={"If-None-Match": plain.headers["etag"]})
        assert repeat.status_code == 304
        assert "src=" not in page.text  # no external resources

    visit(ask)


def test_openapi_documents_every_response(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        document = (await client.get("/api/v1/openapi.json")).json()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                assert operation["summary"], (method, path)
                assert {"422", "429"} <= set(operation["responses"]), (method, path)
                assert {"200", "204"} & set(operation["responses"]), (method, path)
                content = operation["responses"].get("200", {"content": {"none": {"schema": True}}})["content"]
                assert len(content) == 1, "generated clients read one type per status"
                assert all(
                    kind.get("schema") or "itemSchema" in kind or "json" in name for name, kind in content.items()
                ), (method, path)
                errors = [response for code, response in operation["responses"].items() if code >= "400"]
                kinds = {error["content"]["application/json"]["schema"]["$ref"] for error in errors}
                assert kinds == {"#/components/schemas/Error"}, (method, path)
        names = [operation["operationId"] for of in document["paths"].values() for operation in of.values()]
        assert len(set(names)) == len(names), "they become the names of functions"
        assert max(map(len, names)) <= 20

    visit(ask)


@pytest.mark.parametrize("token", [None, "something-long"])
def test_openapi_documents_token_and_session(models: Path, token: str | None) -> None:
    document = create_app(Settings(paths=(str(models),), token=token)).openapi()
    schemes = document["components"]["securitySchemes"]
    assert (schemes["token"]["scheme"], schemes["session"]["name"]) == ("bearer", "X-Session")
    assert ({} in document["security"]) == (token is None)
    edit = document["paths"]["/api/v1/edit"]["post"]["security"]
    assert {"token": [], "session": []} in edit
    assert ({} in edit) == (token is None)
    assert document["paths"]["/healthz"]["get"]["security"] == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"port": 70000}, "port 70000"),
        ({"certfile": Path("c")}, "requires its key"),
        ({"token": "short"}, "8 to 256"),
        ({"rate": 0.0}, "greater than 0"),
        ({"host": "0.0.0.0", "allow_training": True}, "could train"),
        ({"cors": ("example.org",)}, "expected an origin"),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(FacesmithError, match=sentence):
        Settings(**settings)  # type: ignore[arg-type]


def test_a_local_studio_has_no_rate_limit() -> None:
    assert Settings().client_rate is None
    assert Settings(host="0.0.0.0").client_rate == 50
    assert Settings(host="0.0.0.0", rate=7).client_rate == 7


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


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_only_allowed_hosts_are_answered(visit: Visit, host: str) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for name in ("faces.example.org", "FACES.example.org:8443", "[fe80::1]:8000", "localhost:8000", "127.0.0.1"):
            assert (await client.get("/", headers={"Host": name})).status_code == 200, name
        for name in ("elsewhere.example", "faces.example.org.elsewhere.example", "fe80::1", "[", ""):
            response = await client.get("/", headers={"Host": name})
            assert (response.status_code, list(response.json())) == (403, ["error"]), name
            assert (await client.get("/healthz", headers={"Host": name})).status_code == 200, name
        headers = {"Host": "faces.example.org", "Origin": "https://faces.example.org"}
        assert (await client.delete("/api/v1/session", headers=headers)).status_code == 200

    visit(ask, host=host, allowed_hosts=("Faces.example.org", "[fe80::1]"))


def test_a_public_studio_accepts_any_host(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        assert (await client.get("/", headers={"Host": "whatever.example"})).status_code == 200

    visit(ask, host="0.0.0.0")


def test_allowed_hosts_make_a_studio_public() -> None:
    local, public = Settings(), Settings(allowed_hosts=("faces.example.org",))
    local_hosts = frozenset(["localhost", "127.0.0.1", "::1"])
    assert (local.hosts, public.hosts) == (local_hosts, local_hosts | {"faces.example.org"})
    assert (local.client_rate, public.client_rate) == (None, 50)
    with pytest.raises(FacesmithError, match=r"reach faces.example.org .* set a --token$"):
        Settings(allowed_hosts=("faces.example.org",), allow_training=True)
    for name in ("faces.example.org:80", "https://faces.example.org", "", "a b", "*"):
        with pytest.raises(FacesmithError, match="invalid --allowed-host"):
            Settings(allowed_hosts=(name,))


KIND = {"Content-Type": "application/json"}


def test_error_messages_are_shortened(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for response in (
            await client.get(f"/api/v1/models/{'a' * 9_000}"),
            await client.post("/api/v1/edit", json={"faces": ["seed:1"], "a" * 9_000: 1}),
        ):
            assert response.status_code in (404, 422)
            assert response.json()["error"].count("a") > 90
            assert len(response.json()["error"]) <= MAX_MESSAGE_CHARS + 3
        invalid = await client.post("/api/v1/edit", json={"faces": ["nobody"] * (MAX_LISTED_ERRORS + 2)})
        assert invalid.json()["error"].count("invalid value") == MAX_LISTED_ERRORS
        assert invalid.json()["error"].endswith("; and 2 more")

    visit(ask)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"faces": ["seed:1"], %s}', "edit"),
        ('{"faces": ["seed:1"], "edits": [{%s}]}', "edit"),
        ('{"recipe": "tiny", "dataset": "d", "name": "n", "settings": {%s}}', "runs"),
    ],
)
def test_an_object_with_many_fields_is_refused(visit: Visit, body: str, path: str) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        body_fields = ", ".join(f'"k{number}": "x y"' for number in range(MAX_FIELDS + 1))
        response = await client.post(f"/api/v1/{path}", content=body.replace("%s", body_fields), headers=KIND)
        assert response.status_code == 422
        assert response.json()["error"].endswith(f": an object has at most {MAX_FIELDS} fields")

    visit(ask)


@pytest.mark.parametrize("body", [b'{"face": "\xff"}', b'{"face": ' + b"9" * 5_000 + b"}", b"[" * 100_000])
def test_an_unreadable_body_gets_a_message(visit: Visit, body: bytes) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        response = await client.post("/api/v1/describe", content=body, headers=KIND)
        assert (response.status_code, "send JSON" in response.json()["error"]) == (400, True)

    visit(ask)
