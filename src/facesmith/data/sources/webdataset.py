"""Tar archives: WebDataset, with an image and its labels, as JSON or a class, under one key, or a packed folder."""

import json
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from facesmith.data.labels.columns import PROBABILITY, type_columns
from facesmith.data.source import Handle, Note, Source, metadata_table, note
from facesmith.data.sources.file_listing import ATTRIBUTE_FILES, UNREAD_OTHERS, Entry, FileHandle, FileListing
from facesmith.data.sources.folder import LABEL_FILES
from facesmith.data.sources.parquet import split_of_file
from facesmith.data.sources.remote import RemoteFile
from facesmith.errors import FacesmithError
from facesmith.files import printable
from facesmith.images.decode import FORMAT_NAMES, SUFFIXES
from facesmith.images.photo_files import is_hidden

LABEL_TABLES = (*LABEL_FILES, *ATTRIBUTE_FILES)
LABEL_SUFFIXES = (".json", ".cls")
SKIPPED_LINKS = "links in the archive, skipped (pack the files that they point to)"
MAX_LABEL_BYTES = 2**20  # of one JSON file


def list_packed_folder(listing: FileListing, archives: Sequence[str]) -> FileListing | None:
    """List the files in a tar archive that is a packed folder: with subfolders or a label table, and not WebDataset."""
    if len(archives) != 1:
        return None
    entries: dict[str, Entry] = {}
    pictures, labels, folders = set[str](), set[str](), set[str]()  # keys of pictures and labels; folders of pictures
    skipped: list[str] = []
    file = listing.files[archives[0]]
    with _members(file) as (_, members):
        for member in members:
            name = "/".join(part for part in member.name.split("/") if part not in ("", ".", ".."))
            if any(map(is_hidden, name.split("/"))):
                continue
            key, suffix = _split_name(name)
            if not member.isfile():
                skipped += [printable(name)] if suffix in SUFFIXES else []
                continue
            entries[name] = file.part(member.offset_data, member.size)
            if suffix in SUFFIXES:
                pictures.add(key)
                folders.add(name.rpartition("/")[0])
            elif suffix in LABEL_SUFFIXES:
                labels.add(key)
            if key in pictures and key in labels:
                return None
    has_table = any(name.rpartition("/")[2].lower() in LABEL_TABLES for name in entries)
    if not has_table and len(folders) < 2:
        return None
    notes = [*listing.notes, *note(SKIPPED_LINKS, len(skipped), skipped)]
    return replace(listing, entries=dict(sorted(entries.items())), notes=notes)


def webdataset_source(listing: FileListing, archives: Sequence[str]) -> Source:
    """Return the images in tar archives of a listing as a source.

    Labels are the scalar values of an image's JSON file, and its class in a .cls file. Raises `FacesmithError` for an
    archive that cannot be read, and if there is no image.
    """
    import pyarrow as pa

    files: list[str] = []
    members: list[Handle] = []
    splits: list[str | None] = []
    parts: list[dict[str, Any]] = []  # the columns of each archive
    notes: list[Note] = []
    for name in archives:
        pictures, rows = _read_archive(listing.files[name], notes)
        files += [f"{printable(name)}/{member}" for member in pictures]
        members += pictures.values()
        splits += [split_of_file(printable(name))] * len(pictures)
        parts.append(_columns(rows))
    if not files:
        raise FacesmithError(
            f"the tar archives in {listing.title} contain no images in a supported format ({FORMAT_NAMES}): "
            "check the archives"
        )
    labels = type_columns(_join(parts), listing.name, {})
    return Source(
        kind="folder",
        name=listing.name,
        fingerprint=listing.fingerprint(archives),
        table=metadata_table(files, labels.split or pa.array(splits, pa.string()), labels.identity, labels.attributes),
        handles=lambda rows: (members[row] for row in rows),
        terms=labels.terms,
        ignored_columns=labels.ignored_columns,
        notes=[*_sum(notes), *labels.notes],
    )


def _read_archive(file: FileHandle | RemoteFile, notes: list[Note]) -> tuple[dict[str, Handle], list[dict[str, Any]]]:
    """Return the images of an archive by name, in order, and the labels of each; add notes on other files."""
    pictures: dict[str, Handle] = {}
    labels: dict[str, dict[str, Any]] = {}
    others: list[str] = []
    skipped: list[str] = []
    with _members(file) as (archive, members):
        for member in members:
            key, suffix = _split_name(member.name)
            if not member.isfile():
                skipped += [printable(member.name)] if suffix in SUFFIXES else []
            elif suffix in SUFFIXES:
                pictures[member.name] = file.part(member.offset_data, member.size)
            elif suffix in LABEL_SUFFIXES and member.size < MAX_LABEL_BYTES:
                content = archive.extractfile(member)
                labels.setdefault(key, {}).update(_parse(suffix, content.read() if content else b""))
            else:
                others.append(printable(member.name))
    notes += note(SKIPPED_LINKS, len(skipped), skipped) + note(UNREAD_OTHERS, len(others), others)
    return pictures, [labels.get(_split_name(name)[0], {}) for name in pictures]


@contextmanager
def _members(file: FileHandle | RemoteFile) -> Iterator[tuple[tarfile.TarFile, Iterator[tarfile.TarInfo]]]:
    try:
        with file.stream() as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            yield archive, iter(archive)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise FacesmithError(f"{printable(file.path)} cannot be read as a tar archive: {error}") from None


def _sum(notes: list[Note]) -> list[Note]:
    """Return one note for each text, with the sum of the counts."""
    result: list[Note] = []
    for text in dict.fromkeys(entry.text for entry in notes):
        group = [entry for entry in notes if entry.text == text]
        examples = (example for entry in group for example in entry.examples)
        result += note(text, sum(entry.count for entry in group), examples)
    return result


def _columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the labels of an archive as columns, each of one type or of strings."""
    import pyarrow as pa

    columns = {"": pa.nulls(len(rows))}  # which keeps the number of rows where there are no labels
    for name in dict.fromkeys(key for row in rows for key in row):
        cells = [row.get(name) for row in rows]
        try:
            columns[name] = pa.array(cells)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            columns[name] = pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
    return columns


def _join(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the columns of all archives, one after the other."""
    import pyarrow as pa

    columns: dict[str, Any] = {}
    for name in dict.fromkeys(key for part in parts for key in part if key):
        arrays = [part.get(name, part[""]) for part in parts]
        kinds = {array.type for array in arrays} - {pa.null()}
        kind = kinds.pop() if len(kinds) == 1 else pa.string()
        columns[name] = pa.concat_arrays([array.cast(kind) for array in arrays])
    return columns


def _split_name(name: str) -> tuple[str, str]:
    """Return the key of a file, up to the first dot of its name, and its ending."""
    folder, _, base = name.rpartition("/")
    stem, dot, suffix = base.partition(".")
    return f"{folder}/{stem}", f"{dot}{suffix.rpartition('.')[2]}".lower()


def _parse(suffix: str, data: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        value = json.loads(data)
        if suffix == ".cls":
            return {"class": value}
        if isinstance(value, dict):
            return {
                key: each
                for key, each in value.items()
                if isinstance(each, str | int | float | None) and not str(key).endswith(PROBABILITY)
            }
    return {}
