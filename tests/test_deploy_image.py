"""What the studio's image is built of: its steps, its packages, its health check; and each step as a command."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from facesmith.models.included import DEFAULT_MODEL

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy" / "studio"
BINARY = Path(sys.executable).parent
Steps = list[tuple[str, str]]


def test_the_builder_is_sent_what_is_copied_and_little_else(dockerfile: Steps) -> None:
    lines = [line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    sent = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        source for word, rest in dockerfile if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]
    }
    assert sent == copied
    assert all((ROOT / source).exists() for source in sent)
    kept_out = [line.removeprefix("**/") for line in lines[1:] if not line.startswith("!")]
    assert all(any(fnmatch(name, pattern) for pattern in kept_out) for name in ("__pycache__", "facesmith.egg-info"))


def test_what_the_image_installs_is_pinned_and_has_no_torch() -> None:
    pins = {}
    for line in (DEPLOY / "requirements.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, version = line.split("==")
            pins[canonicalize_name(name)] = version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["hub"], *extras["studio"], *extras["photos"]]
    for requirement in map(Requirement, wanted):
        if requirement.name != "facesmith":
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement
    assert not {"torch", "onnx", "av", "pytest"} & set(pins)


def test_the_dockerfile_passes_its_linter() -> None:
    linter = shutil.which("hadolint", path=f"{BINARY}:{os.environ['PATH']}")
    if linter is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([linter, DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_asks_itself_whether_it_lives(tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "facesmith",
        *f"studio {DEFAULT_MODEL} --port 0 --quiet --token something-long".split(),
    ]
    with serving(words, os.environ | {}, tmp_path) as address:
        assert health(address.port) == 0
        assert health(address.port, FACESMITH_STUDIO_CERTFILE="cert.pem") != 0, "that would be TLS"
    assert health(address.port) != 0


def health(port: int | None, **others: str) -> int:
    environment = {"PATH": "/usr/bin:/bin", "FACESMITH_STUDIO_PORT": str(port)} | others
    return subprocess.run([sys.executable, DEPLOY / "health.py"], env=environment, stderr=subprocess.DEVNULL).returncode


@contextmanager
def serving(words: list[str], environment: dict[str, str], folder: Path) -> Iterator[SplitResult]:
    """Where a studio listens that is started by these words, and told to end at the end."""
    process = subprocess.Popen(words, env=environment, cwd=folder, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        address = re.search(r"http://\S+", said)
        assert address is not None, said + process.stderr.read()
        yield urlsplit(address[0])
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.skipif("FACESMITH_SLOW" not in os.environ, reason="installs an environment: FACESMITH_SLOW=1 runs it")
@pytest.mark.timeout(900)
def test_each_step_of_the_dockerfile_works_and_what_it_makes_serves(dockerfile: Steps, tmp_path: Path) -> None:
    """Every COPY, RUN and CMD in a bare folder, where /opt/facesmith is another."""
    version = re.search(r"python:([\d.]+)", dict(dockerfile)["FROM"])
    assert version is not None
    try:
        subprocess.run([f"python{version[1]}", "-m", "venv", tmp_path / "base"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"there is no Python {version[1]}")
    build, data, made = tmp_path / "build", tmp_path / "data", tmp_path / "facesmith"
    build.mkdir()
    data.mkdir()
    environment = os.environ | {"PATH": f"{tmp_path / 'base' / 'bin'}:/usr/bin:/bin"}
    first = dockerfile[1 : [word for word, _ in dockerfile].index("FROM", 1)]
    for word, rest in first:
        if word == "COPY":
            *sources, target = rest.split()
            for source in (ROOT / source for source in sources):
                if source.is_dir():
                    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
                    shutil.copytree(source, build / target, ignore=ignored)
                else:
                    shutil.copy(source, build / target)
        elif word == "RUN":
            line = rest.replace("/opt/facesmith", str(made))
            subprocess.run(["sh", "-euc", line], cwd=build, env=environment, check=True, capture_output=True)
    packages = next(made.glob("lib/*/site-packages"))
    assert not list(packages.glob("torch*"))
    included = (packages / "facesmith" / "models" / "included").glob("*/model.json")
    assert [path.parent.name for path in included] == [DEFAULT_MODEL]
    for path in (made, data):
        subprocess.run(["chmod", "-R", "a-w", path], check=True)
    last = dict(dockerfile)
    told = dict(word.split("=") for word in last["ENV"].split())
    told |= {"PATH": f"{made / 'bin'}:/usr/bin:/bin", "HOME": "/nonexistent", "FACESMITH_STUDIO_HOST": "127.0.0.1"}
    words = [str(made / "bin" / "facesmith"), *json.loads(last["CMD"])]
    with serving(words, told | {"FACESMITH_STUDIO_PORT": "0"}, data) as address:
        answer = httpx.get(f"{address.geturl()}api/v1/generate?seed=7", timeout=60)
        assert (answer.status_code, answer.content[:4]) == (200, b"\x89PNG")
        assert health(address.port) == 0
    assert list(data.iterdir()) == []
