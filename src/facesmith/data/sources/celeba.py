"""CelebA in its official layout and the common mirrored ones."""

import re
import zipfile
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

from facesmith.data.labels.columns import parse_identity, parse_signs, parse_splits
from facesmith.data.labels.matching import describe_match, match_rows
from facesmith.data.labels.table import decode_text, read_label_table, read_spaced_table, split_celeba_header
from facesmith.data.source import Note, Source, metadata_table, note
from facesmith.data.sources.file_listing import ATTRIBUTE_FILES, IDENTITY_FILES, PARTITION_FILES, FileListing
from facesmith.errors import FacesmithError, ImageError
from facesmith.files import printable
from facesmith.images.decode import image_size

if TYPE_CHECKING:
    import pyarrow as pa

SIBLING_FOLDERS = ("", "Anno", "Eval", "..", "../Anno", "../Eval")  # beside the photos, in CelebA's own layout
WILD_FOLDER = "img_celeba/"
SIZE_SAMPLE = 8  # photos whose sizes show whether they are aligned
CREDIT = (
    "CelebA: Ziwei Liu, Ping Luo, Xiaogang Wang and Xiaoou Tang, Deep Learning Face Attributes in the Wild, ICCV 2015. "
    "For non-commercial research purposes only; the photos may not be published or passed on."
)


def celeba_source(listing: FileListing, align: bool = False) -> Source:
    """Return CelebA as a source. Its annotation files are optional, and found inside the listing or beside its root.

    If aligned and original photos ("in the wild") are both there, the aligned ones are used. Raises `FacesmithError` if
    there are no photos, for original photos unless ``align``, and for an annotation file that cannot be parsed or names
    none of the photos.
    """
    files = listing.require_images()
    wild = [name for name in files if f"/{name}".rpartition(f"/{WILD_FOLDER}")[1]]
    notes = listing.unread_files({name for name in map(printable, listing.entries) if _is_celebas(name)})
    if len(wild) < len(files):
        notes += note("in-the-wild photos, not used because there are aligned photos", len(wild), wild)
        files = [name for name in files if name not in set(wild)]
    aligned = len(wild) < len(listing.images) and _have_one_size(listing, files)
    if not aligned and not align:
        raise FacesmithError(
            f"{listing.title} contains only CelebA's in-the-wild photos, which are not aligned: import them with "
            "--align, or add the folder img_align_celeba"
        )
    attributes: dict[str, Any] = {}
    split = identity = None
    unmatched_rows = 0
    names = [printable(file) for file in files]
    if annotation := _find_annotation(listing, ATTRIBUTE_FILES):
        table = read_attributes(*annotation)
        columns, unmatched_rows = _take(table, names, annotation[1], notes)
        attributes = dict(zip(table.column_names[1:], columns, strict=True))
    else:
        notes += note(
            "photos without attributes, because list_attr_celeba is neither in nor beside their folder", len(files)
        )
    if annotation := _find_annotation(listing, PARTITION_FILES):
        split = parse_splits(_read_number_column(*annotation, names, notes), annotation[1])
    if annotation := _find_annotation(listing, IDENTITY_FILES):
        identity = parse_identity(_read_number_column(*annotation, names, notes))
    return Source(
        kind="celeba",
        name="CelebA",
        fingerprint=listing.fingerprint(files),
        table=metadata_table(files, split, identity, attributes),
        handles=lambda rows: listing.handles([files[row] for row in rows]),
        credit=CREDIT,
        rows_without_image=unmatched_rows,
        notes=notes,
        aligned=aligned,
    )


def read_attributes(data: bytes, name: str) -> "pa.Table":
    """Parse list_attr_celeba as text or CSV: ``file``, then a bool column for each attribute, in the file's order."""
    import pyarrow as pa

    invalid_header = (
        f"{name} is not a CelebA attribute file (the header line does not name each attribute once): pass the original "
        "file"
    )
    if name.endswith(".csv"):
        table = read_label_table(data, name)
    elif celeba := split_celeba_header(decode_text(data, name)):
        attributes, rows = celeba
        if len(set(attributes)) < len(attributes):
            raise FacesmithError(invalid_header)
        table = read_spaced_table(rows, name, attributes)
    else:
        raise FacesmithError(invalid_header)
    columns = {column: parse_signs(table[column], column, name) for column in table.column_names[1:]}
    return pa.table({"file": table.columns[0], **columns})


def _take(table: "pa.Table", files: list[str], name: str, notes: list[Note]) -> tuple[list[Any], int]:
    """Return the columns of a table after the first for each photo, and the number of rows that name no photo."""
    keys = table.columns[0].to_pylist()
    match = match_rows(files, keys, copies=True)
    if not match:
        raise FacesmithError(
            f"{name} matches none of the photos: it contains {str(keys[0])!r}, but the photos have names such as "
            f"{files[0]!r}"
        )
    notes += describe_match(match, files, keys, name)
    return [match.take(column) for column in table.columns[1:]], len(match.unmatched)


def _read_number_column(data: bytes, name: str, files: list[str], notes: list[Note]) -> Any:
    """Return the cells of a partition or identity file for each photo, null where it does not name the photo."""
    is_csv = name.endswith(".csv")
    table = read_label_table(data, name) if is_csv else read_spaced_table(decode_text(data, name), name, ["number"])
    if table.num_columns != 2 or (len(table) and parse_identity(table.columns[1]) is None):
        raise FacesmithError(
            f"{name} is not a CelebA partition or identity file (expected two columns, a photo and a whole number): "
            "pass the original file"
        )
    unused: list[Note] = []
    columns, _ = _take(table, files, name, unused)
    notes += [entry for entry in unused if entry.text.startswith("photos")]  # most of its rows name photos elsewhere
    return columns[0]


def _have_one_size(listing: FileListing, files: list[str]) -> bool:
    """Return whether a sample of the photos has one size, as aligned photos have; unreadable ones do not count."""
    sizes = set()
    for name in files[:: -(-len(files) // SIZE_SAMPLE)]:
        try:
            opened = listing.entries[name].open()
            sizes.add(image_size(opened))
        except ImageError:
            continue
    return len(sizes) < 2


def _is_celebas(name: str) -> bool:
    """Return whether a file is an annotation of CelebA, even one that is not imported, such as list_bbox_celeba."""
    return re.fullmatch(r"(list_|identity_celeba).*\.(txt|csv)(\.zip)?", name.rpartition("/")[2].lower()) is not None


def _find_annotation(listing: FileListing, names: tuple[str, ...]) -> tuple[bytes, str] | None:
    """Return the bytes and the name of the first of these annotation files that exists."""
    entries = {entry.rpartition("/")[2].lower(): entry for entry in reversed(listing.entries)}  # the first of each name
    for name in names:
        if entry := entries.get(name.lower()):
            return listing.read(entry), name
    for name in names:  # as Kaggle's client downloads a single file
        if entry := entries.get(f"{name.lower()}.zip"):
            return _unpack(listing.read(entry), entry), name
    # If the source is img_align_celeba itself, zipped or not, its annotations are beside it.
    for name in names:
        sibling = listing.read_sibling(name, SIBLING_FOLDERS)
        if sibling is not None:
            return sibling, name
    return None


def _unpack(data: bytes, name: str) -> bytes:
    """Return the only file in a zip."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return archive.read(archive.infolist()[0])
    except (zipfile.BadZipFile, zlib.error, IndexError, RuntimeError, NotImplementedError, EOFError):
        raise FacesmithError(f"{name} is not a complete zip: unpack it, or download it again") from None
