"""The command `makeover`, from arguments to files."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from facesmith import FacesmithError, Makeover
from facesmith.cli import facesmith as root


def run(*arguments: object) -> Result:
    return CliRunner().invoke(root, [str(word) for word in arguments], catch_exceptions=False)


def test_the_command_writes_every_output(of_faces: Makeover, party: Path, tmp_path: Path) -> None:
    Image.new("RGB", (80, 80)).save(tmp_path / "dark.png")
    out = tmp_path / "out"
    photos = [party, tmp_path / "dark.png"]
    result = run("makeover", of_faces.path, *photos, "--face", "all", "--direction", "redder", "--strength", 0.5,
               "--steps", 3, "--whole", "--video", out / "way.gif", "--out", out, "--quiet")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert f"{out}: 2 faces changed in 1 photo (direction redder)" in result.output
    assert "no face was found in" in result.output
    assert f"sheet: {out / 'sheet.png'}" in result.output
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {"makeover.json", "party_0.png", "party_1.png", "sheet.png", "way.gif", "whole/party.png"}


def test_user_errors_are_reported_without_a_traceback(of_faces: Makeover, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="nobody.jpg cannot be used .not found"):
        run("makeover", of_faces.path, tmp_path / "nobody.jpg", "--out", tmp_path / "out")
    with pytest.raises(FacesmithError, match="is not a makeover folder .has no makeover.json"):
        run("makeover", tmp_path, tmp_path / "nobody.jpg", "--out", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
