"""The dataset folder: images.npy, metadata.parquet and dataset.json. Its only reader and writer."""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from facesmith.arrays import Booleans, Floats, Images
from facesmith.data.layouts.layout import is_set
from facesmith.data.source import MADE_WITH, RESERVED, attribute_names
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import atomic_file, atomic_folder, check_version, read_json, write_json
from facesmith.images.grid import face_sheet
from facesmith.images.notebook import object_html
from facesmith.images.provenance import Marks, encode_image, joint_marks
from facesmith.terms import terms_of
from facesmith.version import __version__

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT, VERSION = "facesmith-dataset", 1
IMAGES, METADATA, CARD, CACHE = "images.npy", "metadata.parquet", "dataset.json", "features"
COPY_IMAGES = 1024  # images read at a time to compute their digest
UNKNOWN = -1  # an attribute's value for an image without that label


@dataclass(frozen=True, eq=False)
class Dataset:
    """An open dataset folder. ``images`` is a read-only memory map, uint8 of shape (N, height, width, 3), RGB."""

    path: Path
    card: dict[str, Any]
    images: Images

    @property
    def name(self) -> str:
        return str(self.card["name"])

    @property
    def images_path(self) -> Path:
        """The array of all images, for readers that do not keep it mapped."""
        return self.path / IMAGES

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the images, in pixels."""
        width, height = self.card["size"]
        return int(width), int(height)

    @property
    def attributes(self) -> list[str]:
        return list(self.card["attributes"])

    @property
    def terms(self) -> str:
        """The terms of use: the strictest of those of the photos and of the models that generated images."""
        return terms_of(self.card)

    @property
    def fingerprint(self) -> str:
        """SHA-256 in hex over images and metadata: equal for equal datasets."""
        return str(self.card["fingerprint"])

    @property
    def marks(self) -> Marks | None:
        """The marks of a sheet that shows images of the dataset; None if no model generated or changed any."""
        models = self._models
        photos = [None] if sum(each["count"] for each in self.card.get("made_with") or []) < len(self) else []
        return joint_marks([*models, *photos])

    def image_marks(self, rows: Sequence[int]) -> list[Marks | None]:
        """Return the marks of each of these images: those of the model that generated or changed it, or None."""
        models = self._models
        if not models:
            return [None] * len(rows)
        numbers = self.metadata()[MADE_WITH]
        return [None if (number := numbers[int(row)].as_py()) is None else models[number] for row in rows]

    @property
    def _models(self) -> list[Marks]:
        return [
            Marks(entry["source_type"], entry["model"], entry["digest"], entry["terms"])
            for entry in self.card.get("made_with") or []
        ]

    def __len__(self) -> int:
        return len(self.images)

    def _repr_html_(self) -> str:
        """Return a table of facts and some of the images, for notebooks."""
        facts = {
            "images": f"{len(self):,}, {self.size[0]} x {self.size[1]} pixels",
            "attributes": ", ".join(self.attributes) or "none",
            "splits": ", ".join(f"{name} {count:,}" for name, count in (self.card.get("splits") or {}).items()),
            "source": (self.card.get("source") or {}).get("name"),
            "terms": self.terms,
            "skipped files": self.card.get("skipped_count") or None,
            "folder": self.path,
        }
        rows = np.linspace(0, len(self) - 1, min(16, len(self))).astype(int)
        sheet = [encode_image(face_sheet(self.images[rows], columns=8), "PNG", self.marks)] if len(self) else []
        return object_html(f"Dataset {self.name}", facts, sheet)

    def metadata(self) -> "pa.Table":
        """Return the metadata table. Row i describes image i: file, split, identity if known, and attributes."""
        pq = require("pyarrow.parquet", "data", "reading the metadata of a dataset")
        with (self.path / METADATA).open("rb") as file:  # pyarrow refuses paths that are not UTF-8
            return pq.read_table(file)

    def attribute_values(self) -> NDArray[np.int8]:
        """Return the attributes as int8 of shape (N, A) in the order of `attributes`: 1, 0 or `UNKNOWN`."""
        pa, table = require("pyarrow", "data", "reading labels"), self.metadata()
        values = np.full((len(self), len(self.attributes)), UNKNOWN, np.int8)
        for column, name in enumerate(self.attributes):
            values[:, column] = table[name].cast(pa.int8()).fill_null(UNKNOWN).to_numpy()
        return values

    def labels(self) -> Booleans:
        """Return the attributes as bool of shape (N, A) in the order of `attributes`; unknown is False."""
        return np.asarray(self.attribute_values() == 1)

    def cached(
        self,
        name: str,
        key: object,
        count: int,
        compute: Callable[[], Floats],
        warn: Callable[[str], None] | None = None,
    ) -> Floats:
        """Return ``compute()``, ``count`` rows, stored in the dataset folder under ``name`` for later calls.

        ``key`` is any JSON value that identifies what is computed; with a different key, it is computed again. If the
        folder cannot be written, ``warn`` is called and the values are computed again the next time.
        """
        values = self.read_cached(name, key, count)
        if values is not None:
            return values
        values = compute()
        path = self._cache_path(name)
        try:
            with atomic_file(path) as temporary:
                np.savez(temporary, key=np.array(json.dumps(key)), values=values)
        except OSError as error:
            if warn is not None:
                warn(
                    f"{name} of {self.path} is not stored because {path.parent} cannot be written to ({error.strerror})"
                )
        return values

    def read_cached(self, name: str, key: object, count: int) -> Floats | None:
        """Return the ``count`` rows that `cached` stored under this name and key, or None."""
        try:
            with self._cache_path(name).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                # Version 0.1 called the array "features" or "vectors".
                field = next(field for field in arrays.files if field != "key")
                if json.loads(str(arrays["key"])) == key and len(arrays[field]) == count:
                    return np.asarray(arrays[field], np.float32)
        except (OSError, ValueError, KeyError, EOFError, StopIteration, zipfile.BadZipFile):
            pass
        return None

    def _cache_path(self, name: str) -> Path:
        return self.path / CACHE / f"{name}.npz"


def open_dataset(path: Path | str) -> Dataset:
    """Open a dataset folder, or raise `FacesmithError` if it is missing, damaged or of a different version."""
    path = Path(path)
    if not path.is_dir():
        raise FacesmithError(f"{path} does not exist: create a dataset with facesmith data import")
    if not (path / CARD).is_file():
        if is_set(path):
            raise FacesmithError(f"{path} is a set of images, not a dataset: import it with facesmith data import")
        raise FacesmithError(f"{path} is not a complete dataset (it has no {CARD}): import it again")
    card = read_json(path / CARD, "a dataset's card")
    if not isinstance(card, dict):
        raise FacesmithError(f"{path / CARD} is not a dataset card: import the dataset again")
    check_version(card, FORMAT, VERSION, path / CARD)
    try:
        images = np.load(path / IMAGES, mmap_mode="r")
        width, height = card["size"]
        expected = (card["count"], height, width, card["channels"])
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise FacesmithError(
            f"{path} is damaged because its images cannot be opened ({error}): import it again"
        ) from None
    if images.dtype != np.uint8 or images.shape != expected:
        raise FacesmithError(
            f"{path} is damaged (its images are {images.dtype} {images.shape} instead of uint8 {expected}): import "
            "it again"
        )
    if not (path / METADATA).is_file():
        raise FacesmithError(f"{path} is damaged (it has no {METADATA}): import it again")
    return Dataset(path, card, images)


class DatasetWriter:
    """Writes a dataset folder: images first, in chunks or from another dataset, then `finish`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self._pixels = hashlib.sha256()
        self._size = (0, 0)

    @contextmanager
    def images(self, width: int, height: int, max_count: int, done: int = 0) -> Iterator["DatasetWriter"]:
        """Open images.npy for at most ``max_count`` images, to be written with `append`, behind ``done`` ones in it.

        Plain writes are used instead of a memory map, because pages written through a map count as memory of this
        process until they are on the disk.
        """
        self._size = (width, height)
        with (self.folder / IMAGES).open("r+b" if done else "w+b") as self._file:
            header_bytes = _write_npy_header(self._file, max_count, self._size)
            for _ in range(done):
                self._pixels.update(self._file.read(width * height * 3))
            self.count = done
            self._file.truncate()
            yield self
            if _write_npy_header(self._file, self.count, self._size) != header_bytes:
                raise AssertionError("the header of images.npy changed its length")  # NumPy pads it for any count
            self.flush()

    def flush(self) -> None:
        """Write what is appended to the disk."""
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
def new_dataset(path: Path, state: str = "") -> Iterator[DatasetWriter]:
    """Yield a writer for the new dataset folder ``path``, which appears when the block ends without an error.

    What is written is kept for the next call while its folder has a file ``state``.
    """
    with atomic_folder(path, "dataset", state) as folder:
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
