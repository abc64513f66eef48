"""Findings about a dataset: sentences about its problems."""

from collections import Counter
from typing import Any

import numpy as np

from facesmith.data.statistics import Statistics
from facesmith.errors import plural

MIN_COUNT = 2000
RARE_SHARE = 0.01
UNBALANCED_SHARE = 0.05
DARK, BRIGHT, FLAT = 25.0, 230.0, 8.0  # grey levels of 255
GREY = 0.02
_STRONG_CORRELATION = 0.8
_MAX_NAMES = 8


def notes(statistics: Statistics, card: dict[str, Any], attributes: list[str]) -> list[str]:
    """Return the findings, the most important first; an empty list without problems."""
    return [
        *_size(statistics, card),
        *_attributes(statistics, attributes),
        *_light(statistics),
        *_duplicates(statistics),
    ]


def listed(names: list[str]) -> str:
    """Return "a, b and c", or the first names and the number of the others."""
    if len(names) > _MAX_NAMES:
        return ", ".join(names[:_MAX_NAMES]) + f" and {len(names) - _MAX_NAMES:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _size(statistics: Statistics, card: dict[str, Any]) -> list[str]:
    findings = []
    if statistics.count < MIN_COUNT:
        findings.append(
            f"The dataset has only {plural(statistics.count, 'image')}. With fewer than about {MIN_COUNT:,}, a "
            "generator trained from scratch tends to repeat its training images."
        )
    skipped = int(card.get("skipped_count") or 0)
    if skipped:
        files = plural(skipped, "file could not be used and was", "files could not be used and were")
        findings.append(f"{files} skipped; see the list below.")
    missing = int(card.get("rows_without_image") or 0)
    if missing:
        rows = plural(missing, "labelled row had no image and was", "labelled rows had no image and were")
        findings.append(f"{rows} skipped.")
    return findings


def _attributes(statistics: Statistics, attributes: list[str]) -> list[str]:
    findings = []
    constant, rare, unbalanced = [], [], []
    for name, (yes, no, _) in zip(attributes, statistics.counts.tolist(), strict=True):
        share = min(yes, no) / max(1, yes + no)
        text = f"{name} ({100 * yes / max(1, yes + no):.1f}%)"
        if yes == 0 or no == 0:
            constant.append(name)
        elif share < RARE_SHARE:
            rare.append(text)
        elif share < UNBALANCED_SHARE:
            unbalanced.append(text)
    if constant:
        findings.append(f"Identical for every image, so a model cannot learn these attributes: {listed(constant)}.")
    if rare:
        findings.append(
            f"Extremely unbalanced (the minority is below 1%, so a model hardly learns it): {listed(rare)}."
        )
    if unbalanced:
        findings.append(f"Strongly unbalanced (the minority is below 5%): {listed(unbalanced)}.")
    unknown = [name for name, counts in zip(attributes, statistics.counts, strict=True) if counts[2]]
    if unknown:
        findings.append(f"Unknown for some images, which are not counted: {listed(unknown)}.")
    correlated = [
        f"{attributes[a]} and {attributes[b]} ({statistics.correlation[a, b]:+.2f})"
        for a, b in np.argwhere(np.abs(np.triu(np.nan_to_num(statistics.correlation), 1)) >= _STRONG_CORRELATION)
    ]
    if correlated:
        findings.append(f"Strongly correlated, so difficult to edit independently: {listed(correlated)}.")
    return findings


def _light(statistics: Statistics) -> list[str]:
    cases = [
        (statistics.luminance < DARK, "very dark"),
        (statistics.luminance > BRIGHT, "very bright"),
        (statistics.contrast < FLAT, "low-contrast"),
        (statistics.saturation < GREY, "almost colourless"),
    ]
    findings = []
    for rows, property_text in cases:
        names = [statistics.files[row] for row in np.flatnonzero(rows)]
        if names:
            findings.append(f"{plural(len(names), 'image is', 'images are')} {property_text}: {listed(names)}.")
    return findings


def _duplicates(statistics: Statistics) -> list[str]:
    findings = []
    duplicates = statistics.duplicates
    if duplicates.groups:
        extra = sum(len(group) - 1 for group in duplicates.groups)
        findings.append(f"{plural(extra, 'image is an exact copy', 'images are exact copies')} of another image.")
    if duplicates.pairs:
        count = len(duplicates.pairs)
        findings.append(f"{plural(count, 'pair of images is', 'pairs of images are')} nearly identical.")
    copies = [(group[0], row) for group in duplicates.groups for row in group[1:]]
    crossing = Counter(
        tuple(sorted((first, second)))
        for a, b in [*copies, *((a, b) for a, b, _ in duplicates.pairs)]
        if (first := statistics.splits[a]) is not None
        and (second := statistics.splits[b]) is not None
        and first != second
    )
    for (first, second), count in sorted(crossing.items()):
        findings.append(
            f"{plural(count, 'of these images is', 'of these images are')} in both the {first} and the {second} split, "
            "so scores look better than they are."
        )
    if not duplicates.complete:
        findings.append(
            "Not all pairs were compared because too many images are similar: there are more near duplicates."
        )
    return findings
