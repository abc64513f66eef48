"""Photos to dataset: find the pictures, choose some, decode them on all cores, write the dataset folder."""

import errno
import gc
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from facesmith.data.archive import list_source
from facesmith.data.celeba import celeba_source, is_celeba
from facesmith.data.dataset import CARD, FORMAT, IMAGES, VERSION, Dataset, digest, open_dataset, write_metadata
from facesmith.data.filters import choose
from facesmith.data.source import SPLITS, Source, attribute_names, printable
from facesmith.data.workers import decoded
from facesmith.doctor import usable_cores
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, refuse_existing, write_json
from facesmith.images.crop import CropSpec, parse_crop_spec
from facesmith.progress import progress
from facesmith.version import __version__

if TYPE_CHECKING:
    import pyarrow as pa

SPARE_BYTES = 32 * 2**20  # left free on the disk beside the images, for the metadata and for the system


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
        source: a folder or zip of CelebA or of any pictures, ``hf:OWNER/NAME``, or ``builtin[:STYLE][:COUNT]``.
        dataset: the folder to make; it must not exist.
        size: "64", or "80x100" for width x height, in pixels.
        crop: the part of a picture that is kept: ``fit`` (the largest centred part of the size's aspect), ``none`` (all
            of it, squeezed), ``center:SIDE`` or ``box:X,Y,W,H`` in pixels.
        resize: the antialiased filter: lanczos, bicubic, bilinear or box.
        where: an expression over attributes, split and identity, like ``Male & ~Eyeglasses & split == train``.
        limit: take this many of the pictures, chosen at random by ``seed`` and kept in their order.
        seed: of that choice, and of the built-in faces.
        labels: a CSV or Parquet file with the labels of a folder of pictures.
        align: find every face in ordinary photos and align it as CelebA's are: one picture a face, cut by ``crop`` out
            of CelebA's frame of 178 x 218. ``limit`` counts photos. Needs the extra ``photos``.
        name: of the dataset; the source's where not given.
        workers: processes to use; as many as there are cores where not given.
        quiet: show no progress.

    A picture that cannot be read is skipped, and named with its reason in the dataset's card. Raises `FacesmithError`
    for anything wrong with the arguments, the source or the disk, and then leaves nothing behind.
    """
    folder = Path(dataset)
    frame = parse_crop_spec(str(size), crop, resize)
    if workers is not None and workers < 1:
        raise FacesmithError(f"workers {workers} is too few: give 1 or more")
    with _disk_errors(folder):
        refuse_existing(folder, "dataset")
        found = find_source(str(source), frame, seed, None if labels is None else Path(labels), quiet)
        rows = choose(found.table, where, limit, seed)
        skipped: list[dict[str, str]] = []
        alignment: dict[str, object] = {}
        if align:
            from facesmith.data.aligned_faces import ALIGNMENT, aligned_source, check_align

            check_align(found.kind, frame)
            _release_memory()
            found, skipped = aligned_source(found, rows, frame, workers or usable_cores(), quiet)
            alignment = {"alignment": ALIGNMENT}
            rows = np.arange(len(found.table))
        _check_space(folder, len(rows) * frame.pixels * 3)
        _release_memory()
        with atomic_folder(folder, "dataset") as partial:
            written = _write_images(found, rows, frame, partial / IMAGES, workers or usable_cores(), quiet)
            written.skipped[:0] = skipped
            if not written.kept:
                file, reason = written.skipped[0]["file"], written.skipped[0]["reason"]
                raise FacesmithError(
                    f"{source} has no picture that can be used: all {len(rows):,} were skipped, the first of them "
                    f"{file}: {reason}"
                )
            table = found.table.take(np.asarray(written.kept, np.int64)).combine_chunks()
            write_metadata(table, partial)
            card = {
                "format": FORMAT,
                "version": VERSION,
                "name": name or found.name,
                "source": {
                    "kind": found.kind,
                    "name": found.name,
                    "fingerprint": found.fingerprint,
                    "credit": found.credit,
                },
                "size": [frame.width, frame.height],
                "channels": 3,
                "crop": crop,
                "resize": resize,
                **alignment,
                "where": where,
                "limit": limit,
                "seed": seed,
                "count": len(table),
                "attributes": attribute_names(table),
                "splits": _count_splits(table),
                "skipped": written.skipped,
                "skipped_count": len(written.skipped),
                "rows_without_image": found.rows_without_image,
                "ignored_columns": list(found.ignored_columns),
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "facesmith": __version__,
                "fingerprint": digest(written.images_digest, table),
            }
            write_json(partial / CARD, card)  # last: its presence says that the rest is there
    return open_dataset(folder)


def find_source(source: str, frame: CropSpec, seed: int = 0, labels: Path | None = None, quiet: bool = True) -> Source:
    """Find out what ``source`` is and list its pictures, or raise `FacesmithError`."""
    kind = source.partition(":")[0]
    if labels is not None and kind in ("builtin", "hf"):
        raise FacesmithError(f"labels go with a folder or zip of pictures, and {source} has its own: leave them out")
    if kind == "builtin":
        from facesmith.data.builtin import builtin_source

        # Twice the target, to be resized like a photo; a crop given in pixels needs a fixed size to cut from.
        side = 2 * max(frame.width, frame.height) if frame.crop in ("fit", "none") else 256
        return builtin_source(source, seed, side)
    if kind == "hf":
        from facesmith.data.hub import hub_source

        return hub_source(source, quiet=quiet)
    from facesmith.data.folder import folder_source

    listing = list_source(Path(source))
    return celeba_source(listing) if labels is None and is_celeba(listing) else folder_source(listing, labels)


@dataclass
class _Written:
    kept: list[int] = field(default_factory=list)  # rows of the source's table
    skipped: list[dict[str, str]] = field(default_factory=list)
    images_digest: bytes = b""


def _write_images(source: Source, rows: np.ndarray, frame: CropSpec, path: Path, workers: int, quiet: bool) -> _Written:
    """Decode the pictures of ``rows`` and append the good ones to an .npy file, whose header gets their number last.

    Plain writes, not a memory map: pages written through a map count as this process's memory until the disk has them.
    """
    written, pixels_seen = _Written(), hashlib.sha256()
    names, at = source.table["file"], 0
    with path.open("wb") as file, decoded(source.handles(rows), frame, workers) as chunks:
        start = _write_header(file, len(rows), frame)
        with progress(len(rows), "importing", shown=not quiet) as bar:
            for pixels, reasons in chunks:
                data = pixels.data
                file.write(data)
                pixels_seen.update(data)
                for row, reason in zip(rows[at : at + len(reasons)], reasons, strict=True):
                    if reason is None:
                        written.kept.append(int(row))
                    else:
                        written.skipped.append({"file": names[int(row)].as_py(), "reason": reason})
                at += len(reasons)
                bar.update(len(reasons))
        if _write_header(file, len(written.kept), frame) != start:
            raise AssertionError("NumPy's header grew")  # it is padded for any count, so that this works
        file.flush()
        os.fsync(file.fileno())
    written.images_digest = pixels_seen.digest()
    return written


def _write_header(file: BinaryIO, count: int, frame: CropSpec) -> int:
    """Write the .npy header for ``count`` images at the front of the file and return its length."""
    file.seek(0)
    shape = (count, frame.height, frame.width, 3)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.tell()


def _count_splits(table: "pa.Table") -> dict[str, int]:
    counts = {entry["values"]: entry["counts"] for entry in table["split"].value_counts().to_pylist()}
    return {split: counts[split] for split in SPLITS if split in counts}


def _release_memory() -> None:
    """Give back what parsing took, before the workers are forked and each carries a copy of it."""
    import pyarrow as pa

    gc.collect()
    pa.default_memory_pool().release_unused()


def _check_space(folder: Path, needed: int) -> None:
    """Refuse an import that cannot fit, before it has run for an hour."""
    standing = next(parent for parent in folder.resolve().parents if parent.exists())
    free = shutil.disk_usage(standing).free
    if needed + SPARE_BYTES > free:
        raise FacesmithError(
            f"{folder} needs {needed / 1e9:.1f} GB and its disk has {free / 1e9:.1f} GB free: make room, or import "
            f"fewer pictures (--limit) or smaller ones (--size)"
        )


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Turn the errors of a disk that is full or closed to us into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            why = "the disk is full" if error.errno == errno.ENOSPC else "no more may be written there"
            raise FacesmithError(f"{folder} could not be written, {why}: make room and import again") from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise FacesmithError(
                f"{printable(str(error.filename or folder))} cannot be used: {error.strerror}"
            ) from None
        raise
