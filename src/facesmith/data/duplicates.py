"""Find images that a dataset contains twice, exactly or nearly."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facesmith.arrays import Floats, Images, Integers

MAX_DIFFERENT_BITS = 10  # of 64: two hashes share one of their 8 bytes with up to 7, and nearly always with up to 10
MAX_DIFFERENCE = 8.0  # mean absolute difference of two near duplicates, of 255
_NEIGHBOURS = 32  # images compared with each one that shares a byte of its hash, in the order of brightness
_MAX_COMPARED_PAIRS = 200_000  # whose pixels are compared, which limits the time
_FREQUENCIES = 8


@dataclass(frozen=True)
class Duplicates:
    """``groups``: rows with equal pixels, each group in order. ``pairs``: (row, row, mean absolute difference 0..255)
    of nearly equal images, the most similar first, with only the first row of each group. ``complete`` is False if
    there were more candidates than are compared."""

    groups: list[list[int]]
    pairs: list[tuple[int, int, float]]
    complete: bool


def pixel_digests(images: Images) -> list[bytes]:
    """Return the SHA-256 of the pixels of each image of (N, H, W, 3)."""
    return [hashlib.sha256(image.tobytes()).digest() for image in images]


def low_frequencies(luminance: Floats) -> Floats:
    """Return the lowest 8 x 8 frequencies of the cosine transform of images (N, H, W): (N, 64), in grey levels."""
    _, height, width = luminance.shape
    transform = _cosines(height) @ luminance @ _cosines(width).T
    # Rounded, because rounding errors would otherwise decide the hash of a flat image.
    return np.asarray(np.round(transform.reshape(len(transform), -1) / (height * width), 2), np.float32)


def find_duplicates(images: Images, exact: Sequence[bytes], frequencies: Floats) -> Duplicates:
    """Find duplicates among N images (N, H, W, 3), using their `pixel_digests` and `low_frequencies`.

    Near duplicates share most bits of a perceptual hash, and are then compared pixel by pixel. A copy that is mirrored,
    cropped differently or largely painted over is not found. Time grows with N, not with its square: among images with
    an equal byte of the hash, each is compared with its 32 nearest in brightness. In sets of hundreds of thousands this
    may miss a pair.
    """
    rows = defaultdict(list)
    for row, digest in enumerate(exact):
        rows[digest].append(row)
    groups = [group for group in rows.values() if len(group) > 1]
    single = np.array([group[0] for group in rows.values()], np.int64)
    candidates = _candidates(frequencies[single])
    complete = len(candidates) <= _MAX_COMPARED_PAIRS
    pairs = []
    for first, second in single[candidates[:_MAX_COMPARED_PAIRS]]:
        difference = float(np.abs(images[first].astype(np.int16) - images[second]).mean())
        if difference <= MAX_DIFFERENCE:
            pairs.append((int(min(first, second)), int(max(first, second)), difference))
    return Duplicates(groups, sorted(pairs, key=lambda pair: (pair[2], pair)), complete)


def _cosines(length: int) -> Floats:
    positions = np.arange(length) + 0.5
    return np.cos(np.pi / length * np.arange(_FREQUENCIES)[:, None] * positions).astype(np.float32)


def _candidates(frequencies: Floats) -> Integers:
    """Return pairs of positions (P, 2) whose hashes differ in few bits, those with the fewest first.

    A bit says whether a frequency is above its median over the dataset. Aligned faces are so similar that a comparison
    with zero would give nearly all of them the same bits.
    """
    hashes = np.packbits(frequencies > np.median(frequencies, axis=0), axis=1)
    brightness = frequencies[:, 0]
    count = len(hashes)
    codes_per_byte = []
    for byte in range(hashes.shape[1]):
        order = np.lexsort((brightness, hashes[:, byte]))
        keys = hashes[order, byte]
        for offset in range(1, min(_NEIGHBOURS, count - 1) + 1):
            positions = np.flatnonzero(keys[:-offset] == keys[offset:])
            first, second = order[positions], order[positions + offset]
            different = np.unpackbits(hashes[first] ^ hashes[second], axis=1).sum(axis=1)
            close = different <= MAX_DIFFERENT_BITS
            low, high = np.minimum(first, second)[close], np.maximum(first, second)[close]
            codes_per_byte.append((different[close].astype(np.int64) * count + low) * count + high)
    if not codes_per_byte:
        return np.empty((0, 2), np.int64)
    codes = np.unique(np.concatenate(codes_per_byte))
    return np.stack([codes // count % count, codes % count], axis=1)
