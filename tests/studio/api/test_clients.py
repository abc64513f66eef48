"""Clients generated from the OpenAPI document edit a photo: upload, edit, makeover, save."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from facesmith.studio.app import create_app
from facesmith.studio.settings import Settings

CLIENTS = Path(__file__).parent / "clients"
BESIDE = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
pytestmark = [
    pytest.mark.skipif("FACESMITH_SLOW" not in os.environ, reason="generates clients: FACESMITH_SLOW=1 runs it"),
    pytest.mark.timeout(900),
]


@pytest.fixture
def folder(photo_models: Path, two_faces: bytes, tmp_path: Path) -> Path:
    """A folder with the OpenAPI document, the files of `CLIENTS` and a photo."""
    document = create_app(Settings(paths=(str(photo_models),))).openapi()
    shutil.copytree(CLIENTS, tmp_path, dirs_exist_ok=True)
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "photo.png").write_bytes(two_faces)
    return tmp_path


@pytest.fixture
def address(photo_models: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "facesmith", "studio", str(photo_models), "--port", "0", "--quiet"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    yield next(word for word in process.stderr.readline().split() if word.startswith("http")).rstrip("/")
    process.terminate()
    process.wait(60)
    process.stderr.close()


def run(*command: str, folder: Path) -> str:
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | {"PATH": BESIDE})
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def check_files(folder: Path, output: str) -> None:
    for name, size in (("edited", (8, 8)), ("made", (600, 400))):  # a face of the model, and the whole photo
        with Image.open(folder / f"{name}.png") as image:
            assert image.size == size
    assert "'nobody'" in output, "errors are read too"


def test_a_generated_python_client_edits_a_photo(folder: Path, address: str) -> None:
    if shutil.which("openapi-python-client", path=BESIDE) is None:
        pytest.skip("openapi-python-client is not installed")
    options = "--path openapi.json --meta none --output-path client --overwrite --config config.yaml --fail-on-warning"
    output = run("openapi-python-client", "generate", *options.split(), folder=folder)
    assert "Unsupported" not in output
    check_files(folder, run(sys.executable, "round_trip.py", address, "photo.png", folder=folder))


def test_a_generated_typescript_client_edits_a_photo(folder: Path, address: str) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
    process = subprocess.run(install, cwd=folder, capture_output=True, text=True)
    if process.returncode:
        pytest.skip(f"npm cannot install the packages: {process.stderr[-300:]}")
    options = "--default-non-nullable=false"  # otherwise every field with a default would be required in a request
    run("npx", "openapi-typescript", "openapi.json", "-o", "schema.d.ts", options, folder=folder)
    options = "--strict --module nodenext --moduleResolution nodenext --target es2022 --skipLibCheck"
    run("npx", "tsc", *options.split(), "round_trip.ts", folder=folder)
    check_files(folder, run("node", "round_trip.js", address, "photo.png", folder=folder))
