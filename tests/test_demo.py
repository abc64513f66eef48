import shlex
import subprocess
from pathlib import Path

import pytest

import facesmith
from facesmith import FacesmithError
from facesmith.cli.demo import RESULTS

ROOT = Path(__file__).parent.parent


def test_the_demo_writes_its_results_and_can_be_repeated(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    for _ in range(2):
        facesmith.demo(out, source="builtin:80", minutes=0.02, quiet=True)
        for path in RESULTS:
            assert (out / path).exists(), path


def test_make_passes_a_folder_with_a_space() -> None:
    command = ["make", "--dry-run", "--always-make", "-C", str(ROOT), "demo", "SOURCE=/home/me/my photos"]
    commands = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    (line,) = [line for line in commands.splitlines() if "facesmith demo" in line]
    assert shlex.split(line)[2:] == ["/home/me/my photos", "--out", "demo"]


def test_the_demo_replaces_only_a_demo(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FacesmithError, match="choose another"):
        facesmith.demo(tmp_path, quiet=True)
    assert (tmp_path / "mine.txt").exists()
