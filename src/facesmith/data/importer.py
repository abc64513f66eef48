"""Import photos into a dataset: find them, select some, decode them on all cores and write the dataset folder."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from facesmith.arrays import Integers
from facesmith.data.dataset import Dataset, DatasetWriter, dataset_digest, new_dataset, open_dataset
from facesmith.data.decode_pool import Chunk, Outcome, decode_all
from facesmith.data.import_state import STATE, ImportState, load_state
from facesmith.data.layouts.layout import set_credit
from facesmith.data.made_with import add_provenance
from facesmith.data.selection import parse_shard, select_rows
from facesmith.data.source import SPLITS, Source
from facesmith.data.sources.registry import open_source
from facesmith.data.sources.remote import ConnectionLostError
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import exists, printable
from facesmith.images.crop import CropSpec, parse_crop_spec
from facesmith.machine import worker_count
from facesmith.progress import progress
from facesmith.version import __version__

if TYPE_CHECKING:
    import pyarrow as pa

# Yields the decoded images of ascending rows of a source, in chunks, and what became of each row.
Decode = Callable[[Source, Integers, CropSpec], AbstractContextManager[Iterator[Chunk]]]
SPARE_BYTES = 32 * 2**20  # left free on the disk beside the images, for the metadata and the system


class ImportOptions(TypedDict, total=False):
    """The options of `import_dataset` for an import that other machines decode."""

    size: str | int
    crop: str
    resize: str
    where: str | None
    limit: int | None
    seed: int
    labels: str | Path | None
    name: str | None
    shard: str | None
    quiet: bool


def import_dataset(
    source: str | Path,
    dataset: str | Path,
    *,
    size: str | int = "64",
    crop: str = "fit",
    resize: str = "lanczos",
    where: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    labels: str | Path | None = None,
    align: bool = False,
    name: str | None = None,
    shard: str | None = None,
    workers: int | None = None,
    decode: Decode | None = None,
    quiet: bool = False,
) -> Dataset:
    """Import photos into a new dataset folder and open it.

    Args:
        source: a folder or zip with CelebA or any photos, Parquet files with a column of images, WebDataset archives,
            the address of any of these for fsspec such as ``s3://bucket/faces``, ``hf:OWNER/NAME``, or
            ``builtin[:STYLE][:COUNT]``.
        dataset: the folder to create.
        size: "64", or "80x100" for width x height, in pixels.
        crop: the part of a photo that is kept: ``fit`` (the largest centred part with the aspect ratio of ``size``),
            ``none`` (the whole photo, stretched), ``center:SIDE`` or ``box:X,Y,W,H`` in pixels.
        resize: the antialiased filter: lanczos, bicubic, bilinear or box.
        where: an expression over attributes, split and identity, for example ``Male & ~Eyeglasses & split == train``.
        limit: import at most this many photos, selected at random by ``seed`` and kept in their order.
        seed: random seed of that selection and of the built-in faces.
        labels: a CSV, Parquet, JSON or text file with the labels of a folder or zip of photos.
        align: find every face in ordinary photos and align it as in CelebA. Each face becomes one image; ``crop``
            applies to CelebA's frame of 178 x 218. ``limit`` counts photos. Requires the ``photos`` extra.
        name: the dataset's name. Default: the name of the source.
        shard: "2/4" imports the second of four parts of the selected photos; `merge_datasets` joins the parts.
        workers: number of processes; defaults to the number of usable cores.
        decode: a function that yields the decoded photos instead of these processes; see `import_with_ray`.
        quiet: show no progress.

    A photo that cannot be read is skipped, and listed with the reason in the dataset's card. If an import is killed,
    interrupted or loses its connection after 20 seconds or more, the same call resumes it. Raises `FacesmithError` for
    invalid arguments, an invalid source or a disk that cannot be written to; nothing is left behind then.
    """
    workers = worker_count(workers)
    decode = decode or (lambda photos, rows, spec: decode_all(photos.handles(rows), spec, workers))
    folder = Path(dataset)
    spec = parse_crop_spec(str(size), crop, resize)
    require("pyarrow", "data", "importing a dataset")
    part = parse_shard(shard)
    with _unusable_paths_as_messages(folder), new_dataset(folder, STATE) as writer:
        photos = open_source(str(source), spec, seed, None if labels is None else Path(labels), align, quiet)
        rows = select_rows(photos.table, where, limit, seed, part)
        alignment: dict[str, Any] = {}
        if align:
            from facesmith.data.sources.aligned_faces import ALIGNMENT, aligned_source

            photos = aligned_source(photos, rows, spec, workers, quiet)
            rows = np.arange(len(photos.table))
            alignment = {"alignment": ALIGNMENT}
        key = {
            "source": photos.fingerprint,
            "rows": hashlib.sha256(rows.tobytes()).hexdigest(),
            "table": dataset_digest(b"", photos.table),
            "crop": [spec.width, spec.height, crop, resize, align],
            "facesmith": __version__,
        }
        state = load_state(writer.folder, key)
        needed = (len(rows) - state.image_count) * spec.pixels * 3 + SPARE_BYTES
        check_free_space(folder, needed, "import fewer images (--limit) or smaller ones (--size)")
        try:
            _write_images(photos, rows, spec, writer, state, decode, quiet)
        except (OSError, FacesmithError) as error:
            if not isinstance(error, ConnectionLostError):
                state.remove()
            raise
        table, provenance, skipped = _result(source, photos, rows, state.outcomes)
        split_counts = {entry["values"]: entry["counts"] for entry in table["split"].value_counts().to_pylist()}
        card = {
            "name": name or photos.name,
            "source": {
                "kind": photos.kind,
                "name": photos.name,
                "fingerprint": photos.fingerprint,
                "credit": photos.credit or set_credit(Path(source)),
            },
            **provenance,
            "crop": crop,
            "resize": resize,
            **alignment,
            "where": where,
            "limit": limit,
            "seed": seed,
            **({} if shard is None else {"shard": list(part)}),
            "splits": {split: split_counts[split] for split in SPLITS if split in split_counts},
            "skipped": skipped,
            "skipped_count": len(skipped),
            "rows_without_image": photos.rows_without_image,
            "ignored_columns": list(photos.ignored_columns),
            "notes": [asdict(note) for note in photos.notes],
        }
        state.remove()
        writer.finish(table, card)
    return open_dataset(folder)


def _write_images(
    source: Source,
    rows: Integers,
    spec: CropSpec,
    writer: DatasetWriter,
    state: ImportState,
    decode: Decode,
    quiet: bool,
) -> None:
    """Decode and write the photos of those ``rows`` whose outcomes are not in ``state``, and add these."""
    with (
        writer.images(spec.width, spec.height, len(rows), state.image_count),
        decode(source, rows[len(state.outcomes) :], spec) as chunks,
        progress(len(rows), "importing", shown=not quiet) as bar,
    ):
        bar.update(len(state.outcomes))
        for images, outcomes in chunks:
            writer.append(images)
            if state.add(outcomes):
                writer.flush()
                state.save()
            bar.update(len(outcomes))


def _result(
    name: str | Path, source: Source, rows: Integers, outcomes: Sequence[Outcome]
) -> "tuple[pa.Table, dict[str, Any], list[dict[str, str]]]":
    """Return the metadata of the written photos, the card's entries on terms and models, and the skipped photos.

    Raises `FacesmithError`, which names the source, if every photo was skipped.
    """
    files = source.table["file"]
    skipped = source.skipped + [
        {"file": files[int(row)].as_py(), "reason": reason}
        for row, (reason, _) in zip(rows, outcomes, strict=True)
        if reason is not None
    ]
    written = [number for number, (reason, _) in enumerate(outcomes) if reason is None]
    if not written:
        raise FacesmithError(
            f"{name} contains no usable images: check the files, for example {skipped[0]['file']} "
            f"({skipped[0]['reason']})"
        )
    marks = [outcomes[number][1] if source.marks is None else source.marks[rows[number]] for number in written]
    table, provenance = add_provenance(source.table.take(rows[written]).combine_chunks(), marks, source)
    return table, provenance, skipped


def check_free_space(folder: Path, needed: int, advice: str) -> None:
    """Raise `FacesmithError` if this many bytes do not fit on the disk of a folder."""
    place = Path(os.path.realpath(folder))  # Path.resolve raises an error for links that lead in a circle
    usage = shutil.disk_usage(next(parent for parent in (place, *place.parents) if exists(parent)))
    free = usage.free
    if needed > free and usage.total:
        raise FacesmithError(
            f"{folder} needs {_amount(needed)}, but its disk has only {_amount(free)} free: free up disk "
            f"space, or {advice}"
        )


def _amount(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


@contextmanager
def _unusable_paths_as_messages(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise
        file = printable(str(error.filename or folder))
        raise FacesmithError(f"{file} cannot be used: {error.strerror}") from None
