"""The pictures and charts of an exploration, each as an image or as PNG bytes."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesmith.data.statistics import Floats, Statistics
from facesmith.images.grid import make_grid, resize_images
from facesmith.reports import charts as curves

_SAMPLE = 64
_TILE = 128
_MEAN_TILE = 176
_EXTREMES = 6
_PAIRS = 24
_CHANNELS = {"red": "#c8372d", "green": "#1b8a4b", "blue": "#1f5fbf"}


def sample(images: NDArray[np.uint8], seed: int = 0) -> Image.Image:
    """Up to 64 pictures drawn at random without repeats, the same ones for the same dataset and seed."""
    chosen = np.random.default_rng(seed).permutation(len(images))[:_SAMPLE]
    return make_grid(resize_images(images[np.sort(chosen)], _TILE, enlarge=False))


def mean_face(statistics: Statistics) -> Image.Image:
    return make_grid(resize_images(_bytes(statistics.mean)[None], 256), gap=0)


def mean_pair(statistics: Statistics, index: int, name: str) -> Image.Image:
    """The mean of those with an attribute, of those without it, and the exaggerated difference about grey."""
    with_it, without = statistics.means[index]
    yes, no, _ = (int(count) for count in statistics.counts[index])
    difference = with_it - without
    strongest = float(np.percentile(np.abs(difference), 99)) if yes and no else 0.0
    gain = 100 / max(strongest, 1.0)
    tiles = np.stack([_bytes(with_it), _bytes(without), _bytes(128 + gain * difference)])
    # Plain ASCII: the built-in font has no true minus and no times sign.
    last = f"with - without\nexaggerated {gain:.1f}x" if yes and no else "no difference\nto show"
    labels = [f"{name}\n{yes:,} pictures", f"not {name}\n{no:,} pictures", last]
    return make_grid(resize_images(tiles, _MEAN_TILE), columns=3, labels=labels, gap=6)


def extremes(images: NDArray[np.uint8], statistics: Statistics) -> Image.Image:
    """The darkest, the brightest, the flattest and the least colourful pictures, a row of each."""
    measures = {
        "brightness": (statistics.luminance, 1),
        "brightness ": (statistics.luminance, -1),
        "contrast": (statistics.contrast, 1),
        "saturation": (statistics.saturation, 1),
    }
    rows, labels = [], []
    for what, (values, direction) in measures.items():
        chosen = np.argsort(direction * values, kind="stable")[:_EXTREMES]
        rows += chosen.tolist()
        labels += [f"{_name(statistics, row)}\n{what.strip()} {values[row]:.3g}" for row in chosen]
    columns = min(_EXTREMES, len(images))
    return make_grid(resize_images(images[rows], _TILE), columns=columns, labels=labels, gap=6)


def pairs(images: NDArray[np.uint8], statistics: Statistics) -> Image.Image | None:
    """Duplicates side by side, exact ones first; None when there are none."""
    duplicates = statistics.duplicates
    found = [(group[0], group[1], "same pixels") for group in duplicates.groups]
    found += [(one, other, f"difference {difference:.1f}") for one, other, difference in duplicates.pairs]
    if not found:
        return None
    rows = [row for one, other, _ in found[:_PAIRS] for row in (one, other)]
    labels = [f"{_name(statistics, row)}\n{text}" for one, other, text in found[:_PAIRS] for row in (one, other)]
    return make_grid(resize_images(images[rows], _TILE), columns=min(6, len(rows)), labels=labels, gap=6)


def attribute_rates(statistics: Statistics, attributes: list[str]) -> bytes:
    """How many of the pictures have each attribute, the most frequent first."""
    yes, no = statistics.counts[:, 0], statistics.counts[:, 1]
    share = 100 * yes / np.maximum(yes + no, 1)
    order = np.argsort(-share, kind="stable")
    texts = [f"{share[index]:.1f}%  ({yes[index]:,})" for index in order]
    names = [attributes[index] for index in order]
    return curves.bars(names, share[order], "How many pictures have it", "% of pictures", texts, limit=118)


def attribute_correlation(statistics: Statistics, attributes: list[str]) -> bytes:
    return curves.heatmap(statistics.correlation, attributes, "Which attributes come together")


def brightness(statistics: Statistics) -> bytes:
    edges = np.linspace(0, 255, 52)
    counts = {"brightness": np.histogram(statistics.luminance, edges)[0]}
    return curves.histogram(counts, edges, "Brightness", "mean of a picture, 0 black to 255 white")


def saturation(statistics: Statistics) -> bytes:
    edges = np.linspace(0, 1, 51)
    counts = {"saturation": np.histogram(statistics.saturation, edges)[0]}
    return curves.histogram(counts, edges, "Saturation", "mean of a picture, 0 grey to 1 pure colour")


def channels(statistics: Statistics) -> bytes:
    shares = 100 * statistics.channels / statistics.channels.sum(axis=1, keepdims=True)
    counts = dict(zip(_CHANNELS, shares, strict=True))
    colours = list(_CHANNELS.values())
    return curves.histogram(counts, np.arange(257), "Colour channels", "value of a pixel", "% of pixels", colours)


def identities(per_person: NDArray[np.int64]) -> bytes:
    edges = np.arange(1, max(12, int(per_person.max()) + 1) + 1) - 0.5
    if len(edges) > 61:
        edges = np.linspace(0.5, per_person.max() + 0.5, 61)
    counts = {"people": np.histogram(per_person, edges)[0]}
    return curves.histogram(counts, edges, "Pictures of each person", "pictures", "people")


def _name(statistics: Statistics, row: int) -> str:
    """The name of a file without its folders, which are mostly the same and would take all the room."""
    return statistics.files[row].rpartition("/")[2]


def _bytes(values: Floats) -> NDArray[np.uint8]:
    """Pixel values rounded and cut to 0..255, NaN (the mean of no pictures) as mid grey."""
    return np.clip(np.rint(np.nan_to_num(values, nan=128)), 0, 255).astype(np.uint8)
