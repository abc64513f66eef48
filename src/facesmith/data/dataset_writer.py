"""The only writer of dataset folders; `dataset` reads them."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from facesmith.arrays import Images
from facesmith.data.dataset import CARD, FORMAT, IMAGES, METADATA, VERSION, Dataset
from facesmith.data.metadata import RESERVED, attribute_names
from facesmith.files import atomic_folder, write_json
from facesmith.version import __version__

if TYPE_CHECKING:
    import pyarrow as pa

COPY_IMAGES = 1024  # images read at a time to compute their digest


class DatasetWriter:
    """Writes a dataset folder: images first, in chunks or from another dataset, then `finish`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self._pixels = hashlib.sha256()
        self._size = (0, 0)

    @contextmanager
    def images(self, width: int, height: int, max_count: int) -> Iterator["DatasetWriter"]:
        """Open images.npy for at most ``max_count`` images, to be written with `append`.

        Plain writes are used instead of a memory map, because pages written through a map count as memory of this
        process until they are on the disk.
        """
        self._size = (width, height)
        with (self.folder / IMAGES).open("wb") as self._file:
            header_bytes = _write_npy_header(self._file, max_count, self._size)
            yield self
            if _write_npy_header(self._file, self.count, self._size) != header_bytes:
                raise AssertionError("the header of images.npy changed its length")  # NumPy pads it for any count
            self._file.flush()
            os.fsync(self._file.fileno())

    def append(self, images: Images) -> None:
        data = np.ascontiguousarray(images).data
        self._file.write(data)
        self._pixels.update(data)
        self.count += len(images)

    def copy_images(self, dataset: Dataset) -> None:
        """Use the images of another dataset: as a hard link if the disk allows it, else as a copy."""
        self.count, self._size = len(dataset), dataset.size
        for start in range(0, len(dataset), COPY_IMAGES):
            self._pixels.update(np.ascontiguousarray(dataset.images[start : start + COPY_IMAGES]).data)
        try:
            os.link(dataset.path / IMAGES, self.folder / IMAGES)  # a dataset never changes, so two may share a file
        except OSError:
            shutil.copyfile(dataset.path / IMAGES, self.folder / IMAGES)

    def finish(self, table: "pa.Table", card: dict[str, Any]) -> None:
        """Write the metadata and the card; the card comes last, because it marks the folder as complete."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        (self.folder / METADATA).write_bytes(sink.getvalue())
        written_fields = {
            "format": FORMAT,
            "version": VERSION,
            "size": list(self._size),
            "channels": 3,
            "count": self.count,
            "attributes": attribute_names(table),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "facesmith": __version__,
            "fingerprint": dataset_digest(self._pixels.digest(), table),
        }
        write_json(self.folder / CARD, {**card, **written_fields})


@contextmanager
def new_dataset(path: Path) -> Iterator[DatasetWriter]:
    """Yield a writer for the new dataset folder ``path``, which appears when the block ends without an error."""
    with atomic_folder(path, "dataset") as folder:
        yield DatasetWriter(folder)


def dataset_digest(pixels: bytes, table: "pa.Table") -> str:
    """Return a dataset's fingerprint: SHA-256 in hex over the SHA-256 of its pixels and every value of the metadata.

    It does not depend on the versions of the file formats.
    """
    result = hashlib.sha256(pixels)
    for name in table.column_names:
        column = table[name]
        result.update(f"\n{name}\n".encode())
        if name in ("file", "split"):
            result.update("\n".join("" if value is None else value for value in column.to_pylist()).encode())
        else:
            result.update(column.is_null().to_numpy().tobytes())
            result.update(column.fill_null(0 if name in RESERVED else False).to_numpy().tobytes())
    return result.hexdigest()


def _write_npy_header(file: BinaryIO, count: int, size: tuple[int, int]) -> int:
    """Write the .npy header for ``count`` images at the front of the file, and return its length."""
    file.seek(0)
    shape = (count, size[1], size[0], 3)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.tell()
