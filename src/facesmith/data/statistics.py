"""Statistics of a dataset, computed in one pass over its images."""

from dataclasses import dataclass

import numpy as np

from facesmith.arrays import Booleans, Doubles, Floats, Images, Integers
from facesmith.data.dataset import UNKNOWN, Dataset
from facesmith.data.duplicates import Duplicates, find_duplicates, low_frequencies, pixel_digests
from facesmith.progress import progress

_CHUNK_VALUES = 6_000_000  # pixel values read at a time, which need about 100 MB with all intermediate results
_MEAN_SIDE = 256  # means of larger images use every k-th pixel, because two for each attribute stay in memory
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Statistics:
    """Statistics of N images of H x W with A attributes. Mean images are in 0..255, NaN if there is no image."""

    count: int
    mean: Doubles  # (h, w, 3): H and W divided by the smallest whole number that makes them at most 256
    counts: Integers  # (A, 3): images with the attribute, without it, and unknown
    means: Doubles  # (A, 2, h, w, 3): of the images with it and of those without
    correlation: Doubles  # (A, A), over images with both known; NaN for an attribute that never varies
    luminance: Floats  # (N,) mean of each image, 0..255
    contrast: Floats  # (N,) standard deviation of its luminance, 0..127.5
    saturation: Floats  # (N,) mean of each image, 0..1
    channels: Integers  # (3, 256): number of pixels with each value of red, green and blue
    duplicates: Duplicates
    files: list[str]
    splits: list[str | None]
    identities: list[int | None] | None

    @property
    def per_person(self) -> Integers:
        """Number of images of each identity, (people,); empty if identities are unknown."""
        known = [identity for identity in self.identities or () if identity is not None]
        return np.unique(np.array(known, np.int64), return_counts=True)[1].astype(np.int64)


def measure(dataset: Dataset, quiet: bool = False) -> Statistics:
    """Compute the statistics, reading a chunk of images at a time. Memory does not grow with the image size."""
    images = dataset.images
    count, height, width, _ = images.shape
    table = dataset.metadata()
    values = dataset.attribute_values()
    labels, known = values == 1, values != UNKNOWN
    groups = np.concatenate([labels, known], axis=1).astype(np.float32)
    stride = -(-max(height, width) // _MEAN_SIDE)
    shape = (-(-height // stride), -(-width // stride), 3)
    total = np.zeros(shape)
    sums = np.zeros((groups.shape[1], total.size))
    channels = np.zeros((3, 256), np.int64)
    luminance, contrast, saturation = (np.zeros(count, np.float32) for _ in range(3))
    frequencies = np.zeros((count, 64), np.float32)
    exact: list[bytes] = []
    # The sum of at most 50,000 values of up to 255 is a whole number below 2^24, which float32 represents exactly.
    step = min(50_000, max(1, _CHUNK_VALUES // (height * width * 3)))
    with progress(count, "exploring", shown=not quiet) as bar:
        for start in range(0, count, step):
            rows = slice(start, min(start + step, count))
            chunk = np.ascontiguousarray(images[rows])
            pixels = chunk.astype(np.float32)
            coarse = pixels[:, ::stride, ::stride]
            total += coarse.sum(axis=0, dtype=np.float64)
            sums += groups[rows].T @ coarse.reshape(len(chunk), -1)
            grey = pixels @ _LUMINANCE
            luminance[rows], contrast[rows] = grey.mean(axis=(1, 2)), grey.std(axis=(1, 2))
            saturation[rows] = _saturation(chunk)
            frequencies[rows] = low_frequencies(grey)
            exact += pixel_digests(chunk)
            for channel in range(3):
                channels[channel] += np.bincount(chunk[..., channel].ravel(), minlength=256)
            bar.update(len(chunk))
    counts, means = _by_attribute(groups, sums, shape)
    columns = table.column_names
    return Statistics(
        count=count,
        mean=total / count,
        counts=counts,
        means=means,
        correlation=correlation(labels, known),
        luminance=luminance,
        contrast=contrast,
        saturation=saturation,
        channels=channels,
        duplicates=find_duplicates(images, exact, frequencies),
        files=[str(name) for name in table.column("file").to_pylist()],
        splits=table.column("split").to_pylist() if "split" in columns else [None] * count,
        identities=table.column("identity").to_pylist() if "identity" in columns else None,
    )


def correlation(labels: Booleans, known: Booleans) -> Doubles:
    """Return the Pearson correlation (A, A) of bool columns (N, A), each pair over the rows with both known."""
    positives, valid = (labels & known).astype(np.float32), known.astype(np.float32)
    # Sums of fewer than 2^24 ones are exact in float32.
    positive_pairs, valid_pairs = (positives.T @ positives).astype(np.float64), (positives.T @ valid).astype(np.float64)
    pairs = (valid.T @ valid).astype(np.float64)
    spread = pairs * valid_pairs - valid_pairs**2
    scale = np.sqrt(np.maximum(spread * spread.T, 0))
    result = np.full(positive_pairs.shape, np.nan)
    np.divide(pairs * positive_pairs - valid_pairs * valid_pairs.T, scale, out=result, where=scale > 0)
    return np.asarray(np.clip(result, -1, 1))


def _by_attribute(groups: Floats, sums: Doubles, shape: tuple[int, int, int]) -> tuple[Integers, Doubles]:
    attributes = groups.shape[1] // 2
    with_it, known = np.split(groups.sum(axis=0, dtype=np.float64).astype(np.int64), 2)
    counts = np.stack([with_it, known - with_it, len(groups) - known], axis=1)
    added = np.stack([sums[:attributes], sums[attributes:] - sums[:attributes]], axis=1)
    divisor = counts[:, :2, None].astype(np.float64)
    means = np.full(added.shape, np.nan)
    np.divide(added, divisor, out=means, where=np.broadcast_to(divisor > 0, added.shape))
    return counts, means.reshape(attributes, 2, *shape)


def _saturation(images: Images) -> Floats:
    red, green, blue = images[..., 0], images[..., 1], images[..., 2]
    highest = np.maximum(np.maximum(red, green), blue)
    lowest = np.minimum(np.minimum(red, green), blue)
    colourful = (highest - lowest) / np.maximum(highest, 1).astype(np.float32)
    return np.asarray(colourful.mean(axis=(1, 2)), np.float32)
