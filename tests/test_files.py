from pathlib import Path

import pytest

from facesmith.errors import FacesmithError
from facesmith.files import atomic_file, atomic_folder, check_version, read_json, write_json


def test_atomic_file_replaces_the_file_completely(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    with atomic_file(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_atomic_folder_appears_only_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "folder"
    with pytest.raises(RuntimeError), atomic_folder(target, "dataset") as partial:
        (partial / "x").write_text("half")
        raise RuntimeError
    assert not target.exists()
    with atomic_folder(target, "dataset") as partial:
        (partial / "x").write_text("whole")
        assert not target.exists()
    assert (target / "x").read_text() == "whole"
    assert [p.name for p in target.parent.iterdir()] == ["folder"]


def test_a_partial_folder_is_removed_on_the_next_attempt(tmp_path: Path) -> None:
    leftover = tmp_path / ".faces.partial"
    leftover.mkdir()
    (leftover / "old").write_text("")
    with atomic_folder(tmp_path / "faces", "dataset") as partial:
        assert list(partial.iterdir()) == []


def test_only_an_empty_folder_is_written_into(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("mine")
    with pytest.raises(FacesmithError, match="another name for the run"), atomic_folder(tmp_path / "taken", "run"):
        pass
    (tmp_path / "empty").mkdir()
    with atomic_folder(tmp_path / "empty", "run") as partial:
        (partial / "x").write_text("")
    assert (tmp_path / "empty" / "x").exists()


def test_invalid_json_and_versions_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(FacesmithError, match="cannot be read as a model's card"):
        read_json(tmp_path / "a.json", "a model's card")
    with pytest.raises(FacesmithError, match="not a facesmith-model"):
        check_version({"format": "other"}, "facesmith-model", 1, tmp_path)
    with pytest.raises(FacesmithError, match="version 2 and this facesmith reads version 1"):
        check_version({"format": "facesmith-model", "version": 2}, "facesmith-model", 1, tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))
