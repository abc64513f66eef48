"""The page of a dataset's exploration."""

from pathlib import Path
from typing import Any

import numpy as np

from facesmith.data.dataset import Dataset
from facesmith.data.statistics import Statistics
from facesmith.errors import plural
from facesmith.reports.pages import render

_MAX_ROWS = 200  # of a long list on the page; explore.json has more
_MAX_CORRELATIONS = 12


def explore_page(dataset: Dataset, statistics: Statistics, notes: list[str], images: dict[str, Path]) -> str:
    """Return one self-contained page; ``images`` are the files to show, by the names that `explore` gives them."""
    files, duplicates, card = statistics.files, statistics.duplicates, dataset.card
    groups, pairs = duplicates.groups, duplicates.pairs
    skipped = card.get("skipped") or []
    skipped_count = int(card.get("skipped_count") or len(skipped))
    splits = card.get("splits") or {}
    size = "{}×{}".format(*dataset.size)
    return render(
        "explore.html",
        title=f"Dataset {dataset.name}",
        lead=f"{plural(statistics.count, 'image')} of {size} pixels.",
        numbers=_numbers(dataset, statistics, skipped_count),
        notes=notes,
        images={"pairs": None, **images},
        attributes=_attributes(dataset.attributes, statistics),
        correlations=_correlations(dataset.attributes, statistics) if dataset.attributes else [],
        means=[
            {"name": name, "image": images[f"means/{name}"], "yes": f"{counts[0]:,}", "no": f"{counts[1]:,}"}
            for name, counts in zip(dataset.attributes, statistics.counts.tolist(), strict=True)
        ],
        splits=[[name, f"{count:,}", f"{100 * count / statistics.count:.1f}%"] for name, count in splits.items()],
        people=_people(statistics),
        copies=[[files[group[0]], ", ".join(files[row] for row in group[1:])] for group in groups[:_MAX_ROWS]],
        copy_count=len(groups),
        near=[[files[a], files[b], f"{difference:.2f}"] for a, b, difference in pairs[:_MAX_ROWS]],
        near_count=len(pairs),
        skipped=[[str(item.get("file", "")), str(item.get("reason", ""))] for item in skipped[:_MAX_ROWS]],
        skipped_count=skipped_count,
        skipped_text=f"{plural(skipped_count, 'file')} could not be used.",
        source=_source(dataset),
    )


def _numbers(dataset: Dataset, statistics: Statistics, skipped_count: int) -> dict[str, str]:
    duplicates = statistics.duplicates
    people = {"people": f"{len(statistics.per_person):,}"} if len(statistics.per_person) else {}
    return {
        "images": f"{statistics.count:,}",
        "pixels each": "{}×{}".format(*dataset.size),
        "attributes": f"{len(dataset.attributes):,}",
        **people,
        "skipped files": f"{skipped_count:,}",
        "exact copies": f"{sum(len(group) - 1 for group in duplicates.groups):,}",
        "near duplicates": f"{len(duplicates.pairs):,}",
    }


def _attributes(names: list[str], statistics: Statistics) -> list[list[str]]:
    yes, no = statistics.counts[:, 0], statistics.counts[:, 1]
    shares = yes / np.maximum(yes + no, 1)
    order = np.argsort(-shares, kind="stable")
    counts = statistics.counts.tolist()
    return [[names[i], *(f"{count:,}" for count in counts[i]), f"{100 * shares[i]:.2f}%"] for i in order]


def _correlations(names: list[str], statistics: Statistics) -> list[list[str]]:
    above = np.nan_to_num(np.triu(statistics.correlation, 1))
    order = np.argsort(-np.abs(above), axis=None, kind="stable")[:_MAX_CORRELATIONS]
    places = zip(*np.unravel_index(order, above.shape), strict=True)
    return [[names[a], names[b], f"{above[a, b]:+.2f}"] for a, b in places if above[a, b]]


def _people(statistics: Statistics) -> str:
    people = statistics.per_person
    if not len(people):
        return ""
    return (
        f"{plural(len(people), 'person', 'people')}. The most frequent person has "
        f"{plural(int(people.max()), 'image')}, the median is {float(np.median(people)):g}, and "
        f"{plural(int((people == 1).sum()), 'person has', 'people have')} only one."
    )


def _source(dataset: Dataset) -> dict[str, Any]:
    card = dataset.card
    source = card.get("source") or {}
    items = {
        "source": f"{source.get('name', '')} ({source.get('kind', '')})",
        "credit and licence": source.get("credit"),
        "crop": card.get("crop"),
        "resize filter": card.get("resize"),
        "filter": card.get("where"),
        "limit": card.get("limit"),
        "seed": card.get("seed"),
        "created": card.get("created"),
        "facesmith version": card.get("facesmith"),
        "fingerprint": dataset.fingerprint,
    }
    return {name: value for name, value in items.items() if value is not None}
