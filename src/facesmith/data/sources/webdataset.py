"""WebDataset: tar archives with an image and its labels, as JSON or a class, under the same key."""

import json
import tarfile
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from facesmith.data.labels.columns import PROBABILITY, type_columns
from facesmith.data.source import Handle, Source, metadata_table
from facesmith.data.sources.file_listing import FileHandle, FileListing
from facesmith.data.sources.parquet import split_of_file
from facesmith.data.sources.remote import RemoteFile
from facesmith.errors import FacesmithError
from facesmith.files import printable
from facesmith.images.decode import FORMAT_NAMES, SUFFIXES

MAX_LABEL_BYTES = 2**20  # of one JSON file


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
    for name in archives:
        pictures, rows = _read_archive(listing.files[name])
        files += [f"{printable(name)}/{member}" for member in pictures]
        members += pictures.values()
        splits += [split_of_file(printable(name))] * len(pictures)
        parts.append(_columns(rows))
    if not files:
        raise FacesmithError(
            f"{listing.title} contains no images: its tar archives contain no files in a supported format "
            f"({FORMAT_NAMES}): check the folder"
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
        notes=labels.notes,
    )


def _read_archive(file: FileHandle | RemoteFile) -> tuple[dict[str, Handle], list[dict[str, Any]]]:
    """Return the images of an archive by name, in order, and the labels of each."""
    pictures: dict[str, Handle] = {}
    labels: dict[str, dict[str, Any]] = {}
    try:
        with file.stream() as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                if not member.isfile():
                    continue
                key, suffix = _split_name(member.name)
                if suffix in SUFFIXES:
                    pictures[member.name] = file.part(member.offset_data, member.size)
                elif suffix in (".json", ".cls") and member.size < MAX_LABEL_BYTES:
                    content = archive.extractfile(member)
                    labels.setdefault(key, {}).update(_parse(suffix, content.read() if content else b""))
    except (tarfile.TarError, OSError, EOFError) as error:
        raise FacesmithError(f"{printable(file.path)} cannot be read as a tar archive: {error}") from None
    return pictures, [labels.get(_split_name(name)[0], {}) for name in pictures]


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
