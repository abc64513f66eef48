"""Write files and folders so that they appear whole or not at all, and lock them while they are written.

They are written under a temporary name, beside the target or in a target folder that exists, and then renamed. The
temporary name is locked: another process is refused at once, and what a dead process left is removed.
"""

import errno
import glob
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from facesmith.errors import FacesmithError

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None  # type: ignore[assignment]

# Systems put these into folders by themselves; a folder with no other file counts as empty.
SYSTEM_FILES = {"lost+found", ".DS_Store", "Thumbs.db", "desktop.ini"}
PARTIAL, COMPLETE = ".partial", ".complete"  # in a folder that existed: what is being written, what is to be moved up
CARD_SUFFIXES = (".json", ".jsonl")
# File systems allow names of 255 bytes.
MAX_STEM_BYTES, MAX_TEMPORARY_STEM_BYTES, MAX_TEMPORARY_SUFFIX = 200, 150, 16
OS_ERROR = r"\(os error (\d+)\)"  # in the text of an error of safetensors, which is no OSError
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_locks: set[int] = set()  # descriptors of this process
_temporaries: set[Path] = set()  # that this process writes


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Lock an existing file or folder. Raises `FacesmithError` at once if another process holds it.

    The lock ends with the process, however that ends, and leaves no file. On a file system without locks it does
    nothing.
    """
    descriptor = _open(path)
    try:
        if _flock(descriptor) is False:
            raise FacesmithError(f"another process is writing to {path}: wait until it finishes, or stop it")
        yield
    finally:
        _close(descriptor)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` on success and is removed on any error.

    In an `atomic_folder` or `new_file`, which are temporary, this is ``path`` itself.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not _temporaries.isdisjoint({path, *path.parents}):
        path.touch()
        with _durable(path):
            yield path
        return
    _remove_dead(path)
    with _claim(_temporary(path, f".{os.urandom(4).hex()}"), Path.touch, path) as temporary:
        with _durable(temporary):
            yield temporary
        temporary.replace(path)


@contextmanager
def new_file(path: Path, what: str) -> Iterator[Path]:
    """Yield a temporary path that becomes ``path`` on success and is removed on any error.

    Raises `FacesmithError` if ``path`` exists or another process is writing it; ``what`` names it in the message.
    """
    refuse_existing(path, what)
    with new_parents(path), _claim(_temporary(path), Path.touch, path) as temporary, _full_disk_as_message(path):
        refuse_existing(path, what)
        with _durable(temporary):
            yield temporary
        temporary.replace(path)


@contextmanager
def atomic_folder(path: Path, what: str, state: str = "") -> Iterator[Path]:
    """Yield an empty temporary folder that becomes ``path`` on success and is removed on any error.

    An existing empty folder is filled in place: its owner, rights and mount stay. While the temporary folder has a file
    ``state``, it is kept, and the next call yields it with its content. Raises `FacesmithError` if ``path`` is anything
    else that exists, or another process is writing it; ``what`` names the artefact in the message.
    """
    if (path / COMPLETE).is_dir():
        _move_up(path / COMPLETE)  # a process died while it did so
    refuse_existing(path, what)
    target = Path(os.path.realpath(path))  # Path.resolve raises an error for links that lead in a circle
    fills_folder, beside = target.is_dir(), _temporary(target)
    if fills_folder and beside.is_dir():
        with _claim(beside, _make_folder, path):
            pass  # a process died before this folder was made
    with (
        new_parents(target),
        _claim(target / PARTIAL if fills_folder else beside, _make_folder, path, state) as temporary,
        _full_disk_as_message(path),
    ):
        refuse_existing(path, what)
        yield temporary
        if fills_folder:
            temporary.rename(target / COMPLETE)
            _move_up(target / COMPLETE)
        else:
            temporary.rename(target)


@contextmanager
def new_parents(path: Path) -> Iterator[None]:
    """Create the parent folders of ``path``, and remove them on an error. Raises `FacesmithError` below a file."""
    missing = [parent for parent in path.parents if not exists(parent)]
    if file := next((parent for parent in path.parents if exists(parent) and not parent.is_dir()), None):
        raise FacesmithError(f"{path} cannot be created because {file} is not a folder: choose another place")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for parent in missing:
            with suppress(OSError):  # another process uses it
                parent.rmdir()
        raise


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with its content, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def updated_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder whose files are moved into ``path`` on success, and replace those there.

    Other files of ``path`` stay. On an error nothing changes. Raises `FacesmithError` if another process does the same.
    """
    if (path / COMPLETE).is_dir():
        _move_up(path / COMPLETE)  # a process died while it did so
    with (
        new_parents(path / PARTIAL),
        _claim(path / PARTIAL, _make_folder, path) as temporary,
        _full_disk_as_message(path),
    ):
        yield temporary
        temporary.rename(path / COMPLETE)
        _move_up(path / COMPLETE)


def finished_files(folder: Path, suffix: str) -> list[Path]:
    """Return the files of a folder with this suffix, by name, without the partial ones that a killed process left."""
    return sorted(path for path in folder.glob(f"*{suffix}") if not path.name.startswith("."))


def remove_partial_files(folder: Path) -> None:
    """Remove the partial files that a killed process left, in this folder and below."""
    for path in folder.rglob(".*.partial*"):
        path.unlink()


def exists(path: Path) -> bool:
    """Return whether a path exists. A name that no file can have, such as one that is too long, does not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def refuse_existing(path: Path, what: str) -> None:
    """Raise `FacesmithError` if ``path`` exists and is not an empty folder."""
    is_empty = path.is_dir() and {entry.name for entry in path.iterdir()} <= {*SYSTEM_FILES, PARTIAL}
    if (path.exists() or path.is_symlink()) and not is_empty:
        raise FacesmithError(f"{path} already exists: choose another name for the {what}, or remove it first")


def printable(name: str) -> str:
    """Return a file name as text that every program can read: bytes that are not UTF-8 become ``\\xNN``."""
    name = re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", name)  # of JSON; no file name has them
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@contextmanager
def utf8_path(path: Path) -> Iterator[Path]:
    """Yield a path to an existing file that is valid UTF-8, for the libraries that refuse others."""
    if printable(str(path)) == str(path):
        yield path
        return
    with TemporaryDirectory() as folder:
        link, target = Path(folder) / "link", path.resolve()
        has_plain_name = printable(target.name) == target.name
        # The folder, where possible: files may refer to their neighbours.
        link.symlink_to(target.parent if has_plain_name else target)
        yield link / target.name if has_plain_name else link


def file_stem(path: Path) -> str:
    """Return the name of ``path`` without its suffix, as valid UTF-8 to which 50 bytes can be added."""
    return printable(path.stem).encode()[:MAX_STEM_BYTES].decode(errors="ignore")


def unique_stem(stem: str, used: set[str]) -> str:
    """Return a name that is not in ``used``, ignoring case, and add it: ``stem``, with underscores if necessary."""
    while stem.lower() in used:
        stem += "_"
    used.add(stem.lower())
    return stem


def write_text(path: Path, text: str) -> None:
    """Write UTF-8. Bytes of file names that are not UTF-8 become ``\\udcNN``, which is valid in JSON."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON. NaN and infinity raise `ValueError`, because strict parsers refuse them."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, what: str) -> Any:
    """Parse a JSON file, or raise `FacesmithError`; ``what`` says in the message what the file should be."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FacesmithError(f"{path} cannot be read as {what}: {error}") from None


def check_version(card: dict[str, Any], expected: str, version: int, path: Path, oldest: int | None = None) -> None:
    """Refuse a file of another format, or of a version that is not ``oldest`` (default: ``version``) to ``version``."""
    if card.get("format") != expected:
        name = repr(card["format"]) if "format" in card else "missing"
        raise FacesmithError(f'{path} is not a {expected} file: its entry "format" is {name}')
    found = card.get("version")
    if not isinstance(found, int) or not (version if oldest is None else oldest) <= found <= version:
        has = f"format version {found!r}" if "version" in card else "no format version"
        raise FacesmithError(
            f"{path} has {has}, but this version of facesmith reads format version {version}: "
            f"install the version of facesmith that wrote it, or create it again"
        )


def _temporary(path: Path, token: str = "") -> Path:
    """Return a hidden name beside ``path``. The suffix stays at the end, because libraries choose the format by it."""
    suffix = path.suffix if len(path.suffix) <= MAX_TEMPORARY_SUFFIX else ""
    stem = path.name.removesuffix(suffix)
    if len(os.fsencode(stem)) > MAX_TEMPORARY_STEM_BYTES:
        stem = hashlib.sha256(os.fsencode(stem)).hexdigest()
    return path.with_name(f".{stem}{token}.partial{suffix}")


@contextmanager
def _claim(temporary: Path, make: Callable[[Path], None], path: Path, state: str = "") -> Iterator[Path]:
    """Make and lock an empty temporary file or folder, and remove it at the end unless it was renamed.

    A folder with a file ``state`` is kept as it is.
    """
    descriptor = _lock_new(temporary, make, path)
    _temporaries.add(temporary)
    try:
        if not (state and (temporary / state).is_file()):
            for entry in list(temporary.iterdir()) if temporary.is_dir() else []:
                remove(entry)  # a dead process left it
        yield temporary
    finally:
        _temporaries.discard(temporary)
        if not (state and (temporary / state).is_file()):
            remove(temporary)
        _close(descriptor)


def _lock_new(temporary: Path, make: Callable[[Path], None], path: Path) -> int:
    """Make and lock a temporary file or folder, and return its descriptor."""
    while True:
        make(temporary)
        with suppress(FileNotFoundError):  # another process, which ends, removes it
            descriptor = _open(temporary)
            if _flock(descriptor) is False:
                _close(descriptor)
                raise FacesmithError(
                    f"another process is writing to {path}: wait until it finishes, or choose another name"
                )
            if not fcntl or os.fstat(descriptor).st_nlink:
                return descriptor
            _close(descriptor)


def _make_folder(path: Path) -> None:
    path.mkdir(exist_ok=True)


def _open(path: Path) -> int:
    descriptor = os.open(path if fcntl else os.devnull, os.O_RDONLY)
    _locks.add(descriptor)
    return descriptor


def _close(descriptor: int) -> None:
    if descriptor in _locks:  # not closed by a fork
        _locks.discard(descriptor)
        os.close(descriptor)


def _flock(descriptor: int) -> bool | None:
    """Return whether it is locked now, or None where locks do not exist."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (OSError, AttributeError):
        return None
    return True


def _close_inherited_locks() -> None:
    """Close the locks in a forked process, which may live longer than its parent."""
    for descriptor in list(_locks):
        _close(descriptor)


if fcntl:
    os.register_at_fork(after_in_child=_close_inherited_locks)


def _remove_dead(path: Path) -> None:
    """Remove the temporary files of dead processes that wrote ``path`` by `atomic_file`."""
    pattern = glob.escape(_temporary(path, ".?").name).replace("[?]", "*")  # for any token
    for leftover in path.parent.glob(pattern):
        with suppress(OSError):
            descriptor = _open(leftover)
            if _flock(descriptor):
                leftover.unlink()
            _close(descriptor)


def _error_number(error: Exception) -> int | None:
    """Return the errno of an error, also of one of safetensors, which has it only in its text."""
    if isinstance(error, OSError):
        return error.errno
    match = re.search(OS_ERROR, str(error))
    return int(match[1]) if match else None


@contextmanager
def _full_disk_as_message(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        number = _error_number(error)
        if number not in FULL_DISK:
            raise
        problem = f"{path} could not be written ({os.strerror(number)})"
        raise FacesmithError(f"{problem}: free up disk space, or choose another disk") from None


def _move_up(complete: Path) -> None:
    """Move the files in ``complete`` to its parent: cards last, because they mark an artefact as complete."""
    with suppress(FileNotFoundError):  # another process moves it too
        entries = sorted(complete.rglob("*"), key=lambda entry: (entry.suffix in CARD_SUFFIXES, entry.name))
        for entry in entries:
            target = complete.parent / entry.relative_to(complete)
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                entry.replace(target)
        shutil.rmtree(complete)


@contextmanager
def _durable(path: Path) -> Iterator[None]:
    """Let the block write an empty file that exists, then restore its permissions and flush it to the disk.

    safetensors replaces the file by one that only its owner can read. Without the flush, a crash after the rename could
    leave an empty file under the final name.
    """
    rights = path.stat().st_mode
    try:
        yield
    except Exception as error:
        number = _error_number(error)
        if isinstance(error, OSError) or number is None:
            raise
        raise OSError(number, os.strerror(number)) from None
    if path.is_file():
        if path.stat().st_mode != rights:
            path.chmod(rights)
        with path.open("rb+") as file:
            os.fsync(file.fileno())
