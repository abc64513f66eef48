"""Files at an address of fsspec, such as s3://bucket/faces: listed first, and read while they are imported."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from facesmith.data.source import EncodedImage, Handle
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.images.photo_files import is_hidden

BATCH_FILES, BATCH_BYTES = 256, 32 * 2**20  # in memory at once
RANGE_BYTES = 8 * 2**20  # of one request, which may cover many files of an archive
MAX_GAP = 64 * 2**10  # bytes between two files of an archive that are read although they are not needed
BLOCK_BYTES = 2**20  # read ahead in an archive whose files are listed


class ConnectionLostError(FacesmithError):
    """An address that could be read before cannot be read any more: the same import can be resumed."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a filesystem of fsspec, or a part of it that starts at ``offset``."""

    filesystem: Any
    path: str
    size: int  # 0 if the server does not state it
    offset: int | None = None

    def open(self) -> bytes:
        """Return the bytes. Raises `ImageError`."""
        return next(read_ahead([self])).open()  # type: ignore[return-value]

    def head(self) -> bytes:
        """Return the first bytes of a file whose name has no ending; the names of all others tell what they are."""
        return b"" if "." in self.path.rpartition("/")[2] else self.open()

    def stream(self) -> BinaryIO:
        stream: BinaryIO = self.filesystem.open(self.path, "rb", block_size=BLOCK_BYTES, cache_type="readahead")
        return stream

    def part(self, offset: int, size: int) -> "RemoteFile":
        return RemoteFile(self.filesystem, self.path, size, offset)


def is_address(source: str) -> bool:
    """Return whether a source is an address of fsspec, also a chained one such as zip://::s3://bucket/faces.zip."""
    return re.match(r"[a-z][a-z0-9+.-]*(://|::)", source) is not None


def list_address(address: str) -> tuple[str, dict[str, RemoteFile]]:
    """Return the name of the folder, archive or pattern at an address, and its files by their relative names.

    ``{000..019}`` stands for each of the numbers. Raises `FacesmithError` for an address that cannot be read or has no
    files.
    """
    core = require("fsspec.core", "cloud", f"reading {address}")
    files: dict[str, RemoteFile] = {}
    with connection_errors(address):
        for each in _expand_braces(address):
            filesystem, path = core.url_to_fs(f"zip://::{each}" if each.lower().endswith(".zip") else each)
            root, found = _find(filesystem, path)
            for file, facts in found.items():
                name = file.removeprefix(root).lstrip("/")
                if facts.get("type") != "directory" and name and not any(map(is_hidden, name.split("/"))):
                    files[name] = RemoteFile(filesystem, file, int(facts.get("size") or 0))
    if not files:
        raise FacesmithError(f"{address} has no files: check the address")
    last = re.split(r"[?*{\[]", address.partition("?")[0])[0].rstrip("/").rpartition("/")[2]
    return last.rstrip("-_. "), dict(sorted(files.items()))


def _find(filesystem: Any, path: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the folder of the files that a path names, and the facts of each: one file, or all below a folder."""
    parent = path.rpartition("/")[0]
    if "*" in path:
        return path.partition("*")[0].rpartition("/")[0], filesystem.glob(path, detail=True)
    # A web server answers requests for a folder as for a file: only an ending tells a file.
    is_web = path.startswith("http")
    if re.search(r"\.(tar|parquet|pq)$", path.partition("?")[0]) if is_web else filesystem.isfile(path):
        return parent, {path: filesystem.info(path)}
    return path, filesystem.find(path, detail=True)


def _expand_braces(address: str) -> list[str]:
    match = re.search(r"\{(\d+)\.\.(\d+)\}", address)
    if match is None:
        return [address]
    before, after = address[: match.start()], address[match.end() :]
    numbers = range(int(match[1]), int(match[2]) + 1)
    return [each for number in numbers for each in _expand_braces(f"{before}{number:0{len(match[1])}d}{after}")]


@contextmanager
def connection_errors(address: str, lost: bool = False) -> Iterator[None]:
    """Raise `FacesmithError` for any error of fsspec: the packages for its protocols have exceptions of their own."""
    try:
        yield
    except FacesmithError:
        raise
    except Exception as error:
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        if lost:
            raise ConnectionLostError(f"{address} cannot be read now ({reason}): import again to resume") from error
        raise FacesmithError(f"{address} cannot be read ({reason}): check the address and your access") from error


def read_ahead(handles: Iterable[Handle]) -> Iterator[Handle]:
    """Read the remote files among handles, several at once, and return them with their bytes; others stay."""
    remaining = iter(handles)
    batch: list[Handle] = []
    size = 0
    for handle in remaining:
        if not isinstance(handle, RemoteFile):
            yield handle
            continue
        batch.append(handle)
        size += handle.size
        if len(batch) == BATCH_FILES or size >= BATCH_BYTES:
            yield from _read(batch)  # type: ignore[arg-type]
            batch, size = [], 0
    yield from _read(batch)  # type: ignore[arg-type]


def _read(files: list[RemoteFile]) -> Iterator[Handle]:
    """Yield the content of files; neighbours in one archive are read with one request."""
    groups: list[list[RemoteFile]] = []
    for file in files:
        if groups and _continues(groups[-1], file):
            groups[-1].append(file)
        else:
            groups.append([file])
    filesystems = {id(group[0].filesystem): group[0].filesystem for group in groups}
    for key, filesystem in filesystems.items():
        ours = [group for group in groups if id(group[0].filesystem) == key]
        starts = [group[0].offset for group in ours]
        ends = [None if group[-1].offset is None else group[-1].offset + group[-1].size for group in ours]
        with connection_errors(ours[0][0].path, lost=True):
            contents = filesystem.cat_ranges([group[0].path for group in ours], starts, ends, on_error="return")
        for group, content in zip(ours, contents, strict=True):
            yield from _split(group, content)


def _continues(group: list[RemoteFile], file: RemoteFile) -> bool:
    first, last = group[0], group[-1]
    if file.path != last.path or file.offset is None or last.offset is None or first.offset is None:
        return False
    gap = file.offset - last.offset - last.size
    return 0 <= gap <= MAX_GAP and file.offset + file.size - first.offset <= RANGE_BYTES


def _split(group: list[RemoteFile], content: bytes | Exception) -> Iterator[Handle]:
    for file in group:
        if isinstance(content, (FileNotFoundError, PermissionError)):
            yield EncodedImage(None, problem=f"not readable: {str(content)[:80] or type(content).__name__}")
        elif isinstance(content, Exception):
            with connection_errors(file.path, lost=True):
                raise content
        elif file.offset is None:
            yield EncodedImage(content)
        else:
            start = file.offset - (group[0].offset or 0)
            data = content[start : start + file.size]
            yield EncodedImage(data) if len(data) == file.size else EncodedImage(None, problem="cut short")
