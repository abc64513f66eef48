"""CelebA in its official layout and the common mirrored ones."""

import re
from typing import TYPE_CHECKING, Any

from facesmith.data.labels.matching import match_rows
from facesmith.data.labels.table import (
    parse_identity,
    parse_signs,
    parse_splits,
    read_label_table,
    read_spaced_table,
    without_byte_order_mark,
)
from facesmith.data.source import Note, Source, metadata_table
from facesmith.data.sources.file_listing import ATTRIBUTE_FILES, IDENTITY_FILES, PARTITION_FILES, FileListing
from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import pyarrow as pa

PHOTO_NAME = re.compile(r"(?:.*/)?\d{6}\.(?:jpg|png)", re.IGNORECASE)
CREDIT = (
    "CelebA: Ziwei Liu, Ping Luo, Xiaogang Wang and Xiaoou Tang, Deep Learning Face Attributes in the Wild, ICCV 2015. "
    "For non-commercial research purposes only; the photos may not be published or passed on."
)


def celeba_source(listing: FileListing) -> Source:
    """Return CelebA as a source. Its annotation files are optional, and found inside the listing or next to its root.

    Raises `FacesmithError` if there are no photos, or an annotation file cannot be parsed.
    """
    files = [name for name in listing.image_files() if PHOTO_NAME.fullmatch(name)]
    if not files:
        raise FacesmithError(
            f"{listing.root} looks like CelebA but holds no photo named like 000001.jpg: put img_align_celeba or "
            f"img_align_celeba.zip there"
        )
    attributes: dict[str, Any] = {}
    split = identity = None
    unmatched_rows = 0
    notes: list[Note] = []
    if annotation := _find_annotation(listing, ATTRIBUTE_FILES):
        table = read_attributes(*annotation)
        match = match_rows(files, table["file"], annotation[1])
        unmatched_rows, notes = match.unmatched_rows, match.notes
        attributes = {name: match.take(table[name]) for name in table.column_names[1:]}
    if annotation := _find_annotation(listing, PARTITION_FILES):
        split = parse_splits(_read_number_column(*annotation, files), annotation[1])
    if annotation := _find_annotation(listing, IDENTITY_FILES):
        identity = parse_identity(_read_number_column(*annotation, files))
    return Source(
        kind="celeba",
        name="CelebA",
        fingerprint=listing.fingerprint(files),
        table=metadata_table(files, split, identity, attributes),
        handles=lambda rows: listing.handles([files[row] for row in rows]),
        credit=CREDIT,
        rows_without_image=unmatched_rows,
        notes=notes,
    )


def read_attributes(data: bytes, name: str) -> "pa.Table":
    """Parse list_attr_celeba as text or CSV: ``file``, then a bool column for each attribute, in the file's order."""
    import pyarrow as pa

    if name.endswith(".csv"):
        table = read_label_table(data, name)
    else:
        header, _, body = without_byte_order_mark(data).partition(b"\n")
        if header.strip().isdigit():  # the number of rows, which is often wrong for subsets
            header, _, body = body.partition(b"\n")
        attributes = header.decode("utf-8", "replace").split()
        if not attributes or len(set(attributes)) < len(attributes) or PHOTO_NAME.fullmatch(attributes[0]):
            raise FacesmithError(f"{name} is not CelebA's: the line before its rows must name each attribute once")
        table = read_spaced_table(body, name, attributes)
    columns = {column: parse_signs(table[column], column, name) for column in table.column_names[1:]}
    return pa.table({"file": table.columns[0], **columns})


def _read_number_column(data: bytes, name: str, files: list[str]) -> Any:
    """Return the cells of a partition or identity file for each photo, null where it does not name the photo."""
    table = read_label_table(data, name) if name.endswith(".csv") else read_spaced_table(data, name, ["number"])
    if table.num_columns != 2 or (len(table) and parse_identity(table.columns[1]) is None):
        raise FacesmithError(f"{name} is not CelebA's: expected two columns, a photo and a whole number")
    return match_rows(files, table.columns[0], name).take(table.columns[1])


def _find_annotation(listing: FileListing, names: tuple[str, ...]) -> tuple[bytes, str] | None:
    """Return the bytes and the name of the first of these annotation files that exists."""
    for name in names:
        for entry in listing.entries:
            if entry.rpartition("/")[2] == name:
                return listing.read(entry), name
    # If the source is img_align_celeba itself, zipped or not, its annotations are beside it.
    for name in names:
        sibling = listing.root.resolve().parent / name
        if sibling.is_file():
            return sibling.read_bytes(), name
    return None
