"""examples/onnx: the same face from ONNX Runtime for Python, for Node, and in a browser, without a server."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

import facesmith

EXAMPLE = Path(__file__).parent.parent / "examples" / "onnx"
FACE_SEED = 7
pytestmark = [
    pytest.mark.skipif("FACESMITH_SLOW" not in os.environ, reason="downloads 400 MB: FACESMITH_SLOW=1 runs it"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example with the packages of package.json and a model."""
    folder = tmp_path_factory.mktemp("onnx")
    for file in EXAMPLE.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    shutil.copytree(facesmith.load("drawn64").path, folder / "model")
    # The post-install script of onnxruntime-node downloads files for GPUs.
    install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
    process = subprocess.run(install, cwd=folder, capture_output=True, text=True)
    if process.returncode:
        pytest.skip(f"npm cannot install the packages: {process.stderr[-300:]}")
    return folder


@pytest.fixture(scope="module")
def expected(folder: Path) -> np.ndarray:
    """The face of `FACE_SEED`, computed by facesmith from the z that faces.mjs draws."""
    script = (
        "import { drawZ, seededRandom } from './faces.mjs'; import { readFileSync } from 'node:fs';"
        "const card = JSON.parse(readFileSync('model/model.json'));"
        f"console.log(JSON.stringify([...drawZ(card, seededRandom({FACE_SEED}))]))"
    )
    command = ["node", "--input-type=module", "--eval", script]
    z = json.loads(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout)
    face: np.ndarray = facesmith.load(folder / "model").generate(np.array(z, np.float32))[0].astype(int)
    return face


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """The address of the folder, served as plain files on loopback."""

    class Files(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in http.server)
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_node_draws_the_same_face_as_python(folder: Path, expected: np.ndarray) -> None:
    command = ["node", "node.mjs", "model", str(FACE_SEED), "face.ppm"]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "any use, with credit" in process.stdout
    with Image.open(folder / "face.ppm") as file:
        assert np.abs(np.asarray(file).astype(int) - expected).max() <= 1


def test_a_browser_draws_the_same_face_as_python(address: str, expected: np.ndarray) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address)
        page.get_by_text("Seed 0 of drawn64").wait_for(timeout=60_000)
        page.get_by_label("Seed").fill(str(FACE_SEED))
        page.keyboard.press("Enter")
        page.get_by_text(f"Seed {FACE_SEED} of drawn64").wait_for(timeout=60_000)
        read = "() => [...document.getElementById('face').getContext('2d').getImageData(0, 0, 64, 64).data]"
        pixels = np.array(page.evaluate(read)).reshape(64, 64, 4)
        browser.close()
    assert np.abs(pixels[:, :, :3] - expected).max() <= 1
