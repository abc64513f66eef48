"""Merge the parts of a dataset that were imported by shards."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facesmith.data.dataset import COPY_IMAGES, Dataset, new_dataset, open_dataset
from facesmith.data.source import MADE_WITH, SPLITS, attribute_names
from facesmith.errors import FacesmithError
from facesmith.progress import progress
from facesmith.terms import combine_terms

if TYPE_CHECKING:
    import pyarrow as pa

SAME = ("size", "crop", "resize", "where", "limit", "seed", "alignment", "facesmith")  # in the cards of all parts


def merge_datasets(parts: Sequence[str | Path], out: str | Path, *, quiet: bool = False) -> Dataset:
    """Join all parts that `import_dataset` made with ``shard`` into the new dataset folder ``out`` and open it.

    The result has the images, metadata and fingerprint of a single import. Raises `FacesmithError` for parts of
    different imports, and if a part is missing or occurs twice.
    """
    import pyarrow as pa

    datasets = sorted((open_dataset(part) for part in parts), key=lambda each: each.card.get("shard") or [0])
    _check_parts(datasets)
    first = datasets[0]
    entries: dict[tuple[Any, ...], dict[str, Any]] = {}
    tables = [_renumber(each, entries) for each in datasets]
    if entries:
        tables = [_with_made_with(table) for table in tables]
    total = sum(map(len, datasets))
    skipped = [item for each in datasets for item in each.card["skipped"]]
    counts = [each.card["splits"] for each in datasets]
    card = {key: value for key, value in first.card.items() if key != "shard"} | {
        "terms": combine_terms([each.terms for each in datasets]),
        "made_with": list(entries.values()),
        "splits": {split: n for split in SPLITS if (n := sum(each.get(split, 0) for each in counts))},
        "skipped": skipped,
        "skipped_count": len(skipped),
    }
    with new_dataset(Path(out)) as writer, progress(total, "merging", shown=not quiet) as bar:
        with writer.images(*first.size, total):
            for each in datasets:
                for start in range(0, len(each), COPY_IMAGES):
                    images = np.asarray(each.images[start : start + COPY_IMAGES])
                    writer.append(images)
                    bar.update(len(images))
        writer.finish(pa.concat_tables(tables).combine_chunks(), card)
    return open_dataset(out)


def _check_parts(datasets: list[Dataset]) -> None:
    for each in datasets:
        if "shard" not in each.card:
            raise FacesmithError(f"{each.path} is a complete dataset: merge parts that were imported with --shard")
        first = datasets[0]
        changes = [key for key in SAME if each.card.get(key) != first.card.get(key)]
        changes += ["source"] * (each.card["source"]["fingerprint"] != first.card["source"]["fingerprint"])
        changes += ["shard"] * (each.card["shard"][1] != first.card["shard"][1])
        changes += ["attributes"] * (each.attributes != first.attributes)
        if changes:
            raise FacesmithError(
                f"{each.path} and {first.path} are not parts of the same import (the value of {changes[0]} differs): "
                "pass parts of one import"
            )
    numbers = [each.card["shard"][0] for each in datasets]
    count = datasets[0].card["shard"][1]
    if numbers != list(range(1, count + 1)):
        raise FacesmithError(
            f"expected parts 1 to {count}, but got {', '.join(map(str, numbers))}: pass each part once"
        )


def _renumber(dataset: Dataset, entries: dict[tuple[Any, ...], dict[str, Any]]) -> "pa.Table":
    """Return the metadata of a part with its models numbered by ``entries``, to which they are added."""
    import pyarrow as pa

    table, numbers = dataset.metadata(), []
    for entry in dataset.card["made_with"]:
        key = tuple(value for name, value in entry.items() if name != "count")
        joined = entries.setdefault(key, entry | {"count": 0})
        joined["count"] += entry["count"]
        numbers.append(list(entries).index(key))
    if MADE_WITH not in table.column_names:
        return table
    rows = [None if row is None else numbers[row] for row in table[MADE_WITH].to_pylist()]
    return table.set_column(table.column_names.index(MADE_WITH), MADE_WITH, pa.array(rows, pa.int64()))


def _with_made_with(table: "pa.Table") -> "pa.Table":
    import pyarrow as pa

    if MADE_WITH in table.column_names:
        return table
    position = table.num_columns - len(attribute_names(table))
    return table.add_column(position, MADE_WITH, pa.nulls(len(table), pa.int64()))
