import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesmith.errors import FacesmithError
from facesmith.files import (
    atomic_file,
    atomic_folder,
    check_version,
    file_stem,
    lock,
    new_file,
    printable,
    read_json,
    utf8_path,
    write_json,
)

Writer = Callable[[Path, str], AbstractContextManager[Path]]
LOCK = "with lock(path): wait()"
FOLDER = 'with atomic_folder(path, "faces") as partial: (partial / "half").touch(); wait()'
FILE = 'with new_file(path, "image") as partial: partial.write_text("half"); wait()'
REPLACEMENT = 'with atomic_file(path) as partial: partial.write_text("half"); wait()'
HALF_MOVED = """
with atomic_folder(path, "faces") as partial:
    for name in ("a.png", "b.png", "card.json"):
        (partial / name).write_text(name)
    Path.replace = lambda old, new, replace=Path.replace: wait() if new.name == "b.png" else replace(old, new)
"""


@contextmanager
def process(code: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``code`` in another process until it calls wait(); kill it at the end."""
    head = "import sys, time; from pathlib import Path; from facesmith.files import *; path = Path(sys.argv[1])\n"
    wait = "def wait(): print(flush=True); time.sleep(60)\n"
    child = subprocess.Popen([sys.executable, "-c", head + wait + code, path], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(writer: Writer, path: Path) -> None:
    with writer(path, "faces") as partial:
        (partial / "whole" if partial.is_dir() else partial).write_text("whole")


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
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("writer", [atomic_folder, new_file])
@pytest.mark.parametrize(
    "name", ["deep/new/x.png", "a b", "人脸", os.fsdecode(b"d\xe4.png"), "x" * 250, "x." + "y" * 250]
)
def test_an_output_appears_only_when_complete(writer: Writer, name: str, tmp_path: Path) -> None:
    target = tmp_path / name
    with pytest.raises(RuntimeError), writer(target, "faces"):
        raise RuntimeError
    assert names(tmp_path) == []
    with writer(target, "faces") as partial:
        assert not target.exists()
        (partial / "x" if partial.is_dir() else partial).write_text("whole")
    assert names(target.parent) == [target.name]


@pytest.mark.parametrize("name", [".", "empty", "link", "with-system-files"])
def test_an_empty_folder_is_filled_in_place(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir(mode=0o2775)
    (tmp_path / "link").symlink_to("empty")
    (tmp_path / "with-system-files" / "lost+found").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / ("empty" if name == "." else "."))
    before, content = Path(name).stat(), names(Path(name))
    with pytest.raises(RuntimeError), atomic_folder(Path(name), "faces"):
        raise RuntimeError
    assert names(Path(name)) == content
    write(atomic_folder, Path(name))
    assert names(Path(name)) == [*content, "whole"]
    assert (Path(name).stat().st_ino, Path(name).stat().st_mode) == (before.st_ino, before.st_mode)


@pytest.mark.parametrize("writer", [atomic_folder, new_file])
@pytest.mark.parametrize("name", ["file", "full", "broken-link", "circle"])
def test_anything_else_that_exists_is_refused_and_stays(writer: Writer, name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("mine")
    (tmp_path / "broken-link").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(FacesmithError, match="another name for the faces"):
        write(writer, tmp_path / name)
    assert names(tmp_path) == ["broken-link", "circle", "file", "full"]
    assert names(tmp_path / "full") == ["x"]


@pytest.mark.parametrize("writer", [atomic_folder, new_file])
def test_a_file_that_should_be_a_folder_is_named(writer: Writer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FacesmithError, match="file is not a folder"):
        write(writer, tmp_path / "file" / "a" / "faces")
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize(("code", "writer"), [(FOLDER, atomic_folder), (FILE, new_file)])
def test_a_second_writer_is_refused_until_the_first_dies(
    code: str, writer: Writer, exists: bool, tmp_path: Path
) -> None:
    path = tmp_path / "faces"
    if exists and writer is atomic_folder:
        path.mkdir()
    with process(code, path), pytest.raises(FacesmithError, match="another process is writing"):
        write(writer, path)
    write(writer, path)
    assert names(tmp_path) == ["faces"]
    assert not path.is_dir() or names(path) == ["whole"]


def test_a_folder_made_after_a_crash_is_filled_and_the_leftover_removed(tmp_path: Path) -> None:
    with process(FOLDER, tmp_path / "faces"):
        (tmp_path / "faces").mkdir()
        with pytest.raises(FacesmithError, match="another process is writing"):
            write(atomic_folder, tmp_path / "faces")
    write(atomic_folder, tmp_path / "faces")
    assert names(tmp_path) == ["faces"]


def test_a_folder_that_was_complete_before_a_crash_is_completed(tmp_path: Path) -> None:
    with process(HALF_MOVED, tmp_path):
        assert names(tmp_path) == [".complete", "a.png"]
    with pytest.raises(FacesmithError, match="already exists"):
        write(atomic_folder, tmp_path)
    assert names(tmp_path) == ["a.png", "b.png", "card.json"]


def test_replacements_that_a_dead_process_left_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with process(REPLACEMENT, path):
        with atomic_file(path) as partial:
            partial.write_text("whole")
        assert len(names(tmp_path)) == 2  # the other process is alive
    with atomic_file(path) as partial:
        partial.write_text("whole")
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_a_lock_ends_with_its_process(signal_number: int, tmp_path: Path) -> None:
    with process(LOCK, tmp_path) as child:
        with pytest.raises(FacesmithError, match="another process"), lock(tmp_path):
            pass
        child.send_signal(signal_number)
        child.wait()
        with lock(tmp_path):
            pass
    assert names(tmp_path) == []


def test_a_forked_process_does_not_hold_its_parents_lock(tmp_path: Path) -> None:
    code = (
        "import os\nr, w = os.pipe()\nwith lock(path):\n"
        "    if os.fork() == 0: os.write(w, b'forked'); os.close(1); time.sleep(2); os._exit(0)\n"
        "    os.read(r, 1); wait()"
    )
    with process(code, tmp_path) as child:
        child.kill()
        child.wait()
        with lock(tmp_path):
            pass


@pytest.mark.parametrize("writer", [atomic_folder, new_file])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(writer: Writer, tmp_path: Path) -> None:
    message = "No space left on device.*free up disk space"
    for error in (OSError(errno.ENOSPC, "full"), RuntimeError("I/O error: full (os error 28)")):
        with (
            pytest.raises(FacesmithError, match=message),
            writer(tmp_path / "x", ""),
        ):
            raise error
        assert names(tmp_path) == []


@pytest.mark.parametrize("writer", [atomic_folder, new_file])
def test_a_file_system_without_locks_is_written(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    write(writer, tmp_path / "faces")
    assert names(tmp_path) == ["faces"]


FILE_NAMES = st.binary(min_size=1, max_size=255).map(os.fsdecode) | st.text(min_size=1)


@given(FILE_NAMES)
def test_every_name_becomes_valid_and_short_text(name: str) -> None:
    assert printable(name).encode()
    assert printable(printable(name)) == printable(name)
    assert len(file_stem(Path(name)).encode()) <= 200


def test_names_that_are_not_utf8_are_stored_as_valid_json_and_open(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"d\xe4.json")
    write_json(path, {"name": path.name})
    with utf8_path(path) as link:
        assert str(link).encode()
        assert read_json(link, "a card") == {"name": path.name}


def test_invalid_json_and_versions_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(FacesmithError, match="cannot be read as a model's card"):
        read_json(tmp_path / "a.json", "a model's card")
    with pytest.raises(FacesmithError, match="not a facesmith-model"):
        check_version({"format": "other"}, "facesmith-model", 1, tmp_path)
    with pytest.raises(FacesmithError, match='"format" is missing'):
        check_version({}, "facesmith-model", 1, tmp_path)
    with pytest.raises(FacesmithError, match="no format version"):
        check_version({"format": "facesmith-model"}, "facesmith-model", 1, tmp_path)
    with pytest.raises(FacesmithError, match="version 2, but this version of facesmith reads format version 1"):
        check_version({"format": "facesmith-model", "version": 2}, "facesmith-model", 1, tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))
