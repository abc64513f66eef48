"""The studio as a process that is requested over loopback and stopped by a signal."""

import asyncio
import io
import os
import re
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image

import facesmith
from facesmith import FacesmithError, Model
from facesmith.studio.image_responses import tile
from facesmith.studio.server import _listen


@pytest.fixture
def server(models: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "facesmith", "studio", str(models), "--quiet"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"FACESMITH_STUDIO_PORT": "0"}
    )
    assert process.stderr is not None
    first_line = process.stderr.readline()
    address = re.search(r"http://\S+", first_line)
    assert address is not None, first_line + process.stderr.read()
    yield process, address[0]
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stderr.close()


def test_concurrent_requests_get_their_faces(
    server: tuple[subprocess.Popen[str], str], first: Model, second: Model
) -> None:
    url = urlsplit(server[1])

    async def ask() -> None:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=server[1], limits=limits, timeout=60) as client:

            async def disconnect(seed: int) -> None:
                reader, writer = await asyncio.open_connection(url.hostname, url.port)
                line = f"GET /api/v1/generate?seed={seed}&count=10000&format=zip HTTP/1.1"
                writer.write(f"{line}\r\nHost: {url.netloc}\r\n\r\n".encode())
                assert (await reader.readline()).split()[1] == b"200"
                writer.close()
                await writer.wait_closed()

            async def request_sheet(seed: int) -> None:
                model = (first, second)[seed % 2]
                response = await client.get(
                    f"/api/v1/generate?model={model.name}&seed={seed}&count={1 + seed % 5}&columns=9"
                )
                picture = np.asarray(Image.open(io.BytesIO(response.content)))
                assert np.array_equal(picture, tile(model.sample(1 + seed % 5, seed), 9)), seed

            await asyncio.gather(*(request_sheet(seed) for seed in range(64)), *(disconnect(seed) for seed in range(8)))
            counts = [-1.0, 0.0]
            while counts[-1] != counts[-2]:
                await asyncio.sleep(0.2)
                metrics = (await client.get("/metrics")).text
                counts.append(sum(float(value) for value in re.findall(r"facesmith_faces_total\{.*?\} (\S+)", metrics)))
            assert "facesmith_queue_faces 0.0" in metrics
            assert counts[-1] < 40_000  # of the 80,000 faces in cancelled requests

    asyncio.run(ask())


def test_shutdown_finishes_running_requests(server: tuple[subprocess.Popen[str], str], first: Model) -> None:
    process, address = server
    with httpx.stream("GET", f"{address}api/v1/generate?seed=3&count=3000&format=zip", timeout=60) as response:
        stream = response.iter_bytes()
        chunks = [next(stream)]
        process.send_signal(signal.SIGTERM)
        chunks += list(stream)
    archive = zipfile.ZipFile(io.BytesIO(b"".join(chunks)))
    names = set(archive.namelist())
    assert len(names) == 3003
    print(sorted(names)[3000:])
    assert {"000000.png", "002999.png", "metadata.jsonl"} <= names
    last = Image.open(io.BytesIO(archive.read("002999.png")))
    assert np.array_equal(np.asarray(last), first.sample(1, 3, start=2999)[0])
    assert process.wait(30) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def test_startup_errors_have_messages(models: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(FacesmithError, match="cannot listen on"):
        facesmith.serve([models], port=listener.getsockname()[1])
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("no certificate")
    with pytest.raises(FacesmithError, match="pass a certificate and its key"):
        facesmith.serve([models], port=0, certfile=tmp_path / "cert.pem", keyfile=tmp_path / "key.pem")
    with pytest.raises(FacesmithError, match="is not a folder"):
        facesmith.serve(["nowhere"], port=0)


def test_responses_are_sent_without_delay() -> None:
    (listener,) = _listen("127.0.0.1", 0)
    with listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize(
    ("host", "families"),
    [
        ("::", {socket.AF_INET, socket.AF_INET6}),
        ("[::]", {socket.AF_INET, socket.AF_INET6}),
        ("::1", {socket.AF_INET6}),
        ("[::1]", {socket.AF_INET6}),
        ("0.0.0.0", {socket.AF_INET}),
        ("127.1", {socket.AF_INET}),
    ],
)
def test_a_host_is_served_in_its_families(host: str, families: set[socket.AddressFamily]) -> None:
    with ExitStack() as stack:
        listeners = [stack.enter_context(listener) for listener in _listen(host, 0)]
        assert {listener.family for listener in listeners} == families
        (port,) = {listener.getsockname()[1] for listener in listeners}
        for address, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
            if family in families:
                socket.create_connection((address, port), 10).close()


@pytest.mark.parametrize("host", ["", "no such host", "a..b", "ü" * 70, "1.2.3.4.5", "fe80::%none", "203.0.113.1"])
def test_an_unusable_host_is_refused(host: str) -> None:
    with pytest.raises(FacesmithError, match="cannot listen on"):
        _listen(host, 0)


def test_serving_needs_no_torch_and_names_its_extra() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['cv2'] = None\n"
        "from facesmith.studio.app import create_app; from facesmith.studio.settings import Settings\n"
        "create_app(Settings(paths=('drawn64',))).openapi()\n"
        "sys.modules['fastapi'] = None\n"
        "from facesmith.cli import main; sys.argv = ['facesmith', 'studio']; main()"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 2, process.stderr
    assert re.fullmatch(r"facesmith: .*fastapi: pip install 'facesmith\[studio\]'\n", process.stderr)
