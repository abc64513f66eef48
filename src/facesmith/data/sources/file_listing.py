"""The files of a folder or a zip, listed once and read one by one without unpacking."""

import hashlib
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from facesmith.data.source import Handle, printable
from facesmith.errors import FacesmithError, ImageError
from facesmith.images.decode import SUFFIXES

# The annotation files of CelebA, which identify it.
ATTRIBUTE_FILES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
PARTITION_FILES = ("list_eval_partition.txt", "list_eval_partition.csv")
IDENTITY_FILES = ("identity_CelebA.txt", "identity_CelebA.csv")
MAX_MEMBER_BYTES = 512 * 2**20  # of one file inside a zip: a larger one is a bomb, not a photo


@dataclass(frozen=True, slots=True)
class FileHandle:
    """A file in a folder."""

    path: str
    size: int

    def open(self) -> str | bytes:
        try:
            status = os.stat(self.path)  # noqa: PTH116 (for each photo: a Path costs more than the call)
        except OSError as error:
            raise ImageError(f"not readable: {(error.strerror or 'unknown error').lower()}") from None
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("not a regular file")  # opening a pipe would block
        return self.path if status.st_size else b""


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A file inside a zip.

    It stores the position of its bytes, so that a worker reads it with one seek. With `zipfile`, each worker would
    parse the whole directory of the zip, which has 200,000 entries for CelebA.
    """

    archive: str
    offset: int
    stored: int
    size: int
    method: int
    crc: int
    encrypted: bool

    def open(self) -> bytes:
        if self.encrypted:
            raise ImageError("encrypted")
        if self.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ImageError("packed in a way that is not supported")
        if self.size > MAX_MEMBER_BYTES:
            raise ImageError("too large")
        try:
            with open(self.archive, "rb") as file:  # noqa: PTH123 (for each photo: Path costs more than open)
                file.seek(self.offset)
                head = file.read(30)
                name, extra = struct.unpack("<HH", head[26:30])
                file.seek(self.offset + 30 + name + extra)
                data = file.read(self.stored)
            if self.method == zipfile.ZIP_DEFLATED:
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, MAX_MEMBER_BYTES)
        except (OSError, struct.error, zlib.error):
            raise ImageError("damaged inside the zip") from None
        if len(data) != self.size or zlib.crc32(data) != self.crc:
            raise ImageError("damaged inside the zip")
        return data


@dataclass(frozen=True)
class FileListing:
    """The files below ``root``, a folder or a zip: names relative to it, with "/", in sorted order."""

    root: Path
    entries: dict[str, FileHandle | ZipMember]

    def image_files(self) -> list[str]:
        return [name for name in self.entries if name.lower().endswith(SUFFIXES)]

    def is_celeba(self) -> bool:
        """Whether this is CelebA, by the name of its photo folder or of an annotation file."""
        names = (*self.entries, self.root.resolve().name)
        file_names = (*ATTRIBUTE_FILES, *PARTITION_FILES, *IDENTITY_FILES, "img_align_celeba.zip", "img_align_celeba")
        return any(name.rpartition("/")[2] in file_names or "img_align_celeba/" in name for name in names)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file, such as a label table, or raise `FacesmithError`."""
        try:
            data = self.entries[name].open()
            return Path(data).read_bytes() if isinstance(data, str) else data
        except (OSError, ImageError) as error:
            raise FacesmithError(f"{name} in {self.root} cannot be read: {error}") from None

    def handles(self, names: list[str]) -> Iterator[Handle]:
        return (self.entries[name] for name in names)

    def fingerprint(self, names: list[str]) -> str:
        """Return a SHA-256 over the names and sizes of these files, which is quick and differs between folders."""
        digest = hashlib.sha256()
        for name in names:
            digest.update(f"{printable(name)}\0{self.entries[name].size}\n".encode())
        return digest.hexdigest()


def list_files(path: Path) -> FileListing:
    """List a folder or a zip, or raise `FacesmithError`.

    A folder without images but with one zip (or one called img_align_celeba.zip) is listed together with the files in
    that zip, so that a download folder works as it is.
    """
    if not path.exists():
        raise FacesmithError(f"{path} does not exist: check the path of the photos")
    if not path.is_dir():
        return _list_zip(path)
    listing = FileListing(path, dict(sorted(_walk(str(path), ""))))
    if listing.image_files():
        return listing
    zips = [name for name in listing.entries if name.lower().endswith(".zip")]
    candidates = [name for name in zips if PurePosixPath(name).name == "img_align_celeba.zip"] or zips
    if len(candidates) > 1:
        raise FacesmithError(
            f"{path} holds {len(candidates)} zips and no picture: import one of them, such as {path / candidates[0]}"
        )
    inside = _list_zip(path / candidates[0]).entries if candidates else {}
    return FileListing(path, dict(sorted({**listing.entries, **inside}.items())))


def _walk(folder: str, prefix: str, ancestors: tuple[str, ...] = ()) -> Iterator[tuple[str, FileHandle | ZipMember]]:
    """Yield the files below a folder. Links to folders are followed, except to a folder that contains the link."""
    try:
        with os.scandir(folder) as scan:
            entries = list(scan)
    except OSError as error:
        raise FacesmithError(f"{printable(folder)} cannot be listed: {error.strerror}") from None
    ancestors = (*ancestors, os.path.realpath(folder))
    for entry in entries:
        if _is_hidden(entry.name):
            continue
        if not entry.is_dir():
            yield prefix + entry.name, FileHandle(entry.path, _size(entry))
        elif not (entry.is_symlink() and os.path.realpath(entry.path) in ancestors):
            yield from _walk(entry.path, f"{prefix}{entry.name}/", ancestors)


def _is_hidden(name: str) -> bool:
    """Whether the name is that of a system file: .DS_Store, the ._ copies that macOS puts into zips, and so on."""
    return name.startswith(".") or name == "__MACOSX"


def _size(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat().st_size
    except OSError:
        return 0


def _list_zip(path: Path) -> FileListing:
    try:
        with path.open("rb") as file:
            head = file.read(2048).lstrip().lower()
        if head.startswith((b"<!doctype html", b"<html")):
            raise FacesmithError(
                f"{path} is a web page, not a zip: the download was refused, probably by Google Drive's quota; "
                f"download it again later or from another place"
            )
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, RuntimeError):  # RuntimeError for a form that zipfile does not read
        raise FacesmithError(
            f"{path} is neither a folder nor a whole zip: give a folder of photos, or download the zip again"
        ) from None
    except OSError as error:
        raise FacesmithError(f"{path} cannot be read: {error.strerror}") from None
    members = {
        info.filename: ZipMember(
            str(path), info.header_offset, info.compress_size, info.file_size, info.compress_type, info.CRC,
            bool(info.flag_bits & 1),
        )
        for info in infos
        if not info.is_dir() and not any(map(_is_hidden, info.filename.split("/")))
    }  # fmt: skip
    return FileListing(path, dict(sorted(members.items())))
