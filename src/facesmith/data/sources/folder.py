"""Any folder or zip of photos, labelled by tables or by the names of its subfolders."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from facesmith.data.source import (
    SPLIT_NUMBERS,
    SPLITS,
    Labels,
    Source,
    free_attribute_name,
    metadata_table,
)
from facesmith.data.sources.file_listing import FileListing
from facesmith.errors import FacesmithError
from facesmith.files import printable

MAX_ATTRIBUTE_FOLDERS = 256  # with more, a folder is a person, not an attribute
# In each folder, the first of these that exists is used: our own, Hugging Face's, facesmith's and StyleGAN's.
LABEL_FILES = tuple(f"labels.{suffix}" for suffix in ("csv", "tsv", "txt", "parquet", "jsonl", "json"))
LABEL_FILES += tuple(f"metadata.{suffix}" for suffix in ("csv", "jsonl", "parquet", "json"))
STYLEGAN_LABELS = "dataset.json"
LABEL_FILES += ("manifest.csv", "manifest.jsonl", STYLEGAN_LABELS)


def folder_source(listing: FileListing, labels_path: Path | None = None) -> Source:
    """Return the photos of a folder or zip as a source.

    Labels come from ``labels_path``, else from one of `LABEL_FILES` at the top of the folder or in each subfolder, else
    from the names of the subfolders. Raises `FacesmithError` if there is no photo, or if a table names none of them.
    """
    files = listing.require_images()
    is_zip = listing.is_archive
    # A zip usually contains one folder with everything. Its name says nothing about single photos.
    tables = _find_tables(listing, labels_path, _common_folder(list(listing.entries)) if is_zip else "")
    folders = _labels_from_folders(files, skip=_common_folder(files) if is_zip else "")
    labels = folders
    if any(PurePosixPath(name).name == STYLEGAN_LABELS for name in listing.entries):
        labels = Labels()  # its folders only limit the number of files in each
    if tables:
        from facesmith.data.labels.label_files import read_labels

        required = labels_path is not None or PurePosixPath(tables[0][1]).name.startswith("labels.")
        labels = read_labels(tables, files, required)
        labels.split = folders.split if labels.split is None else labels.split
    used = {title for _, title, _ in tables}
    # facesmith writes both tables, and like every dataset of the hub a README.md.
    used |= {title.replace("metadata.jsonl", "manifest.jsonl") for title in used} | {"README.md"}
    root = listing.root and listing.root.resolve()
    if root and labels_path is not None and labels_path.resolve().is_relative_to(root):
        used.add(printable(labels_path.resolve().relative_to(root).as_posix()))
    return Source(
        kind="folder",
        name=listing.name,
        fingerprint=hashlib.sha256((listing.fingerprint(files) + labels.digest).encode()).hexdigest(),
        table=metadata_table(files, labels.split, labels.identity, labels.attributes),
        handles=lambda rows: listing.handles([files[row] for row in rows]),
        terms=labels.terms,
        rows_without_image=labels.unmatched_rows,
        ignored_columns=labels.ignored_columns,
        notes=[*labels.notes, *listing.unread_files(used)],
    )


def _find_tables(listing: FileListing, path: Path | None, top: str) -> list[tuple[str, str, bytes]]:
    """Return the label tables: the folder of each, its name and its bytes."""
    if path is not None:
        try:
            return [("", printable(str(path)), path.read_bytes())]
        except OSError as error:
            raise FacesmithError(f"the labels {path} cannot be read: {error.strerror}") from None
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name in listing.entries:
        folder, slash, base = name.rpartition("/")
        if base.lower() in LABEL_FILES:
            by_folder[folder + slash].append(name)
    if top in by_folder:
        by_folder = {top: by_folder[top]}
    tables = []
    for folder, names in by_folder.items():
        name = min(names, key=lambda name: LABEL_FILES.index(name.rpartition("/")[2].lower()))
        data = listing.read(name)
        if name.endswith(STYLEGAN_LABELS) and not _has_labels(data):
            continue
        has_images = any(file.startswith(folder) for file in listing.images)
        tables.append((folder if has_images else "", printable(name), data))
    return tables


def _has_labels(data: bytes) -> bool:
    """Return whether StyleGAN's dataset.json has labels, which are optional; an unreadable one may have some."""
    try:
        return bool(json.loads(data)["labels"])
    except ValueError:
        return True
    except (KeyError, TypeError):
        return False


def _labels_from_folders(files: Sequence[str], skip: str = "") -> Labels:
    """Return one attribute for each folder name, unknown for a file in no folder; ``skip`` is a common prefix.

    Folders train, valid and test are splits. More than `MAX_ATTRIBUTE_FOLDERS` folders become identities.
    """
    import pyarrow as pa

    labels = Labels()
    parents = [printable(file[len(skip) :]).split("/")[:-1] for file in files]
    for depth in range(2 if len({tuple(parent[:1]) for parent in parents}) == 1 else 1):
        folders = [parent[depth].lower() if len(parent) > depth else "" for parent in parents]
        if all(folder in SPLIT_NUMBERS and folder.isalpha() for folder in folders):
            labels.split = pa.array([SPLITS[SPLIT_NUMBERS[folder]] for folder in folders], pa.string())
            parents = [parent[depth + 1 :] for parent in parents]
            break
    names = sorted({name for folders in parents for name in folders})
    in_no_folder = np.array([not folders for folders in parents])
    if len(names) > MAX_ATTRIBUTE_FOLDERS:
        numbers = {name: number for number, name in enumerate(names)}
        identities = np.array([numbers[folders[-1]] if folders else -1 for folders in parents])
        labels.identity = pa.array(identities, pa.int64(), mask=in_no_folder)
        return labels
    columns = {name: column for column, name in enumerate(names)}
    values = np.zeros((len(names), len(files)), bool)
    for row, folders in enumerate(parents):
        for name in folders:
            values[columns[name], row] = True
    for name in names:
        column = pa.array(values[columns[name]], pa.bool_(), mask=in_no_folder)
        labels.attributes[free_attribute_name(name, list(labels.attributes))] = column
    return labels


def _common_folder(names: Sequence[str]) -> str:
    """Return the top folder that contains all names, with its slash, or an empty string."""
    tops = {name.partition("/")[0] if "/" in name else "" for name in names}
    return f"{tops.pop()}/" if len(tops) == 1 and "" not in tops else ""
