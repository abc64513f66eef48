"""The files of a folder or a zip, listed once and read one by one without unpacking."""

import hashlib
import os
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from facesmith.data.source import Handle, Note, note
from facesmith.data.sources.remote import RemoteFile, list_address
from facesmith.errors import FacesmithError, ImageError
from facesmith.files import printable
from facesmith.images.decode import FORMAT_NAMES, SIGNATURE_BYTES
from facesmith.images.photo_files import UNREAD_SUFFIXES, is_hidden, is_image, walk_folder

# The annotation files of CelebA, which identify it.
ATTRIBUTE_FILES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
PARTITION_FILES = ("list_eval_partition.txt", "list_eval_partition.csv")
IDENTITY_FILES = ("identity_CelebA.txt", "identity_CelebA.csv")
ARCHIVES = {b"7z\xbc\xaf": "a 7z archive", b"rar!": "a RAR archive", b"\x1f\x8b": "a gzip archive"}
PARQUET_SUFFIXES = (".parquet", ".pq")
TABLE_NAMES = re.compile(
    r".*\.(csv|tsv|parquet|jsonl|xlsx|xls|ods)|.*(label|attr|anno|identit|partition).*\.(txt|json)", re.IGNORECASE
)
UNREAD_PICTURES = "files in unsupported formats (convert images to JPEG or PNG, and unpack archives)"
UNREAD_TABLES = "label tables that are not used (select one with --labels)"
UNREAD_OTHERS = "files that are neither images nor label tables, ignored"
UTF8_FLAG = 0x800  # of a zip member whose name is UTF-8
HEAD_BYTES = 1024  # of a packed file: enough for its first `SIGNATURE_BYTES`
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
            raise ImageError(f"unreadable, {(error.strerror or 'unknown error').lower()}") from None
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("not a regular file")  # opening a pipe would block
        return self.path if status.st_size else b""

    def head(self) -> str | bytes:
        return self.open()

    def stream(self) -> BinaryIO:
        return open(self.path, "rb")  # noqa: PTH123 (as below)

    def part(self, offset: int, size: int) -> "FilePart":
        return FilePart(self.path, offset, size)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file in a tar archive, which is not compressed, by the position of its bytes."""

    path: str
    offset: int
    size: int

    def open(self) -> bytes:
        try:
            with open(self.path, "rb") as file:  # noqa: PTH123 (for each photo: Path costs more than open)
                file.seek(self.offset)
                data = file.read(self.size)
        except OSError as error:
            raise ImageError(f"not readable: {(error.strerror or 'unknown error').lower()}") from None
        if len(data) < self.size:
            raise ImageError("cut short")
        return data

    def head(self) -> bytes:
        return FilePart(self.path, self.offset, min(self.size, SIGNATURE_BYTES)).open()


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
        if self.size > MAX_MEMBER_BYTES:
            raise ImageError("too large")
        data = self._read(self.stored, MAX_MEMBER_BYTES)
        if len(data) != self.size or zlib.crc32(data) != self.crc:
            raise ImageError("damaged in the zip")
        return data

    def head(self) -> bytes:
        """Return the first bytes, which show the format."""
        return self._read(min(self.stored, HEAD_BYTES), SIGNATURE_BYTES)

    def _read(self, stored: int, max_bytes: int) -> bytes:
        """Return at most ``max_bytes`` of what the first ``stored`` bytes in the archive contain."""
        if self.encrypted:
            raise ImageError("encrypted")
        if self.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ImageError("compressed with an unsupported method: unpack the zip, and import the folder")
        try:
            with open(self.archive, "rb") as file:  # noqa: PTH123 (for each photo: Path costs more than open)
                file.seek(self.offset)
                header = file.read(30)
                name, extra = struct.unpack("<HH", header[26:30])
                file.seek(self.offset + 30 + name + extra)
                data = file.read(stored)
            if self.method == zipfile.ZIP_DEFLATED:
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, max_bytes)
        except (OSError, struct.error, zlib.error):
            raise ImageError("damaged in the zip") from None
        return data


Entry = FileHandle | FilePart | ZipMember | RemoteFile


@dataclass(frozen=True)
class FileListing:
    """The files below ``root``, a folder, an archive or an address: names relative to it, with "/", in sorted order.

    ``title`` is the root in messages, ``name`` that of a dataset of it.
    """

    title: str
    name: str
    entries: dict[str, Entry]
    root: Path | None = None  # on this machine
    notes: list[Note] = field(default_factory=list)

    @property
    def is_archive(self) -> bool:
        return self.root.is_file() if self.root else self.title.lower().endswith((".zip", ".tar"))

    @property
    def files(self) -> dict[str, FileHandle | RemoteFile]:
        """The entries that are no members of an archive."""
        return {name: entry for name, entry in self.entries.items() if isinstance(entry, FileHandle | RemoteFile)}

    @cached_property
    def images(self) -> list[str]:
        """The names of the images."""
        return [name for name, entry in self.entries.items() if is_image(name, entry.head)]

    def require_images(self) -> list[str]:
        """Return the names of the images, or raise `FacesmithError` if there are none."""
        if not self.images:
            unread = next((name for name in self.entries if name.lower().endswith(UNREAD_SUFFIXES)), None)
            advice = f"; convert or unpack the files, for example {printable(unread)}" if unread else ""
            raise FacesmithError(f"{self.title} contains no images: supported formats are {FORMAT_NAMES}{advice}")
        return self.images

    def unread_files(self, used: Collection[str]) -> list[Note]:
        """Return notes on the files that are neither images nor ``used``."""
        images = set(self.images)
        unread = [name for name in self.entries if name not in images and printable(name) not in used]
        kinds: dict[str, list[str]] = {}
        for name in map(printable, unread):
            is_known = name.lower().endswith(UNREAD_SUFFIXES)
            is_table = TABLE_NAMES.fullmatch(name.rpartition("/")[2]) is not None
            text = UNREAD_PICTURES if is_known else UNREAD_TABLES if is_table else UNREAD_OTHERS
            kinds.setdefault(text, []).append(name)
        return [*self.notes, *(entry for text, names in kinds.items() for entry in note(text, len(names), names))]

    def parquet_files(self) -> list[str]:
        """Return the names of the Parquet files, if there are no images."""
        return self._without_pictures(PARQUET_SUFFIXES)

    def tar_files(self) -> list[str]:
        """Return the names of the tar archives, if there are no images."""
        return self._without_pictures((".tar",))

    def _without_pictures(self, suffixes: tuple[str, ...]) -> list[str]:
        return [] if self.images else [name for name in self.files if name.lower().endswith(suffixes)]

    def is_celeba(self) -> bool:
        """Return whether this is CelebA, by the name of its photo folder or of an annotation file."""
        files = {name.lower() for name in (*ATTRIBUTE_FILES, *PARTITION_FILES, *IDENTITY_FILES)}
        parts = {part.lower() for name in self.entries for part in name.split("/")} | {self.name.lower()}
        return any(part in files or part.startswith(("img_align_celeba", "img_celeba")) for part in parts)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file, such as a label table, or raise `FacesmithError`."""
        try:
            data = self.entries[name].open()
            return Path(data).read_bytes() if isinstance(data, str) else data
        except (OSError, ImageError) as error:
            raise FacesmithError(f"{name} in {self.title} cannot be read: {error}") from None

    def read_sibling(self, name: str, folders: Sequence[str] = ("",)) -> bytes | None:
        """Return the bytes of a file in one of these folders beside the root, or None if there is none."""
        if self.root is not None:
            siblings = [self.root.resolve().parent / folder / name for folder in folders]
            return next((sibling.read_bytes() for sibling in siblings if sibling.is_file()), None)
        return None

    def handles(self, names: list[str]) -> Iterator[Handle]:
        return (self.entries[name] for name in names)

    def fingerprint(self, names: Sequence[str]) -> str:
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
        if path.suffix.lower() in (*PARQUET_SUFFIXES, ".tar"):
            return _listing(path, {path.name: FileHandle(str(path), path.stat().st_size)})
        return _list_zip(path)
    if (path / "dataset.json").is_file() and (path / "images.npy").is_file():
        raise FacesmithError(
            f"{path} is already a dataset: use it directly, import its photos again, or export it "
            "(facesmith data export) and import the result"
        )
    walk = walk_folder(str(path))
    notes = [
        *note("folders that cannot be read, skipped", len(walk.unreadable), map(printable, walk.unreadable)),
        *note(
            "links to folders that are already imported or that contain the link, skipped",
            len(walk.repeated),
            map(printable, walk.repeated),
        ),
    ]
    listing = _listing(path, {name: FileHandle(entry.path, _size(entry)) for name, entry in walk.files.items()}, notes)
    if listing.images:
        return listing
    zips = [name for name in listing.entries if name.lower().endswith(".zip")]
    candidates = [name for name in zips if PurePosixPath(name).name == "img_align_celeba.zip"] or zips
    if len(candidates) > 1:
        raise FacesmithError(
            f"{path} contains {len(candidates)} zips and no images: import one of the zips, for example "
            f"{path / candidates[0]}"
        )
    if not candidates:
        return listing
    outside = {name: entry for name, entry in listing.entries.items() if name != candidates[0]}
    inside = _list_zip(path / candidates[0])
    return _listing(path, dict(sorted({**outside, **inside.entries}.items())), notes + inside.notes)


def list_remote_files(address: str) -> FileListing:
    """List the files at an address of fsspec, or raise `FacesmithError`."""
    name, files = list_address(address)
    stem = re.sub(r"\.(tar|parquet|pq|zip)$", "", name, flags=re.IGNORECASE)
    return FileListing(address, printable(stem), dict(files))


def _listing(path: Path, entries: Mapping[str, Entry], notes: Sequence[Note] = ()) -> FileListing:
    name = path.stem if path.is_file() else path.resolve().name
    return FileListing(str(path), printable(name), dict(entries), path, list(notes))


def _size(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat().st_size
    except OSError:
        return 0


def _list_zip(path: Path) -> FileListing:
    try:
        with path.open("rb") as file:
            start = file.read(2048)
        head = start.lstrip().lower()
        if head.startswith((b"<!doctype html", b"<html")):
            raise FacesmithError(
                f"{path} is a web page, not a zip (Google Drive refuses downloads above its quota): download it "
                "again later, or from a different place"
            )
        packed = next((kind for signature, kind in ARCHIVES.items() if head.startswith(signature)), None)
        if packed or start[257:262] == b"ustar":
            packed = packed or "a tar archive"
            raise FacesmithError(f"{path} is {packed}, which is not supported: unpack it and import the folder")
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, RuntimeError):  # RuntimeError for a form that zipfile does not read
        raise FacesmithError(
            f"{path} is neither a folder nor a complete zip: pass a folder of photos, or download the zip again"
        ) from None
    except OSError as error:
        raise FacesmithError(f"{path} cannot be read: {error.strerror}") from None
    files = [info for info in infos if not info.filename.endswith(("/", "\\"))]
    members = {
        name: ZipMember(
            str(path), info.header_offset, info.compress_size, info.file_size, info.compress_type, info.CRC,
            bool(info.flag_bits & 1),
        )
        for info in files
        if (name := _member_name(info)) and not any(map(is_hidden, name.split("/")))
    }  # fmt: skip
    repeated = [name for name, count in Counter(map(_member_name, files)).items() if count > 1 and name in members]
    notes = note(
        "names that occur more than once in the zip (the last file of each name is used)", len(repeated), repeated
    )
    return _listing(path, dict(sorted(members.items())), notes)


def _member_name(info: zipfile.ZipInfo) -> str:
    """Return a member's path with "/", inside the zip. Many programs write UTF-8 without its flag, some "\\"."""
    name = info.filename
    if not info.flag_bits & UTF8_FLAG:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))
