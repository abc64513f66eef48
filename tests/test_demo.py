from pathlib import Path

import pytest

import facesmith
from facesmith import FacesmithError
from facesmith.cli.demo import MADE


def test_the_demo_makes_all_it_says_and_may_be_run_again(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    for _ in range(2):
        facesmith.demo(out, source="builtin:80", minutes=0.02, quiet=True)
        for path in MADE:
            assert (out / path).exists(), path


def test_the_demo_replaces_nothing_but_a_demo(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FacesmithError, match="not a former demo"):
        facesmith.demo(tmp_path, quiet=True)
    assert (tmp_path / "mine.txt").exists()
