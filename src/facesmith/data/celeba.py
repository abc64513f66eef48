"""CelebA, in whatever of its official and mirrored layouts it lies on disk."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from facesmith.data import labels
from facesmith.data.archive import Listing
from facesmith.data.source import Source, metadata_table
from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import pyarrow as pa

ATTRIBUTES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
PARTITION = ("list_eval_partition.txt", "list_eval_partition.csv")
IDENTITY = ("identity_CelebA.txt", "identity_CelebA.csv")
PHOTO = re.compile(r"(?:.*/)?\d{6}\.(?:jpg|png)", re.IGNORECASE)
CREDIT = (
    "CelebA: Ziwei Liu, Ping Luo, Xiaogang Wang and Xiaoou Tang, Deep Learning Face Attributes in the Wild, ICCV 2015. "
    "For non-commercial research purposes only; the photos may not be published or passed on."
)


def is_celeba(listing: Listing) -> bool:
    """Whether a folder or zip looks like CelebA: by the name of its photos' folder or of an annotation file."""
    names = (*listing.entries, listing.root.resolve().name)
    known = (*ATTRIBUTES, *PARTITION, *IDENTITY, "img_align_celeba.zip", "img_align_celeba")
    return any(name.rpartition("/")[2] in known or "img_align_celeba/" in name for name in names)


def celeba_source(listing: Listing) -> Source:
    """CelebA as a source; its annotation files, all optional, are looked for inside ``listing`` and beside its root.

    Raises `FacesmithError` for a listing without CelebA's photos and for an annotation file of the wrong shape.
    """
    pictures = [name for name in listing.pictures() if PHOTO.fullmatch(name)]
    if not pictures:
        raise FacesmithError(
            f"{listing.root} looks like CelebA but holds no photo named like 000001.jpg: put img_align_celeba or "
            f"img_align_celeba.zip there"
        )
    names = [name.rpartition("/")[2] for name in pictures]
    attributes: dict[str, Any] = {}
    split = identity = None
    without = 0
    if found := _annotation(listing, ATTRIBUTES):
        table = read_attributes(*found)
        rows = labels.match_rows(names, table["file"])
        without = len(table) - len(np.unique(rows[rows >= 0]))
        attributes = {name: labels.take(table[name], rows) for name in table.column_names[1:]}
    if found := _annotation(listing, PARTITION):
        split = _column(*found, names)
        split = labels.splits(split, found[1])
    if found := _annotation(listing, IDENTITY):
        identity = _column(*found, names)
    return Source(
        kind="celeba",
        name="CelebA",
        fingerprint=listing.fingerprint(pictures),
        table=metadata_table(pictures, split, identity, attributes),
        handles=lambda rows: listing.handles([pictures[row] for row in rows]),
        credit=CREDIT,
        rows_without_image=without,
    )


def read_attributes(data: bytes, name: str) -> "pa.Table":
    """Parse list_attr_celeba in its text or CSV form: ``file``, then a bool column an attribute in the file's order."""
    import pyarrow as pa

    if name.endswith(".csv"):
        table = labels.read_table(data, name)
        return pa.table({"file": table.columns[0], **labels.signs(table, name)})
    head, _, body = data.partition(b"\n")
    if head.strip().isdigit():  # the number of rows, often wrong in subsets: the rows themselves are what counts
        head, _, body = body.partition(b"\n")
    names = head.decode("utf-8", "replace").split()
    if not names or len(set(names)) < len(names) or PHOTO.fullmatch(names[0]):
        raise FacesmithError(f"{name} is not CelebA's: the line before its rows must name the attributes, each once")
    table = labels.read_spaced(body, name, names, bits=8)
    return pa.table({"file": table["file"], **labels.signs(table, name)})


def _column(data: bytes, name: str, pictures: list[str]) -> Any:
    """The one number a picture that a partition or identity file gives, null where it does not name the picture."""
    import pyarrow as pa

    if name.endswith(".csv"):
        table = labels.read_table(data, name)
        if table.num_columns != 2 or not pa.types.is_integer(table.columns[1].type):
            raise FacesmithError(f"{name} is not CelebA's: it must have two columns, a picture and a whole number")
    else:
        table = labels.read_spaced(data, name, ["number"])
    return labels.take(table.columns[1], labels.match_rows(pictures, table.columns[0]))


def _annotation(listing: Listing, names: tuple[str, ...]) -> tuple[bytes, str] | None:
    for wanted in names:
        for name in listing.entries:
            if name.rpartition("/")[2] == wanted:
                return listing.read(name), wanted
    # img_align_celeba, zipped or not, given by itself: its annotations lie beside it
    for wanted in names:
        beside = listing.root.resolve().parent / wanted
        if beside.is_file():
            return beside.read_bytes(), wanted
    return None
