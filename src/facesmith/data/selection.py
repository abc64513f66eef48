"""The photos of a source that an import takes: those of a filter, a random sample of them, and a part of these."""

import re
from typing import TYPE_CHECKING

import numpy as np

from facesmith.arrays import Integers
from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import pyarrow as pa


def select_rows(
    table: "pa.Table", where: str | None, limit: int | None, seed: int, shard: tuple[int, int] = (1, 1)
) -> Integers:
    """Return the ascending row numbers, int64 of shape (N,), that match ``where``, or a random ``limit`` of them.

    The same table, ``where``, ``limit`` and ``seed`` give the same rows. ``shard`` is a part of them: (2, 4) is the
    second of four that follow each other. Raises `FacesmithError` for an invalid expression and if no row is left.
    """
    rows = np.arange(len(table))
    if where is not None:
        from facesmith.data.filters import match_filter

        rows = np.flatnonzero(match_filter(table, where))
    if not len(table):
        raise FacesmithError("the source has no rows: choose another source")
    if not len(rows):
        raise FacesmithError(f"none of the {len(table):,} images matches {where!r}: use a less strict expression")
    if limit is not None and limit < 1:
        raise FacesmithError(f"invalid limit {limit}: expected 1 or more")
    if limit is not None and limit < len(rows):
        rows = np.sort(np.random.default_rng(abs(seed)).choice(rows, limit, replace=False))
    number, count = shard
    rows = rows[len(rows) * (number - 1) // count : len(rows) * number // count]
    if not len(rows):
        raise FacesmithError(f"shard {number} of {count} has no images: use fewer shards")
    return rows


def parse_shard(text: str | None) -> tuple[int, int]:
    """Parse "2/4", the second of four; None is the first of one. Raises `FacesmithError` for anything else."""
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text or "1/1")
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise FacesmithError(f"invalid shard {text!r}: expected NUMBER/COUNT, such as 2/4 for the second of four")
    return int(match[1]), int(match[2])
