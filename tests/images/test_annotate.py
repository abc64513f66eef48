"""The folder that shows who was found where."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import facesmith
from facesmith.cli import facesmith as root
from facesmith.errors import FacesmithError
from facesmith.images.decode import read_marks
from facesmith.images.grid import save_image
from facesmith.images.provenance import GENERATED, Marks


def test_show_faces_writes_boxes_and_crops(group: Path, tmp_path: Path) -> None:
    summary = facesmith.show_faces([group], tmp_path / "out", size=48, quiet=True)
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"group.png", "group_0.png", "group_1.png", "group_2.png", "faces.json"}
    assert json.loads((tmp_path / "out" / "faces.json").read_text()) == summary
    with Image.open(tmp_path / "out" / "group_1.png") as crop:
        assert crop.size == (48, 48)
    with Image.open(group) as original, Image.open(tmp_path / "out" / "group.png") as boxed:
        marked = (np.asarray(boxed.convert("RGB")) != np.asarray(original)).any(2)
    for face in summary["faces"]:
        left, top, width, height = face["box"]
        assert marked[round(top + height / 2), round(left) - 2 : round(left) + 3].any()
        assert marked[round(top + height), round(left + width / 2)]


def test_the_command_names_photos_without_a_face(group: Path, tmp_path: Path) -> None:
    Image.new("RGB", (80, 80)).save(tmp_path / "dark.png")
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    photos = [str(group), str(tmp_path / "dark.png"), str(tmp_path / "torn.jpg")]
    result = CliRunner().invoke(
        root, ["faces", *photos, "--out", str(tmp_path / "out"), "--faces", "largest", "--quiet"]
    )
    assert result.exit_code == 0, result.output
    assert "1 face found in 1 of 3 photos" in result.output
    assert "no face was found in" in result.output
    assert "torn.jpg cannot be used" in result.output


def test_photos_without_a_face_leave_no_folder(tmp_path: Path) -> None:
    Image.new("RGB", (80, 80)).save(tmp_path / "dark.png")
    for photos in ([tmp_path / "dark.png"], [tmp_path / "dark.png", tmp_path / "none.png"]):
        with pytest.raises(FacesmithError, match="no face"):
            facesmith.show_faces(photos, tmp_path / "out", quiet=True)
    assert {path.name for path in tmp_path.iterdir()} == {"dark.png"}


def test_photos_with_equal_names_get_distinct_files_and_keep_their_marks(
    drawn_faces: list[Any], tmp_path: Path
) -> None:
    marks = {"a": None, "b": Marks(GENERATED, "m", "ab", "any use", 0, 3)}
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        save_image(Image.fromarray(drawn_faces[0]), tmp_path / folder / "me.png", marks[folder])
    summary = facesmith.show_faces([tmp_path / "a/me.png", tmp_path / "b/me.png"], tmp_path / "out", quiet=True)
    assert len({face["cut"] for face in summary["faces"]}) == 2
    for face, expected in zip(summary["faces"], marks.values(), strict=True):
        assert read_marks(str(tmp_path / "out" / face["cut"])) == expected
