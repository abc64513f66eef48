"""What stands out in a dataset, in plain words."""

from collections import Counter
from typing import Any

import numpy as np

from facesmith.data.statistics import Statistics

FEW_PICTURES = 2000
RARE = 0.01
DARK, BRIGHT, FLAT = 25.0, 230.0, 8.0  # grey levels of 255
GREY = 0.02
_ALIKE = 0.8
_LISTED = 8


def notes(statistics: Statistics, card: dict[str, Any], attributes: list[str]) -> list[str]:
    """Sentences, the most important first; an empty list when nothing stands out."""
    return [
        *_size(statistics, card),
        *_attributes(statistics, attributes),
        *_light(statistics),
        *_twice(statistics),
    ]


def listed(names: list[str]) -> str:
    """ "a, b and c", or the first few and how many more."""
    if len(names) > _LISTED:
        return ", ".join(names[:_LISTED]) + f" and {len(names) - _LISTED:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _size(statistics: Statistics, card: dict[str, Any]) -> list[str]:
    found = []
    if statistics.count < FEW_PICTURES:
        found.append(
            f"{plural(statistics.count, 'picture')} is little to train on from scratch: below about {FEW_PICTURES:,} "
            "expect a generator that repeats what it has seen."
        )
    skipped = int(card.get("skipped_count") or 0)
    if skipped:
        found.append(f"{plural(skipped, 'file')} could not be used and {_was(skipped)} left out; the list is below.")
    missing = int(card.get("rows_without_image") or 0)
    if missing:
        found.append(f"{plural(missing, 'labelled row')} had no picture and {_was(missing)} left out.")
    return found


def _attributes(statistics: Statistics, attributes: list[str]) -> list[str]:
    found = []
    constant, rare, strong = [], [], []
    for name, (yes, no, _) in zip(attributes, statistics.counts.tolist(), strict=True):
        share = min(yes, no) / max(1, yes + no)
        text = f"{name} ({100 * yes / max(1, yes + no):.1f}%)"
        if yes == 0 or no == 0:
            constant.append(name)
        elif share < RARE:
            rare.append(text)
        elif share < 0.05:
            strong.append(text)
    if constant:
        found.append(f"The same for every picture, so nothing can be learned from it: {listed(constant)}.")
    if rare:
        found.append(f"One side has under 1% of the pictures and will hardly be learned: {listed(rare)}.")
    if strong:
        found.append(f"Strongly unbalanced, one side under 5%: {listed(strong)}.")
    unknown = [name for name, counts in zip(attributes, statistics.counts, strict=True) if counts[2]]
    if unknown:
        found.append(f"Not known for some pictures, which are left out of its numbers: {listed(unknown)}.")
    bound = [
        f"{attributes[one]} and {attributes[other]} ({statistics.correlation[one, other]:+.2f})"
        for one, other in np.argwhere(np.abs(np.triu(np.nan_to_num(statistics.correlation), 1)) >= _ALIKE)
    ]
    if bound:
        found.append(f"Nearly the same information twice, hard to steer one without the other: {listed(bound)}.")
    return found


def _light(statistics: Statistics) -> list[str]:
    cases = [
        (statistics.luminance < DARK, "very dark"),
        (statistics.luminance > BRIGHT, "very bright"),
        (statistics.contrast < FLAT, "almost without contrast"),
        (statistics.saturation < GREY, "grey, without colour"),
    ]
    found = []
    for rows, what in cases:
        names = [statistics.files[row] for row in np.flatnonzero(rows)]
        if names:
            verb = "is" if len(names) == 1 else "are"
            found.append(f"{plural(len(names), 'picture')} {verb} {what}: {listed(names)}.")
    return found


def _twice(statistics: Statistics) -> list[str]:
    found = []
    duplicates = statistics.duplicates
    if duplicates.groups:
        extra = sum(len(group) - 1 for group in duplicates.groups)
        found.append(f"{plural(extra, 'picture is an exact copy', 'pictures are exact copies')} of another one.")
    if duplicates.pairs:
        count = len(duplicates.pairs)
        found.append(f"{plural(count, 'pair of pictures is', 'pairs of pictures are')} nearly the same.")
    crossing = Counter(
        tuple(sorted((first, second)))
        for one, other in [*((group[0], row) for group in duplicates.groups for row in group[1:]), *_rows(duplicates)]
        if (first := statistics.splits[one]) is not None
        and (second := statistics.splits[other]) is not None
        and first != second
    )
    for (first, second), count in sorted(crossing.items()):
        found.append(
            f"{plural(count, 'picture')} of these {_was(count, 'is', 'are')} in both the {first} and the {second} "
            "split: scores measured there look better than they are."
        )
    if not duplicates.complete:
        found.append("So many pictures look alike that not all pairs were compared: there are more near duplicates.")
    return found


def _rows(duplicates: Any) -> list[tuple[int, int]]:
    return [(one, other) for one, other, _ in duplicates.pairs]


def _was(count: int, one: str = "was", many: str = "were") -> str:
    return one if count == 1 else many
