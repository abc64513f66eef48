"""The dataset folder: images.npy, metadata.parquet and dataset.json. Its only reader; `dataset_writer` writes it."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facesmith.arrays import Booleans, Floats, Images
from facesmith.errors import FacesmithError
from facesmith.files import atomic_file, check_version, read_json

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT, VERSION = "facesmith-dataset", 1
IMAGES, METADATA, CARD, CACHE = "images.npy", "metadata.parquet", "dataset.json", "features"
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
    def fingerprint(self) -> str:
        """SHA-256 in hex over images and metadata: equal for equal datasets."""
        return str(self.card["fingerprint"])

    def __len__(self) -> int:
        return len(self.images)

    def metadata(self) -> "pa.Table":
        """Return the table whose row i describes image i: file, split, identity if known, then the attributes."""
        import pyarrow.parquet as pq

        return pq.read_table(self.path / METADATA)

    def attribute_values(self) -> NDArray[np.int8]:
        """Return the attributes as int8 of shape (N, A) in the order of `attributes`: 1, 0 or `UNKNOWN`."""
        import pyarrow as pa

        table = self.metadata()
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

        ``key`` is any JSON value that identifies what is computed; another key is computed again. If the folder cannot
        be written, ``warn`` is called and the values are computed again the next time.
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
                warn(f"{name} of {self.path} is not stored, {path.parent} cannot be written ({error.strerror})")
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
    """Open a dataset folder, or raise `FacesmithError` if it is missing, unfinished, damaged or of another version."""
    path = Path(path)
    if not path.is_dir():
        raise FacesmithError(f"{path} does not exist: create a dataset with facesmith data import")
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
