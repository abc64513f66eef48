"""The page that tells what is in a dataset."""

from pathlib import Path
from typing import Any

import numpy as np

from facesmith.data.dataset import Dataset
from facesmith.data.statistics import Statistics
from facesmith.reports import html
from facesmith.reports.explore_notes import plural
from facesmith.reports.html import Html

_ROWS = 200  # of a long list on the page; explore.json has more
_STRONGEST = 12


def explore_page(dataset: Dataset, statistics: Statistics, notes: list[str], pictures: dict[str, Path]) -> str:
    """One self-contained page; ``pictures`` are the files to show, by the names that `explore` gives them."""
    width, height = dataset.size
    parts = [
        _glance(dataset, statistics, notes),
        html.section(
            "Some of the pictures",
            html.figure(
                pictures["sample"],
                "A sheet of pictures drawn at random from the dataset",
                f"{plural(min(64, statistics.count), 'picture')} drawn at random, as the generator will see them.",
            ),
        ),
        *_attributes(dataset, statistics, pictures),
        _mean(statistics, pictures),
        _light(pictures),
        *_groups(dataset, statistics, pictures),
        _duplicates(statistics, pictures),
        _skipped(dataset.card),
        _origin(dataset),
    ]
    lead = f"{plural(statistics.count, 'picture')} of {width}×{height} pixels: what is in them before training on them."
    return html.page(f"Dataset {dataset.name}", parts, lead)


def _glance(dataset: Dataset, statistics: Statistics, notes: list[str]) -> Html:
    duplicates = statistics.duplicates
    numbers = {
        "pictures": f"{statistics.count:,}",
        "pixels each": "{}×{}".format(*dataset.size),
        "attributes": f"{len(dataset.attributes):,}",
    }
    if len(statistics.per_person):
        numbers["people"] = f"{len(statistics.per_person):,}"
    numbers["files left out"] = f"{int(dataset.card.get('skipped_count') or 0):,}"
    numbers["exact copies"] = f"{sum(len(group) - 1 for group in duplicates.groups):,}"
    numbers["pairs nearly the same"] = f"{len(duplicates.pairs):,}"
    remarks = html.bullets(notes) if notes else html.note("Nothing stands out: no problem was found.")
    return html.section("At a glance", html.figures(numbers), html.part("What stands out", remarks))


def _attributes(dataset: Dataset, statistics: Statistics, pictures: dict[str, Path]) -> list[Html]:
    names = dataset.attributes
    if not names:
        text = "This dataset has no attributes: faces can be generated, but not sorted or steered by name."
        return [html.section("Attributes", html.paragraph(text))]
    rows = []
    for index in np.argsort(-_shares(statistics), kind="stable"):
        yes, no, unknown = statistics.counts[index].tolist()
        rows.append([names[index], f"{yes:,}", f"{no:,}", f"{unknown:,}", f"{100 * _shares(statistics)[index]:.2f}%"])
    rates = html.figure(
        pictures["attribute_rates"],
        "Bars: the share of pictures with each attribute, the most frequent first; the numbers are in the table below",
    )
    header = ["Attribute", "with", "without", "not known", "share"]
    return [
        html.section(
            "Attributes",
            rates,
            html.details("The numbers as a table", html.table(header, rows, "Pictures with each attribute")),
        ),
        _together(names, statistics, pictures),
        html.section(
            "What each attribute looks like",
            html.paragraph(
                "The mean of the pictures with an attribute, of those without it, and the difference between the two, "
                "exaggerated about grey. What shows besides the attribute itself (a background, an age, a haircut) "
                "comes with it in these pictures, and a generator will learn it as part of the attribute."
            ),
            html.columns(
                *(
                    html.figure(
                        pictures[f"means/{name}"],
                        f"Mean face with {name}, mean face without, and their exaggerated difference",
                        f"{name}: {int(counts[0]):,} with, {int(counts[1]):,} without",
                    )
                    for name, counts in zip(names, statistics.counts, strict=True)
                )
            ),
        ),
    ]


def _together(names: list[str], statistics: Statistics, pictures: dict[str, Path]) -> Html:
    above = np.nan_to_num(np.triu(statistics.correlation, 1))
    order = np.argsort(-np.abs(above), axis=None, kind="stable")[:_STRONGEST]
    rows = []
    for one, other in zip(*np.unravel_index(order, above.shape), strict=True):
        value = above[one, other]
        if value:
            rows.append([names[one], names[other], f"{value:+.2f}"])
    return html.section(
        "What comes together",
        html.paragraph(
            "Red pairs come together more often than chance would have it, blue ones less often. Grey is an attribute "
            "that is the same for every picture."
        ),
        html.figure(
            pictures["attribute_correlation"],
            "Heat map of the correlation of every attribute with every other; the strongest are in the table below",
        ),
        html.table(["Attribute", "and", "correlation"], rows, "The strongest correlations") if rows else Html(""),
    )


def _shares(statistics: Statistics) -> Any:
    yes, no = statistics.counts[:, 0], statistics.counts[:, 1]
    return yes / np.maximum(yes + no, 1)


def _mean(statistics: Statistics, pictures: dict[str, Path]) -> Html:
    return html.section(
        "The mean face",
        html.figure(
            pictures["mean_face"],
            "The mean of all pictures",
            f"The mean of all {plural(statistics.count, 'picture')}. Sharp eyes and mouth say that the faces are well "
            "aligned; an even blur says that they are not, and that training will be harder.",
        ),
    )


def _light(pictures: dict[str, Path]) -> Html:
    return html.section(
        "Light and colour",
        html.columns(
            html.figure(pictures["brightness"], "Histogram of the mean brightness of the pictures"),
            html.figure(pictures["saturation"], "Histogram of the mean saturation of the pictures"),
        ),
        html.figure(pictures["channels"], "Histograms of all pixel values of red, green and blue"),
        html.part(
            "The extremes",
            html.figure(
                pictures["extremes"],
                "A row each of the darkest, the brightest, the flattest and the least colourful pictures",
                "The darkest, the brightest, those with the least contrast and those with the least colour.",
            ),
        ),
    )


def _groups(dataset: Dataset, statistics: Statistics, pictures: dict[str, Path]) -> list[Html]:
    parts = []
    splits = dataset.card.get("splits") or {}
    if splits:
        rows = [[name, f"{n:,}", f"{100 * n / statistics.count:.1f}%"] for name, n in splits.items()]
        parts.append(html.section("Splits", html.table(["Split", "pictures", "share"], rows, "Pictures in each split")))
    people = statistics.per_person
    if len(people):
        single = int((people == 1).sum())
        text = (
            f"{plural(len(people), 'person', 'people')}: the most frequent one is on "
            f"{plural(int(people.max()), 'picture')}, half of them are on {float(np.median(people)):g} or fewer, "
            f"{single:,} on one only."
        )
        chart = html.figure(pictures["identities"], "Histogram of the number of pictures of each person")
        parts.append(html.section("People", html.paragraph(text), chart))
    return parts


def _duplicates(statistics: Statistics, pictures: dict[str, Path]) -> Html:
    found, files = statistics.duplicates, statistics.files
    if not found.groups and not found.pairs:
        return html.section("Duplicates", html.paragraph("No picture is there twice, exactly or nearly."))
    parts = [
        html.paragraph(
            "Exact copies have the very same pixels. Nearly the same are pictures whose pixels differ by "
            "8 of 255 or less on average. Copies weigh double in training, and across splits they flatter the scores."
        ),
        html.figure(pictures["pairs"], "Duplicates side by side, with the names of their files"),
    ]
    if found.groups:
        rows = [[files[group[0]], ", ".join(files[row] for row in group[1:])] for group in found.groups[:_ROWS]]
        parts.append(_list("Exact copies", ["Picture", "the same as"], rows, len(found.groups)))
    if found.pairs:
        near = [[files[one], files[other], f"{difference:.2f}"] for one, other, difference in found.pairs[:_ROWS]]
        parts.append(_list("Nearly the same", ["Picture", "like", "difference"], near, len(found.pairs)))
    return html.section("Duplicates", *parts)


def _skipped(card: dict[str, Any]) -> Html:
    skipped = card.get("skipped") or []
    count = int(card.get("skipped_count") or len(skipped))
    if not count:
        return html.section("Files left out", html.paragraph("None: every file that was found is in the dataset."))
    rows = [[str(one.get("file", "")), str(one.get("reason", ""))] for one in skipped[:_ROWS]]
    text = f"{plural(count, 'file')} could not be used."
    return html.section(
        "Files left out", html.paragraph(text), _list("Files left out", ["File", "reason"], rows, count)
    )


def _list(caption: str, header: list[str], rows: list[list[str]], count: int) -> Html:
    shown = caption if len(rows) == count else f"{caption}: the first {len(rows):,} of {count:,}"
    return html.details(f"{caption} by name ({count:,})", html.table(header, rows, shown))


def _origin(dataset: Dataset) -> Html:
    card = dataset.card
    source = card.get("source") or {}
    items = {
        "source": f"{source.get('name', '')} ({source.get('kind', '')})",
        "credit and licence": source.get("credit"),
        "crop": card.get("crop"),
        "resized by": card.get("resize"),
        "only those with": card.get("where"),
        "at most": card.get("limit"),
        "seed": card.get("seed"),
        "made": card.get("created"),
        "by facesmith": card.get("facesmith"),
        "fingerprint": dataset.fingerprint,
    }
    shown = {name: str(value) for name, value in items.items() if value is not None}
    return html.section("Where it comes from", html.definition(shown))
