"""Any folder or zip of photos, labelled by a table or by the names of its subfolders."""

import hashlib
from pathlib import Path

from facesmith.data.labels.label_file import labels_from_folders, labels_from_table
from facesmith.data.metadata import metadata_table, printable
from facesmith.data.sources.file_listing import FileListing
from facesmith.data.sources.source import Source
from facesmith.errors import FacesmithError
from facesmith.images.decode import FORMAT_NAMES

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
        labels = labels_from_table(*label_file, files)
    else:
        labels = labels_from_folders(files, skip=_common_folder(files) if is_zip else "")
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
