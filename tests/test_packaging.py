"""The distributions: their metadata, licences and files."""

import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

import facesmith

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel built from it as an index does."""
    folder = tmp_path_factory.mktemp("dist")
    code = "import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if files.returncode:
        pytest.skip("this is not a clone")
    source = folder / "source"
    for name in files.stdout.splitlines():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-c", code, "build_sdist", folder], cwd=source, check=True, capture_output=True)
    [sdist] = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    unpacked = folder / sdist.name.removesuffix(".tar.gz")
    subprocess.run([sys.executable, "-c", code, "build_wheel", folder], cwd=unpacked, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    return sdist, wheel


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


def test_metadata_names_version_address_and_licences(distributions: tuple[Path, Path]) -> None:
    metadata = metadata_of(distributions[1])
    assert metadata["Version"] == facesmith.__version__
    assert "LicenseRef-CelebA-Non-Commercial" in metadata["License-Expression"]
    licences = metadata.get_all("License-File", [])
    for name in facesmith.included_models() | facesmith.included_makeovers() | facesmith.included_classifiers():
        assert f"src/facesmith/models/included/{name}/LICENSE.txt" in licences
    assert not any(".example" in url for url in metadata.get_all("Project-URL", [])), "an address that does not exist"
    classifiers = metadata.get_all("Classifier", [])
    assert all(f"Programming Language :: Python :: 3.{minor}" in classifiers for minor in (11, 12, 13, 14))


def test_links_of_the_readme_work_on_an_index_page(distributions: tuple[Path, Path]) -> None:
    text = str(metadata_of(distributions[1]).get_payload())
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    assert [link for link in links if not link.startswith("https://")] == []
    assert "docs/tutorial-first-model.md" in text


def test_the_sdist_is_complete(distributions: tuple[Path, Path]) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    with tarfile.open(distributions[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {name for name in tracked if not name.startswith(".")} - names == set()


def test_the_wheel_holds_the_data_files_of_the_package(distributions: tuple[Path, Path]) -> None:
    tracked = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    with zipfile.ZipFile(distributions[1]) as archive:
        assert {name.removeprefix("src/") for name in tracked} - set(archive.namelist()) == set()
