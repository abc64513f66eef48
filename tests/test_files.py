from pathlib import Path

import pytest

from facesmith.errors import FacesmithError
from facesmith.files import atomic_file, atomic_folder, check_version, read_json, write_json


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(path) as beside:
        beside.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    with atomic_file(path) as beside:
        beside.write_text("new")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_appears_only_when_it_is_finished(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "folder"
    with pytest.raises(RuntimeError), atomic_folder(target, "dataset") as beside:
        (beside / "x").write_text("half")
        raise RuntimeError
    assert not target.exists()
    with atomic_folder(target, "dataset") as beside:
        (beside / "x").write_text("whole")
        assert not target.exists()
    assert (target / "x").read_text() == "whole"
    assert [p.name for p in target.parent.iterdir()] == ["folder"]


def test_what_a_killed_attempt_left_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / ".faces.partial"
    left.mkdir()
    (left / "old").write_text("")
    with atomic_folder(tmp_path / "faces", "dataset") as beside:
        assert list(beside.iterdir()) == []


def test_what_stands_is_not_overwritten_and_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("mine")
    with pytest.raises(FacesmithError, match="another name for the run"), atomic_folder(tmp_path / "taken", "run"):
        pass
    (tmp_path / "empty").mkdir()
    with atomic_folder(tmp_path / "empty", "run") as beside:
        (beside / "x").write_text("")
    assert (tmp_path / "empty" / "x").exists()


def test_json_that_is_not_json_and_versions_that_are_not_ours_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(FacesmithError, match="cannot be read as a model's card"):
        read_json(tmp_path / "a.json", "a model's card")
    with pytest.raises(FacesmithError, match="not a facesmith-model"):
        check_version({"format": "other"}, "facesmith-model", 1, tmp_path)
    with pytest.raises(FacesmithError, match="version 2 and this facesmith reads version 1"):
        check_version({"format": "facesmith-model", "version": 2}, "facesmith-model", 1, tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))
