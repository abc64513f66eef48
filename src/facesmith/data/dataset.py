"""A dataset on disk: the artefact every later step reads."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facesmith.data.source import RESERVED
from facesmith.errors import FacesmithError
from facesmith.files import check_version, read_json

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = "facesmith-dataset"
VERSION = 1
IMAGES, METADATA, CARD = "images.npy", "metadata.parquet", "dataset.json"


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset folder, opened. ``images`` is a read-only memory map, uint8 of shape (N, height, width, 3), RGB."""

    path: Path
    card: dict[str, Any]
    images: np.ndarray

    @property
    def name(self) -> str:
        return str(self.card["name"])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of every image, in pixels."""
        width, height = self.card["size"]
        return int(width), int(height)

    @property
    def attributes(self) -> list[str]:
        return list(self.card["attributes"])

    @property
    def fingerprint(self) -> str:
        """Hex sha256 over the images and the metadata: two datasets that agree in it are the same."""
        return str(self.card["fingerprint"])

    def __len__(self) -> int:
        return len(self.images)

    def metadata(self) -> "pa.Table":
        """The table whose row i describes image i: file, split, identity (where known), then the attributes."""
        import pyarrow.parquet as pq

        return pq.read_table(self.path / METADATA)

    def labels(self) -> np.ndarray:
        """The attributes as bool of shape (N, number of attributes), in the order of `attributes`; unknown is False."""
        table = self.metadata()
        labels = np.zeros((len(self), len(self.attributes)), bool)
        for column, name in enumerate(self.attributes):
            labels[:, column] = table[name].fill_null(False).to_numpy()
        return labels


def open_dataset(path: Path | str) -> Dataset:
    """Open a dataset folder; `FacesmithError` where it is missing, unfinished, damaged or of another version."""
    path = Path(path)
    if not path.is_dir():
        raise FacesmithError(f"{path} does not exist: make a dataset with facesmith data import")
    if not (path / CARD).is_file():
        raise FacesmithError(f"{path} is not a finished dataset, it has no {CARD}: import it again")
    card = read_json(path / CARD, "a dataset's card")
    if not isinstance(card, dict):
        raise FacesmithError(f"{path / CARD} is not a dataset's card: import the dataset again")
    check_version(card, FORMAT, VERSION, path / CARD)
    try:
        images = np.load(path / IMAGES, mmap_mode="r")
        width, height = card["size"]
        expected = (card["count"], height, width, card["channels"])
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise FacesmithError(f"{path} is damaged, its images cannot be opened ({error}): import it again") from None
    if images.dtype != np.uint8 or images.shape != expected:
        raise FacesmithError(
            f"{path} is damaged: its images are {images.dtype} {images.shape} where its card says uint8 {expected}: "
            f"import it again"
        )
    if not (path / METADATA).is_file():
        raise FacesmithError(f"{path} is damaged, it has no {METADATA}: import it again")
    return Dataset(path, card, images)


def write_metadata(table: "pa.Table", folder: Path) -> None:
    """Write the metadata of a dataset that is being made."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    (folder / METADATA).write_bytes(sink.getvalue())


def digest(images: bytes, table: "pa.Table") -> str:
    """A dataset's fingerprint: hex sha256 over the sha256 of its pixels and every value of the metadata.

    It does not depend on the version of the file formats.
    """
    found = hashlib.sha256(images)
    for name in table.column_names:
        column = table[name]
        found.update(f"\n{name}\n".encode())
        if name in ("file", "split"):
            found.update("\n".join("" if value is None else value for value in column.to_pylist()).encode())
        else:
            found.update(column.is_null().to_numpy().tobytes())
            found.update(column.fill_null(0 if name in RESERVED else False).to_numpy().tobytes())
    return found.hexdigest()
