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

from facesmith.models.folder import DEFAULT_MODEL

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy" / "studio"
BINARY = Path(sys.executable).parent
Steps = list[tuple[str, str]]


def test_the_build_context_holds_only_copied_files(dockerfile: Steps) -> None:
    lines = [line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    included = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        source for word, rest in dockerfile if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]
    }
    assert included == copied
    assert all((ROOT / source).exists() for source in included)
    excluded = [line.removeprefix("**/") for line in lines[1:] if not line.startswith("!")]
    assert all(any(fnmatch(name, pattern) for pattern in excluded) for name in ("__pycache__", "facesmith.egg-info"))


def test_requirements_of_the_image_are_pinned_without_torch() -> None:
    pins = {}
    for line in (DEPLOY / "requirements.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, version = line.split("==")
            pins[canonicalize_name(name)] = version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    requirements = [*project["dependencies"], *extras["hub"], *extras["studio"], *extras["photos"]]
    for requirement in map(Requirement, requirements):
        if requirement.name != "facesmith":
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement
    assert not {"torch", "onnx", "av", "pytest"} & set(pins)


def test_the_dockerfile_passes_its_linter() -> None:
    linter = shutil.which("hadolint", path=f"{BINARY}:{os.environ['PATH']}")
    if linter is None:
        pytest.skip("hadolint is not installed")
    process = subprocess.run([linter, DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert (process.returncode, process.stdout) == (0, "")


def test_the_health_check_of_the_image_works(tmp_path: Path) -> None:
    arguments = [
        sys.executable,
        "-m",
        "facesmith",
        *f"studio {DEFAULT_MODEL} --port 0 --quiet --token something-long".split(),
    ]
    with serving(arguments, os.environ | {}, tmp_path) as address:
        assert health(address.port) == 0
        assert health(address.port, FACESMITH_STUDIO_CERTFILE="cert.pem") != 0, "that would be TLS"
    assert health(address.port) != 0


def health(port: int | None, **variables: str) -> int:
    environment = {"PATH": "/usr/bin:/bin", "FACESMITH_STUDIO_PORT": str(port)} | variables
    return subprocess.run([sys.executable, DEPLOY / "health.py"], env=environment, stderr=subprocess.DEVNULL).returncode


@contextmanager
def serving(arguments: list[str], environment: dict[str, str], folder: Path) -> Iterator[SplitResult]:
    """Where a studio listens that is started by these words, and told to end at the end."""
    process = subprocess.Popen(arguments, env=environment, cwd=folder, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        address = re.search(r"http://\S+", line)
        assert address is not None, line + process.stderr.read()
        yield urlsplit(address[0])
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.skipif("FACESMITH_SLOW" not in os.environ, reason="installs an environment: FACESMITH_SLOW=1 runs it")
@pytest.mark.timeout(900)
def test_the_steps_of_the_dockerfile_produce_a_working_studio(dockerfile: Steps, tmp_path: Path) -> None:
    """Every COPY, RUN and CMD in a bare folder, where /opt/facesmith is another."""
    version = re.search(r"python:([\d.]+)", dict(dockerfile)["FROM"])
    assert version is not None
    try:
        subprocess.run([f"python{version[1]}", "-m", "venv", tmp_path / "base"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"there is no Python {version[1]}")
    build, data, install_folder = tmp_path / "build", tmp_path / "data", tmp_path / "facesmith"
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
            line = rest.replace("/opt/facesmith", str(install_folder))
            subprocess.run(["sh", "-euc", line], cwd=build, env=environment, check=True, capture_output=True)
    packages = next(install_folder.glob("lib/*/site-packages"))
    assert not list(packages.glob("torch*"))
    included = (packages / "facesmith" / "models" / "included").glob("*/model.json")
    assert [path.parent.name for path in included] == [DEFAULT_MODEL]
    for path in (install_folder, data):
        subprocess.run(["chmod", "-R", "a-w", path], check=True)
    last = dict(dockerfile)
    variables = dict(word.split("=") for word in last["ENV"].split())
    variables |= {
        "PATH": f"{install_folder / 'bin'}:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "FACESMITH_STUDIO_HOST": "127.0.0.1",
    }
    arguments = [str(install_folder / "bin" / "facesmith"), *json.loads(last["CMD"])]
    with serving(arguments, variables | {"FACESMITH_STUDIO_PORT": "0"}, data) as address:
        answer = httpx.get(f"{address.geturl()}api/v1/generate?seed=7", timeout=60)
        assert (answer.status_code, answer.content[:4]) == (200, b"\x89PNG")
        assert health(address.port) == 0
    assert list(data.iterdir()) == []


@pytest.mark.skipif("FACESMITH_SLOW" not in os.environ, reason="builds an image: FACESMITH_SLOW=1 runs it")
@pytest.mark.timeout(1800)
def test_buildah_builds_and_runs_the_image() -> None:
    """Without an engine: buildah pulls the base image, runs the steps and a command of the result as its user."""
    if shutil.which("buildah") is None:
        pytest.skip("buildah is not installed")
    build = ["buildah", "build", "--isolation", "chroot", "--ignorefile", str(DEPLOY / "Dockerfile.dockerignore")]
    command = [*build, "-f", str(DEPLOY / "Dockerfile"), "-t", "facesmith-studio", str(ROOT)]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode and re.search("initializing source|pinging container registry|resolve", process.stderr):
        pytest.skip(f"the base image cannot be pulled: {process.stderr[-300:]}")
    assert process.returncode == 0, process.stderr[-3000:]
    start = subprocess.run(["buildah", "from", "facesmith-studio"], capture_output=True, text=True, check=True)
    container = start.stdout.strip()
    try:
        code = "import os, facesmith; print(os.getuid(), facesmith.load('drawn64').sample(1).shape)"
        run = ["buildah", "run", "--isolation", "chroot", container, "--", "python", "-c", code]
        output = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    finally:
        subprocess.run(["buildah", "rm", container], check=True, capture_output=True)
    assert output.split(maxsplit=1) == ["10001", "(1, 64, 64, 3)\n"]
