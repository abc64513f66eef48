"""Import photos with Ray Data, for sources that one machine would decode too slowly."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from facesmith.arrays import Integers
from facesmith.data.dataset import Dataset
from facesmith.data.decode_pool import Chunk, decode_into
from facesmith.data.import_state import dump_outcomes, load_outcomes
from facesmith.data.importer import ImportOptions, import_dataset
from facesmith.data.source import Source
from facesmith.data.sources.remote import ConnectionLostError
from facesmith.extras import require
from facesmith.images.crop import CropSpec

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 512  # photos of one task


def import_with_ray(source: str | Path, dataset: str | Path, **options: Unpack[ImportOptions]) -> Dataset:
    """Import photos with the workers of a Ray cluster. The dataset is the same as that of `import_dataset`.

    The workers read and decode; the calling process lists the source and writes the dataset. They must be able
    to read the source: an address such as ``s3://bucket/faces``, with the credentials in the environment of the
    workers, or a folder that all machines share. Starts a local Ray if none is running. Requires the ``ray`` extra.
    """
    ray, data = (require(module, "ray", "importing with Ray") for module in ("ray", "ray.data"))
    if not ray.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a local Ray reports its use to its makers
        ray.init()
    data.DataContext.get_current().execution_options.preserve_order = True
    data.DataContext.get_current().enable_progress_bars = False

    @contextmanager
    def decode(photos: Source, rows: Integers, spec: CropSpec) -> Iterator[Iterator[Chunk]]:
        import pyarrow as pa

        handles = ray.put(photos.handles)

        def decode_block(block: "pa.Table") -> "pa.Table":
            images = np.empty((len(block), spec.height, spec.width, 3), np.uint8)
            try:
                outcomes = decode_into(images, ray.get(handles)(block["row"].to_numpy()), spec)
            except ConnectionLostError as error:  # which Ray would turn into an error of its own
                return pa.table({"images": [b""], "outcomes": [""], "error": [str(error)]})
            count = sum(reason is None for reason, _ in outcomes)
            return pa.table(
                {"images": [images[:count].tobytes()], "outcomes": [dump_outcomes(outcomes)], "error": [""]}
            )

        blocks = [pa.table({"row": rows[start : start + BLOCK]}) for start in range(0, len(rows), BLOCK)]
        decoded = data.from_arrow(blocks).map_batches(decode_block, batch_size=None, batch_format="pyarrow")
        batches = decoded.iter_batches(batch_size=None, batch_format="pyarrow") if blocks else ()
        yield (_load_block(block, spec) for batch in batches for block in batch.to_pylist())

    return import_dataset(source, dataset, workers=1, decode=decode, **options)


def _load_block(block: dict[str, Any], spec: CropSpec) -> Chunk:
    """Return what a worker sent. Raises `ConnectionLostError` if it could not read the source any more."""
    if block["error"]:
        raise ConnectionLostError(block["error"])
    images = np.frombuffer(block["images"], np.uint8).reshape(-1, spec.height, spec.width, 3)
    return images, load_outcomes(block["outcomes"])
