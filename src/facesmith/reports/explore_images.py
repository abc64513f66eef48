"""The images and charts of an exploration: an image each, or an SVG file as bytes."""

import numpy as np
from PIL import Image

from facesmith.arrays import Doubles, Images, Integers
from facesmith.data.statistics import Statistics
from facesmith.images.grid import make_grid, resize_images
from facesmith.reports import svg_charts

_SAMPLE_COUNT = 64
_TILE = 128
_MEAN_TILE = 176
_EXTREME_COUNT = 6
_MAX_PAIRS = 24
_CHANNELS = {"red": "#c8372d", "green": "#1b8a4b", "blue": "#1f5fbf"}


def sample(images: Images, seed: int = 0) -> Image.Image:
    """Return a sheet of up to 64 random images, the same for the same dataset and seed."""
    chosen = np.random.default_rng(seed).permutation(len(images))[:_SAMPLE_COUNT]
    return make_grid(resize_images(images[np.sort(chosen)], _TILE, enlarge=False))


def mean_face(statistics: Statistics) -> Image.Image:
    return make_grid(resize_images(_bytes(statistics.mean)[None], 256), gap=0)


def mean_pair(statistics: Statistics, index: int, name: str) -> Image.Image:
    """Return the mean image with an attribute, the mean without it, and the amplified difference around grey."""
    mean_with, mean_without = statistics.means[index]
    yes, no, _ = (int(count) for count in statistics.counts[index])
    difference = mean_with - mean_without
    strongest = float(np.percentile(np.abs(difference), 99)) if yes and no else 0.0
    gain = 100 / max(strongest, 1.0)
    tiles = np.stack([_bytes(mean_with), _bytes(mean_without), _bytes(128 + gain * difference)])
    # ASCII only: the built-in font has no minus sign and no times sign.
    difference_label = f"with - without\namplified {gain:.1f}x" if yes and no else "no difference\nto show"
    labels = [f"{name}\n{yes:,} images", f"not {name}\n{no:,} images", difference_label]
    return make_grid(resize_images(tiles, _MEAN_TILE), columns=3, labels=labels, gap=6)


def extremes(images: Images, statistics: Statistics) -> Image.Image:
    """Return one row each of the darkest, the brightest, the lowest-contrast and the least saturated images."""
    measures = [
        ("brightness", statistics.luminance, 1),
        ("brightness", statistics.luminance, -1),
        ("contrast", statistics.contrast, 1),
        ("saturation", statistics.saturation, 1),
    ]
    rows, labels = [], []
    for measure, values, sign in measures:
        chosen = np.argsort(sign * values, kind="stable")[:_EXTREME_COUNT]
        rows += chosen.tolist()
        labels += [f"{_name(statistics, row)}\n{measure} {values[row]:.3g}" for row in chosen]
    columns = min(_EXTREME_COUNT, len(images))
    return make_grid(resize_images(images[rows], _TILE), columns=columns, labels=labels, gap=6)


def pairs(images: Images, statistics: Statistics) -> Image.Image | None:
    """Return duplicates side by side, exact ones first; None without duplicates."""
    duplicates = statistics.duplicates
    duplicate_pairs = [(group[0], group[1], "same pixels") for group in duplicates.groups]
    duplicate_pairs += [(a, b, f"difference {difference:.1f}") for a, b, difference in duplicates.pairs]
    if not duplicate_pairs:
        return None
    rows = [row for a, b, _ in duplicate_pairs[:_MAX_PAIRS] for row in (a, b)]
    labels = [f"{_name(statistics, row)}\n{text}" for a, b, text in duplicate_pairs[:_MAX_PAIRS] for row in (a, b)]
    return make_grid(resize_images(images[rows], _TILE), columns=min(6, len(rows)), labels=labels, gap=6)


def attribute_rates(statistics: Statistics, attributes: list[str]) -> bytes:
    """Draw the share of images with each attribute, the most frequent first."""
    yes, no = statistics.counts[:, 0], statistics.counts[:, 1]
    share = 100 * yes / np.maximum(yes + no, 1)
    order = np.argsort(-share, kind="stable")
    texts = [f"{share[index]:.1f}%  ({yes[index]:,})" for index in order]
    names = [attributes[index] for index in order]
    return svg_charts.bars(names, share[order], "Attribute rates", "% of images", texts)


def attribute_correlation(statistics: Statistics, attributes: list[str]) -> bytes:
    return svg_charts.heatmap(statistics.correlation, attributes, "Correlation of attributes")


def brightness(statistics: Statistics) -> bytes:
    edges = np.linspace(0, 255, 52)
    counts = {"brightness": np.histogram(statistics.luminance, edges)[0]}
    return svg_charts.histogram(counts, edges, "Brightness", "mean of each image (0: black, 255: white)")


def saturation(statistics: Statistics) -> bytes:
    edges = np.linspace(0, 1, 51)
    counts = {"saturation": np.histogram(statistics.saturation, edges)[0]}
    return svg_charts.histogram(counts, edges, "Saturation", "mean of each image (0: grey, 1: pure colour)")


def channels(statistics: Statistics) -> bytes:
    shares = 100 * statistics.channels / statistics.channels.sum(axis=1, keepdims=True)
    counts = dict(zip(_CHANNELS, shares, strict=True))
    colours = list(_CHANNELS.values())
    return svg_charts.histogram(counts, np.arange(257), "Colour channels", "pixel value", "% of pixels", colours)


def identities(per_person: Integers) -> bytes:
    edges = np.arange(1, max(12, int(per_person.max()) + 1) + 1) - 0.5
    if len(edges) > 61:
        edges = np.linspace(0.5, per_person.max() + 0.5, 61)
    counts = {"people": np.histogram(per_person, edges)[0]}
    return svg_charts.histogram(counts, edges, "Images of each person", "images", "people")


def _name(statistics: Statistics, row: int) -> str:
    """Return the name of a file without its folders, which are too long for a label."""
    return statistics.files[row].rpartition("/")[2]


def _bytes(values: Doubles) -> Images:
    """Round and clip pixel values to 0..255. NaN, the mean of no images, becomes mid grey."""
    return np.clip(np.rint(np.nan_to_num(values, nan=128)), 0, 255).astype(np.uint8)
