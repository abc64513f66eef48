"""What is in a dataset: pictures, counts and charts, in a folder and on one page."""

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
from facesmith.files import atomic_file, read_json, write_json, write_text
from facesmith.images.grid import save_image
from facesmith.progress import progress
from facesmith.reports import explore_images as pictures
from facesmith.reports.explore_notes import notes
from facesmith.reports.explore_page import explore_page

_MOST_LISTED = 10_000


def explore(dataset: Dataset, out: Path | None = None, *, quiet: bool = False) -> Path:
    """Write what is in a dataset into the folder ``out`` (default: DATASET/explore); returns its explore.html.

    The folder gets explore.html (one page with everything inside it), explore.json (the numbers) and the pictures the
    page shows. What an earlier exploration wrote there is replaced, other files are left alone. The pictures are read
    once, a part at a time. Raises `FacesmithError` when ``out`` is a file or matplotlib is missing.
    """
    require("matplotlib", "explore", "exploring a dataset")
    out = dataset.path / "explore" if out is None else out
    if out.exists() and not out.is_dir():
        raise FacesmithError(f"{out} is a file: choose a folder for the exploration")
    statistics = measure(dataset, quiet)
    found = notes(statistics, dataset.card, dataset.attributes)
    earlier = _earlier(out)
    written = _write_pictures(dataset, statistics, out, quiet)
    write_text(out / "explore.html", explore_page(dataset, statistics, found, written))
    files = sorted(path.relative_to(out).as_posix() for path in written.values())
    write_json(out / "explore.json", {**_numbers(dataset, statistics, found), "files": files})
    for name in earlier - set(files):
        (out / name).unlink(missing_ok=True)
    return out / "explore.html"


def _write_pictures(dataset: Dataset, statistics: Statistics, out: Path, quiet: bool) -> dict[str, Path]:
    """Every picture that this dataset has something to show on, by name: the mean pictures as "means/ATTRIBUTE"."""
    attributes, images = dataset.attributes, dataset.images
    makers: dict[str, Callable[[], Image.Image | bytes | None]] = {
        "sample": lambda: pictures.sample(images),
        "mean_face": lambda: pictures.mean_face(statistics),
        "brightness": lambda: pictures.brightness(statistics),
        "saturation": lambda: pictures.saturation(statistics),
        "channels": lambda: pictures.channels(statistics),
        "extremes": lambda: pictures.extremes(images, statistics),
        "pairs": lambda: pictures.pairs(images, statistics),
    }
    if attributes:
        makers["attribute_rates"] = lambda: pictures.attribute_rates(statistics, attributes)
        makers["attribute_correlation"] = lambda: pictures.attribute_correlation(statistics, attributes)
    people = statistics.per_person
    if len(people):
        makers["identities"] = lambda: pictures.identities(people)
    names = dict(zip(makers, makers, strict=True))
    for index, (name, stem) in enumerate(zip(attributes, file_stems(attributes), strict=True)):
        makers[f"means/{name}"] = partial(pictures.mean_pair, statistics, index, name)
        names[f"means/{name}"] = f"means/{stem}"
    written = {}
    with progress(len(makers), "drawing", "pictures", shown=not quiet) as bar:
        for name, make in makers.items():
            made = make()
            if made is not None:
                written[name] = _save(made, out / f"{names[name]}.png")
            bar.update()
    return written


def file_stems(names: list[str]) -> list[str]:
    """A file name for each attribute, none of them the same even where a system does not tell capitals apart."""
    taken: set[str] = set()
    stems = []
    for name in names:
        plain = re.sub(r"[^\w.-]+", "_", name).strip("._") or "attribute"
        stem, number = plain, 2
        while stem.lower() in taken:
            stem, number = f"{plain}_{number}", number + 1
        taken.add(stem.lower())
        stems.append(stem)
    return stems


def _save(made: Image.Image | bytes, path: Path) -> Path:
    if isinstance(made, bytes):
        with atomic_file(path) as beside:
            beside.write_bytes(made)
    else:
        save_image(made, path)
    return path


def _earlier(out: Path) -> set[str]:
    """Pictures that an earlier exploration says it wrote here: names only of the two places where we write any."""
    path = out / "explore.json"
    if not path.is_file():
        return set()
    try:
        names = read_json(path, "an exploration").get("files", [])
    except (FacesmithError, AttributeError):
        return set()
    return {name for name in names if isinstance(name, str) and re.fullmatch(r"(means/)?[\w-][\w.-]*\.png", name)}


def _numbers(dataset: Dataset, statistics: Statistics, found: list[str]) -> dict[str, Any]:
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
        "notes": found,
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
            "exact": [[files[row] for row in group] for group in duplicates.groups[:_MOST_LISTED]],
            "near": [
                {"files": [files[one], files[other]], "difference": round(difference, 3)}
                for one, other, difference in duplicates.pairs[:_MOST_LISTED]
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
