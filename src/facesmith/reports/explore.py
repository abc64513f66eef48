"""The exploration of a dataset: a page with its images, counts and charts, and their files."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facesmith.data.dataset import Dataset
from facesmith.data.statistics import Statistics, measure
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import atomic_file, read_json, updated_folder, write_json, write_text
from facesmith.images.grid import save_image
from facesmith.images.provenance import Marks
from facesmith.progress import progress
from facesmith.reports import explore_images
from facesmith.reports.explore_notes import notes
from facesmith.reports.explore_page import explore_page

_MAX_DUPLICATES = 10_000


def explore(dataset: Dataset, out: Path | None = None, *, quiet: bool = False) -> Path:
    """Write an exploration of a dataset into the folder ``out`` (default: DATASET/explore). Return its explore.html.

    The folder gets explore.html (a self-contained page), explore.json (the numbers) and the images of the page. Files
    of an earlier exploration are replaced, other files are kept. The images are read once, in chunks. Raises
    `FacesmithError` if ``out`` is a file or jinja2 is missing.
    """
    require("jinja2", "explore", "exploring a dataset")
    out = dataset.path / "explore" if out is None else out
    if out.exists() and not out.is_dir():
        raise FacesmithError(f"{out} is a file: choose a folder for the exploration")
    earlier = _earlier(out)
    with updated_folder(out) as folder:
        statistics = measure(dataset, quiet)
        findings = notes(statistics, dataset.card, dataset.attributes)
        written = _write_images(dataset, statistics, folder, quiet)
        write_text(folder / "explore.html", explore_page(dataset, statistics, findings, written))
        files = sorted(path.relative_to(folder).as_posix() for path in written.values())
        write_json(folder / "explore.json", {**_numbers(dataset, statistics, findings), "files": files})
    for name in earlier - set(files):
        (out / name).unlink(missing_ok=True)
    return out / "explore.html"


def _write_images(dataset: Dataset, statistics: Statistics, out: Path, quiet: bool) -> dict[str, Path]:
    """Write the images for which the dataset has data. Return them by name, mean images as "means/ATTRIBUTE"."""
    attributes, images = dataset.attributes, dataset.images
    makers: dict[str, Callable[[], Image.Image | bytes | None]] = {
        "sample": lambda: explore_images.sample(images),
        "mean_face": lambda: explore_images.mean_face(statistics),
        "brightness": lambda: explore_images.brightness(statistics),
        "saturation": lambda: explore_images.saturation(statistics),
        "channels": lambda: explore_images.channels(statistics),
        "extremes": lambda: explore_images.extremes(images, statistics),
        "pairs": lambda: explore_images.pairs(images, statistics),
    }
    if attributes:
        makers["attribute_rates"] = lambda: explore_images.attribute_rates(statistics, attributes)
        makers["attribute_correlation"] = lambda: explore_images.attribute_correlation(statistics, attributes)
    people = statistics.per_person
    if len(people):
        makers["identities"] = lambda: explore_images.identities(people)
    mean_stems = {}  # attributes may have characters that no file name has
    for index, (name, stem) in enumerate(zip(attributes, file_stems(attributes), strict=True)):
        makers[f"means/{name}"] = partial(explore_images.mean_pair, statistics, index, name)
        mean_stems[f"means/{name}"] = f"means/{stem}"
    written = {}
    with progress(len(makers), "drawing", "images", shown=not quiet) as bar:
        for name, make in makers.items():
            image = make()
            if image is not None:
                suffix = ".svg" if isinstance(image, bytes) else ".png"
                written[name] = _save(image, out / f"{mean_stems.get(name, name)}{suffix}", dataset.marks)
            bar.update()
    return written


def file_stems(names: list[str]) -> list[str]:
    """Return a file name for each attribute, unique also on file systems that ignore case."""
    used: set[str] = set()
    stems = []
    for name in names:
        plain = re.sub(r"[^\w.-]+", "_", name).strip("._") or "attribute"
        stem, number = plain, 2
        while stem.lower() in used:
            stem, number = f"{plain}_{number}", number + 1
        used.add(stem.lower())
        stems.append(stem)
    return stems


def _save(image: Image.Image | bytes, path: Path, marks: Marks | None) -> Path:
    if isinstance(image, bytes):
        with atomic_file(path) as partial_path:
            partial_path.write_bytes(image)
    else:
        save_image(image, path, marks)
    return path


def _earlier(out: Path) -> set[str]:
    """Return the images that an earlier exploration lists, only those in the two folders that it writes."""
    path = out / "explore.json"
    if not path.is_file():
        return set()
    try:
        names = read_json(path, "an exploration").get("files", [])
    except (FacesmithError, AttributeError):
        return set()
    return {name for name in names if isinstance(name, str) and re.fullmatch(r"(means/)?[\w-][\w.-]*\.(png|svg)", name)}


def _numbers(dataset: Dataset, statistics: Statistics, findings: list[str]) -> dict[str, Any]:
    files, duplicates = statistics.files, statistics.duplicates
    people = statistics.per_person
    attributes = [
        {"name": name, "with": yes, "without": no, "unknown": unknown, "share": yes / (yes + no) if yes + no else None}
        for name, (yes, no, unknown) in zip(dataset.attributes, statistics.counts.tolist(), strict=True)
    ]
    return {
        "format": "facesmith-explore",
        "version": 1,
        "dataset": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        "count": statistics.count,
        "size": list(dataset.size),
        "notes": findings,
        "splits": dataset.card.get("splits") or {},
        "identities": {"people": len(people), "most_pictures": int(people.max())} if len(people) else None,
        "attributes": attributes,
        "correlation": [[None if np.isnan(v) else round(float(v), 4) for v in row] for row in statistics.correlation],
        "brightness": _spread(statistics.luminance),
        "contrast": _spread(statistics.contrast),
        "saturation": _spread(statistics.saturation),
        "channels": dict(zip(("red", "green", "blue"), map(_channel, statistics.channels), strict=True)),
        "duplicates": {
            "exact_groups": len(duplicates.groups),
            "near_pairs": len(duplicates.pairs),
            "complete": duplicates.complete,
            "exact": [[files[row] for row in group] for group in duplicates.groups[:_MAX_DUPLICATES]],
            "near": [
                {"files": [files[a], files[b]], "difference": round(difference, 3)}
                for a, b, difference in duplicates.pairs[:_MAX_DUPLICATES]
            ],
        },
        "skipped_count": int(dataset.card.get("skipped_count") or 0),
    }


def _spread(values: Any) -> dict[str, float]:
    names = ("min", "p5", "median", "p95", "max")
    spread = dict(zip(names, np.percentile(values, (0, 5, 50, 95, 100)), strict=True))
    return {name: round(float(value), 4) for name, value in {**spread, "mean": values.mean(dtype=float)}.items()}


def _channel(counts: Any) -> dict[str, float]:
    levels = np.arange(256)
    mean = float((counts * levels).sum() / counts.sum())
    deviation = float(np.sqrt((counts * (levels - mean) ** 2).sum() / counts.sum()))
    return {"mean": round(mean, 3), "standard_deviation": round(deviation, 3)}
