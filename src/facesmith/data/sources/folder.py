"""Any folder or zip of photos, labelled by a table or by the names of its subfolders."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.data.source import Labels, Source, free_attribute_name, metadata_table, printable
from facesmith.data.sources.file_listing import FileListing
from facesmith.errors import FacesmithError
from facesmith.images.decode import FORMAT_NAMES

MAX_ATTRIBUTE_FOLDERS = 256  # with more, a folder is a person, not an attribute
LABEL_FILES = ("labels.csv", "labels.parquet", "metadata.csv")


def folder_source(listing: FileListing, labels_path: Path | None = None) -> Source:
    """Return the photos of a folder or zip as a source.

    Labels come from ``labels_path``, else from one of `LABEL_FILES` at the top of the folder, else from the names of
    the subfolders. Raises `FacesmithError` if there is no photo, or if the table names none of them.
    """
    files = listing.image_files()
    if not files:
        raise FacesmithError(f"{listing.root} holds no picture: {FORMAT_NAMES} files are read")
    is_zip = listing.root.is_file()
    # A zip usually contains one folder with everything. Its name says nothing about single photos.
    wrapper = _common_folder(list(listing.entries)) if is_zip else ""
    label_file = _find_label_file(listing, labels_path, wrapper)
    if label_file:
        from facesmith.data.labels.matching import labels_from_table

        labels = labels_from_table(*label_file, files)
    else:
        labels = _labels_from_folders(files, skip=_common_folder(files) if is_zip else "")
    root = listing.root.resolve()
    return Source(
        kind="folder",
        name=printable(root.stem if is_zip else root.name),
        fingerprint=hashlib.sha256((listing.fingerprint(files) + labels.digest).encode()).hexdigest(),
        table=metadata_table(files, labels.split, labels.identity, labels.attributes),
        handles=lambda rows: listing.handles([files[row] for row in rows]),
        rows_without_image=labels.unmatched_rows,
        ignored_columns=tuple(labels.ignored_columns),
        notes=labels.notes,
    )


def _find_label_file(listing: FileListing, path: Path | None, wrapper: str) -> tuple[bytes, str] | None:
    """Return the bytes and the name of the label file, if there is one."""
    if path is not None:
        try:
            return path.read_bytes(), str(path)
        except OSError as error:
            raise FacesmithError(f"the labels {path} cannot be read: {error.strerror}") from None
    name = next((wrapper + name for name in LABEL_FILES if wrapper + name in listing.entries), None)
    return None if name is None else (listing.read(name), name)


def _common_folder(names: list[str]) -> str:
    """Return the top folder that contains all names, with its slash, or an empty string."""
    tops = {name.partition("/")[0] if "/" in name else "" for name in names}
    return f"{tops.pop()}/" if len(tops) == 1 and "" not in tops else ""


def _labels_from_folders(files: Sequence[str], skip: str = "") -> Labels:
    """Return one attribute for each folder name, unknown for a file in no folder; ``skip`` is a common prefix.

    More than `MAX_ATTRIBUTE_FOLDERS` folders become identities.
    """
    import pyarrow as pa

    parents = [printable(file[len(skip) :]).split("/")[:-1] for file in files]
    names = sorted({name for folders in parents for name in folders})
    in_no_folder = np.array([not folders for folders in parents])
    if len(names) > MAX_ATTRIBUTE_FOLDERS:
        numbers = {name: number for number, name in enumerate(names)}
        identities = np.array([numbers[folders[-1]] if folders else -1 for folders in parents])
        return Labels(identity=pa.array(identities, pa.int64(), mask=in_no_folder))
    columns = {name: column for column, name in enumerate(names)}
    values = np.zeros((len(names), len(files)), bool)
    for row, folders in enumerate(parents):
        for name in folders:
            values[columns[name], row] = True
    attributes: dict[str, Any] = {}
    for name in names:
        column = pa.array(values[columns[name]], pa.bool_(), mask=in_no_folder)
        attributes[free_attribute_name(name, list(attributes))] = column
    return Labels(attributes=attributes)
