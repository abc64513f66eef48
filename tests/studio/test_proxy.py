"""The studio under a sub-path, behind nginx and behind an app that forwards requests like other proxies."""

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from facesmith import FacesmithError
from facesmith.studio.settings import Settings

Visit = Callable[..., None]
ROOT = "/team/faces"
TOKEN = "right-token"
PHOTO = {"Content-Type": "image/png"}
NGINX = """
daemon off; pid nginx.pid; error_log stderr; events {{}}
http {{
  access_log off; client_body_buffer_size 20m; client_max_body_size 20m; client_body_temp_path b; proxy_temp_path p;
  fastcgi_temp_path f; uwsgi_temp_path u;
  scgi_temp_path s;
  server {{
    listen 127.0.0.1:{port};
    location {root}/ {{
      proxy_pass http://127.0.0.1:{studio}{suffix}; proxy_http_version 1.1; proxy_buffering off;
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto https;
    }}
  }}
}}
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _await(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, url
        time.sleep(0.1)


@pytest.fixture(scope="module", params=["removes the prefix", "keeps the prefix"])
def nginx(request: pytest.FixtureRequest, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a studio behind nginx."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("nginx is not installed")
    folder, port, studio = tmp_path_factory.mktemp("nginx"), _free_port(), _free_port()
    suffix = "/" if request.param == "removes the prefix" else ""
    (folder / "nginx.conf").write_text(NGINX.format(port=port, studio=studio, root=ROOT, suffix=suffix))
    options = ("--port", str(studio), "--root-path", f"{ROOT}/", "--token", TOKEN, "--quiet")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "facesmith", "studio", str(models), *options], stderr=subprocess.DEVNULL
        ),
        subprocess.Popen([program, "-p", str(folder), "-c", "nginx.conf"], stderr=subprocess.DEVNULL),
    ]
    try:
        _await(f"http://127.0.0.1:{studio}/readyz")
        _await(f"http://127.0.0.1:{port}{ROOT}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def test_everything_works_behind_nginx(nginx: str, two_faces: bytes) -> None:
    with httpx.Client(base_url=nginx, timeout=60) as client:
        assert client.get(f"{ROOT}/photo").status_code == 401
        response = client.get(f"{ROOT}/photo?face=seed:7&token={TOKEN}")
        assert response.status_code == 303
        assert httpx.URL(response.headers["location"]).raw_path == f"{ROOT}/photo?face=seed%3A7".encode()
        cookie = response.headers["set-cookie"]
        assert f"Path={ROOT};" in cookie
        assert "Secure" in cookie
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        for path in ("/", "/photo", "/api/v1/docs"):
            page = client.get(ROOT + path)
            assets = re.findall(r'(?:href|src)="(/[^"]*)"', page.text)
            assert len(assets) >= 2
            for asset in assets:
                assert asset.startswith(f"{ROOT}/")
                assert client.get(asset).status_code == 200, asset
        assert client.get(f"{ROOT}/api/v1/generate?seed=1&count=4").headers["content-type"] == "image/png"
        assert client.get(f"{ROOT}/api/v1/openapi.json").json()["servers"] == [{"url": ROOT}]
        uploaded = client.post(f"{ROOT}/api/v1/photos", content=two_faces, headers=PHOTO | {"Origin": nginx})
        assert len(uploaded.json()["faces"]) == 2
        assert f"Path={ROOT};" in uploaded.headers["set-cookie"]


@pytest.mark.parametrize("prefix", [ROOT, ""])
def test_the_prefix_may_be_kept_or_removed(visit: Visit, prefix: str) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for path, status in (("/", 200), ("/api/v1/models", 200), ("/healthz", 200), ("/nothing", 404)):
            assert (await client.get(prefix + path)).status_code == status, path
        assert f" {ROOT}/api/v1/docs" in (await client.get(f"{prefix}/nothing")).json()["error"]
        redirect = await client.get(f"{ROOT}?seed=7")
        assert (redirect.status_code, redirect.headers["location"]) == (308, f"{ROOT}/?seed=7")

    visit(ask, root_path=ROOT)


@pytest.mark.parametrize("root", ["/api", "/static", "/api/v1", "/healthz", "/a-b.c~d/e"])
def test_a_prefix_may_look_like_an_address_of_the_studio(visit: Visit, root: str) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        assert (await client.get(f"{root}/api/v1/models")).status_code == 200
        page = (await client.get(f"{root}/")).text
        (script,) = re.findall(r'type="module" src="([^"]*)"', page)
        assert script.startswith(f"{root}/static/v-")
        assert (await client.get(script)).status_code == 200

    visit(ask, root_path=root)


@pytest.mark.parametrize(
    "root", ["faces", "/faces/", "/", "//faces", "/../x", "/a/./b", "/a b", "/ä", "/a?b", "https://a.b/c"]
)
def test_an_invalid_prefix_is_refused(root: str) -> None:
    with pytest.raises(FacesmithError, match="invalid --root-path"):
        Settings(root_path=root)
