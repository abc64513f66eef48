"""docs/studio.md and docs/http-api.md match the studio: routes, requests, pages, options, limits, metrics."""

import ast
import json
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest

from facesmith.cli.studio import studio
from facesmith.studio import connection, limits, schemas, sessions, uploads
from facesmith.studio import training_jobs as training
from facesmith.studio.api import generate, photos, watch
from facesmith.studio.api.refine import RefineRequest
from facesmith.studio.app import create_app
from facesmith.studio.pages import PAGE_PATHS, WEB
from facesmith.studio.services import create_services
from facesmith.studio.settings import API, Settings

DOCS = Path(__file__).parents[2] / "docs"
PAGE = "\n".join((DOCS / name).read_text(encoding="utf-8") for name in ("studio.md", "http-api.md"))
FACE = "photo:kZ0Yw5n0T7yYzB1m2c3d4e"


def section(title: str) -> str:
    return re.split(r"\n##+ ", PAGE[PAGE.index(f" {title}\n") :])[0]


def rows(title: str) -> list[list[str]]:
    """Return the cells of a section's table."""
    lines = re.findall(r"^\| (.*) \|$", section(title), re.MULTILINE)
    return [line.split(" | ") for line in lines if not line.startswith("---")][1:]


@pytest.fixture(scope="module")
def document(models: Path) -> dict[str, Any]:
    return create_app(Settings(paths=(str(models),))).openapi()


def requests() -> list[tuple[str, str, str | None]]:
    """Return (method, address, body) of every request; `post` is a shell function defined on the page."""
    documented = []
    for line in re.findall(r"^(?:curl|post) .+", PAGE, re.MULTILINE):
        command = line.replace("${FACE#photo:}", FACE[6:]).replace("$FACE", FACE).replace("$S", API)
        arguments = shlex.split(command, comments=True)
        address = next(word for word in arguments if word.startswith(("/api", "http")))
        method = arguments[arguments.index("-X") + 1] if "-X" in arguments else "GET"
        if arguments[0] == "post" or "--data-binary" in arguments:
            method = "POST"
        documented.append((method, address, arguments[1] if arguments[0] == "post" else None))
    return documented


@pytest.mark.parametrize(("method", "address", "body"), requests())
def test_documented_requests_are_valid(method: str, address: str, body: str | None, document: dict[str, Any]) -> None:
    url = urlsplit(address)
    (operation,) = (
        of[method.lower()]
        for path, of in document["paths"].items()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+?", path.replace(".", r"\.")), url.path) and method.lower() in of
    )
    parameters = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    assert {name for name, _ in parse_qsl(url.query, keep_blank_values=True)} <= set(parameters)
    if body is not None:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(schema | {"components": document["components"]}).validate(json.loads(body))


def test_documented_python_uses_existing_routes(document: dict[str, Any]) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    paths = [text for part in code for text in re.findall(r'"(?:http://[^/"]+)?(/\w[^"]*)"', part)]
    assert paths
    for part in code:
        ast.parse(part)
    for path in paths:
        assert path == API or API + path.removeprefix(API) in document["paths"]


def test_every_metric_has_its_row(models: Path) -> None:
    text = create_services(Settings(paths=(str(models),))).metrics.text().decode()
    metrics = re.findall(r"^# TYPE (\w+) (\w+)", text, re.MULTILINE)
    own = [metric for metric in metrics if not metric[0].startswith("process_")]  # which depend on the system
    documented = [(cells[0].strip("`"), cells[1]) for cells in rows("Metrics") if "process_" not in cells[0]]
    assert sorted(documented) == sorted(own)


def fields(module: Path) -> set[str]:
    """Return the names of the query parameters in a page's FIELDS."""
    code = re.sub(r"//.*", "", module.read_text(encoding="utf-8"))
    body = code[code.index("const FIELDS = {") + len("const FIELDS = {") :]
    body = body[: re.search(r"\}\s*;", body).start()]  # type: ignore[union-attr]
    while (inner := re.sub(r"\([^()]*\)|\{[^{}]*\}|\[[^\[\]]*\]", "", body)) != body:
        body = inner
    return set(re.findall(r"(\w+):", body))


@pytest.mark.parametrize("page", PAGE_PATHS)
def test_every_page_address_is_documented(page: str) -> None:
    documented = {cells[0].strip("`"): cells[1] for cells in rows("Addresses")}
    names = set(re.findall(r"`(\w+)[`=]", documented[page]))
    assert names == fields(WEB / "pages" / f"{page[1:] or 'generate'}.js")
    assert f"**{(page[1:] or 'generate').title()}**" in section("Pages")


def test_variables_that_are_not_named_after_their_option_are_documented() -> None:
    for option in studio.params:
        variable = option.envvar or f"FACESMITH_STUDIO_{str(option.name).upper()}"
        name = option.opts[0].strip("-").upper().replace("-", "_")
        if variable != f"FACESMITH_STUDIO_{name}":
            assert f"`{variable}`" in section("Options"), option.name


def test_documented_limits_are_correct() -> None:
    settings = Settings()
    rate = Settings(host="0.0.0.0").client_rate
    assert rate is not None
    documented = {cells[0]: [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", cells[1])] for cells in
            rows("Limits")}  # fmt: skip
    steps = RefineRequest.model_json_schema()["properties"]["steps"]["maximum"]
    assert list(documented.values()) == [
        [settings.body_bytes, limits.MAX_TEXT_BYTES, settings.body_seconds],
        [settings.pixels, uploads.MAX_SIDE, uploads.MAX_SCANS, photos.MAX_PHOTO_FACES],
        [connection.MAX_HEAD_BYTES // 1024, connection.HEAD_SECONDS],
        [schemas.MAX_FACES, generate.MAX_ZIP_FACES, schemas.MAX_PIXELS],
        [settings.queue_faces],
        [settings.waiting_jobs],
        [steps],
        [rate, limits.RateLimit(create_app(settings), rate).capacity],
        [settings.session_bytes, sessions.MAX_ITEMS, settings.session_minutes],
        [settings.sessions, settings.sessions_bytes],
        [settings.models_loaded],
        [watch.MAX_WATCHED_RUNS],
        [training.MAX_TRAININGS],
    ]
    assert f"within {settings.shutdown_seconds} seconds. Runs" in " ".join(PAGE.split())


def test_every_status_is_documented(document: dict[str, Any]) -> None:
    statuses = {
        status for of in document["paths"].values() for operation in of.values() for status in operation["responses"]
    }
    assert {status for cells in rows("Errors") for status in cells[0].split(", ")} == {
        s for s in statuses if s >= "400"
    }


def test_a_file_of_another_type_is_a_documented_error(document: dict[str, Any]) -> None:
    uploading = [
        operation
        for of in document["paths"].values()
        for operation in of.values()
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    ]
    assert uploading
    assert all("415" in operation["responses"] for operation in uploading)
