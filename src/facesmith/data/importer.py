"""Import photos into a dataset: find them, select some, decode them on all cores and write the dataset folder."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facesmith.arrays import Integers
from facesmith.data.dataset import Dataset, DatasetWriter, new_dataset, open_dataset
from facesmith.data.decode_pool import decode_all
from facesmith.data.made_with import add_provenance
from facesmith.data.source import SPLITS, Source
from facesmith.data.sources.file_listing import list_files
from facesmith.data.sources.folder import folder_source
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import printable
from facesmith.images.crop import CropSpec, parse_crop_spec
from facesmith.images.provenance import Marks
from facesmith.machine import worker_count
from facesmith.progress import progress

if TYPE_CHECKING:
    import pyarrow as pa

SPARE_BYTES = 32 * 2**20  # left free on the disk beside the images, for the metadata and the system


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
    workers: int | None = None,
    quiet: bool = False,
) -> Dataset:
    """Import photos into a new dataset folder and open it.

    Args:
        source: a folder or zip with CelebA or any photos, Parquet files with a column of images, ``hf:OWNER/NAME``, or
            ``builtin[:STYLE][:COUNT]``.
        dataset: the folder to create.
        size: "64", or "80x100" for width x height, in pixels.
        crop: the part of a photo that is kept: ``fit`` (the largest centred part with the size's aspect), ``none``
            (all of it, stretched), ``center:SIDE`` or ``box:X,Y,W,H`` in pixels.
        resize: the antialiased filter: lanczos, bicubic, bilinear or box.
        where: an expression over attributes, split and identity, for example ``Male & ~Eyeglasses & split == train``.
        limit: import at most this many photos, selected at random by ``seed`` and kept in their order.
        seed: random seed of that selection and of the built-in faces.
        labels: a CSV or Parquet file with the labels of a folder or zip of photos.
        align: find every face in ordinary photos and align it like CelebA's: one image for each face, cropped by
            ``crop`` out of CelebA's frame of 178 x 218. ``limit`` counts photos. Requires the ``photos`` extra.
        name: the dataset's name. Default: the name of the source.
        workers: number of processes; defaults to the number of usable cores.
        quiet: show no progress.

    A photo that cannot be read is skipped, and listed with the reason in the dataset's card. Raises `FacesmithError`
    for invalid arguments, an invalid source or a disk that cannot be written, and then leaves nothing behind.
    """
    folder = Path(dataset)
    spec = parse_crop_spec(str(size), crop, resize)
    require("pyarrow", "data", "importing a dataset")
    workers = worker_count(workers)
    with _unusable_paths_as_messages(folder), new_dataset(folder) as writer:
        photos = open_source(str(source), spec, seed, None if labels is None else Path(labels), align, quiet)
        rows = select_rows(photos.table, where, limit, seed)
        alignment: dict[str, Any] = {}
        if align:
            from facesmith.data.sources.aligned_faces import ALIGNMENT, aligned_source

            photos = aligned_source(photos, rows, spec, workers, quiet)
            rows = np.arange(len(photos.table))
            alignment = {"alignment": ALIGNMENT}
        _check_free_space(folder, len(rows) * spec.pixels * 3)
        written_rows, marks, skipped = _write_images(photos, rows, spec, writer, workers, quiet)
        skipped = photos.skipped + skipped
        if not len(written_rows):
            raise FacesmithError(
                f"{source} contains no usable image: all {len(rows):,} were skipped; for example, "
                f"{skipped[0]['file']}: {skipped[0]['reason']}"
            )
        table = photos.table.take(written_rows).combine_chunks()
        table, provenance = add_provenance(table, marks, photos)
        split_counts = {entry["values"]: entry["counts"] for entry in table["split"].value_counts().to_pylist()}
        card = {
            "name": name or photos.name,
            "source": {
                "kind": photos.kind,
                "name": photos.name,
                "fingerprint": photos.fingerprint,
                "credit": photos.credit,
            },
            **provenance,
            "crop": crop,
            "resize": resize,
            **alignment,
            "where": where,
            "limit": limit,
            "seed": seed,
            "splits": {split: split_counts[split] for split in SPLITS if split in split_counts},
            "skipped": skipped,
            "skipped_count": len(skipped),
            "rows_without_image": photos.rows_without_image,
            "ignored_columns": list(photos.ignored_columns),
            "notes": [asdict(note) for note in photos.notes],
        }
        writer.finish(table, card)
    return open_dataset(folder)


def open_source(
    source: str, spec: CropSpec, seed: int = 0, labels: Path | None = None, align: bool = False, quiet: bool = True
) -> Source:
    """List the photos of a source, or raise `FacesmithError`. The text before a colon decides the kind of source."""
    if not source.strip():
        raise FacesmithError("the source is empty: pass a folder or a zip of photos")
    kind = source.partition(":")[0]
    if labels is not None and kind in ("builtin", "hf"):
        raise FacesmithError(f"{source} has its own labels: omit labels, which apply only to folders and zips")
    if kind == "builtin":
        from facesmith.data.sources.builtin import builtin_source

        # Drawn at twice the size, and resized like a photo. A crop in pixels needs a fixed size to crop from.
        side = 2 * max(spec.width, spec.height) if spec.crop in ("fit", "none") else 256
        return builtin_source(source, seed, side)
    if kind == "hf":
        from facesmith.data.sources.hub import hub_source

        return hub_source(source, quiet=quiet)
    path = Path(source)
    if path.is_file() and path.suffix.lower() == ".tar":
        from facesmith.data.sources.webdataset import webdataset_source

        return webdataset_source(path, [(path.name, path)])
    listing = list_files(path)
    if parquet := listing.parquet_files():
        from facesmith.data.sources.parquet import parquet_source

        return parquet_source(listing.root, parquet)
    if archives := listing.tar_files():
        from facesmith.data.sources.webdataset import webdataset_source

        return webdataset_source(listing.root, archives)
    if labels is None and listing.is_celeba():
        from facesmith.data.sources.celeba import celeba_source

        return celeba_source(listing, align)
    return folder_source(listing, labels)


def select_rows(table: "pa.Table", where: str | None, limit: int | None, seed: int) -> Integers:
    """Return the ascending row numbers, int64 of shape (N,), that match ``where``, or a random ``limit`` of them.

    The same table, ``where``, ``limit`` and ``seed`` give the same rows. Raises `FacesmithError` for an invalid
    expression and if no row is left.
    """
    rows = np.arange(len(table))
    if where is not None:
        from facesmith.data.filters import match_filter

        rows = np.flatnonzero(match_filter(table, where))
    if not len(table):
        raise FacesmithError("the source has no rows: choose another source")
    if not len(rows):
        raise FacesmithError(f"none of the {len(table):,} images matches {where!r}: use a less strict expression")
    if limit is None:
        return rows
    if limit < 1:
        raise FacesmithError(f"invalid limit {limit}: expected 1 or more")
    if limit >= len(rows):
        return rows
    return np.sort(np.random.default_rng(abs(seed)).choice(rows, limit, replace=False))


def _write_images(
    source: Source, rows: Integers, spec: CropSpec, writer: DatasetWriter, workers: int, quiet: bool
) -> tuple[Integers, list[Marks | None], list[dict[str, str]]]:
    """Decode and write the photos of ``rows``; returns the rows written, their marks, and the skipped with reasons."""
    names = source.table["file"]
    written_rows: list[int] = []
    written_marks: list[Marks | None] = []
    skipped: list[dict[str, str]] = []
    remaining = iter(rows)
    with (
        writer.images(spec.width, spec.height, len(rows)),
        decode_all(source.handles(rows), spec, workers) as chunks,
        progress(len(rows), "importing", shown=not quiet) as bar,
    ):
        for images, outcomes in chunks:
            writer.append(images)
            for (reason, marks), row in zip(outcomes, remaining, strict=False):
                if reason is None:
                    written_rows.append(int(row))
                    written_marks.append(marks if source.marks is None else source.marks[int(row)])
                else:
                    skipped.append({"file": names[int(row)].as_py(), "reason": reason})
            bar.update(len(outcomes))
    return np.asarray(written_rows, np.int64), written_marks, skipped


def _check_free_space(folder: Path, needed: int) -> None:
    """Raise `FacesmithError` if the images do not fit on the disk."""
    parent = next(parent for parent in folder.resolve().parents if parent.exists())
    free = shutil.disk_usage(parent).free
    if needed + SPARE_BYTES > free:
        raise FacesmithError(
            f"{folder} needs {needed / 1e9:.1f} GB, but its disk has only {free / 1e9:.1f} GB free: free up disk "
            "space, or import fewer images (--limit) or smaller ones (--size)"
        )


@contextmanager
def _unusable_paths_as_messages(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise
        file = printable(str(error.filename or folder))
        raise FacesmithError(f"{file} cannot be used: {error.strerror}") from None
