"""Pictures that a dataset holds twice: byte for byte, or nearly so."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_DIFFERENT_BITS = 10  # of 64; up to 7 two hashes share one of their 8 bytes for certain, up to 10 nearly always
MOST_DIFFERENCE = 8.0  # mean absolute difference of two near duplicates, of 255
_NEIGHBOURS = 32  # of one byte of the hash, compared in the order of brightness
_MOST_CONFIRMED = 200_000  # pairs whose pixels are compared: a bound on the time that a strange dataset can take
_FREQUENCIES = 8


@dataclass(frozen=True)
class Duplicates:
    """``groups``: rows with the very same pixels, each group in order. ``pairs``: (row, row, mean absolute difference
    0..255), most alike first, of pictures nearly the same; of a group only its first row takes part. ``complete`` is
    False when there were more candidates than are compared."""

    groups: list[list[int]]
    pairs: list[tuple[int, int, float]]
    complete: bool


def digests(images: NDArray[np.uint8]) -> list[bytes]:
    """SHA-256 of the pixels of each picture of (N, H, W, 3)."""
    return [hashlib.sha256(image.tobytes()).digest() for image in images]


def spectra(luminance: NDArray[np.float32]) -> NDArray[np.float32]:
    """The lowest 8×8 frequencies of the cosine transform of each picture of (N, H, W): (N, 64), in grey levels."""
    _, height, width = luminance.shape
    found = _cosines(height) @ luminance @ _cosines(width).T
    # Rounded, because otherwise the noise of the arithmetic would decide the hash of a flat picture.
    return np.asarray(np.round(found.reshape(len(found), -1) / (height * width), 2), np.float32)


def find_duplicates(images: NDArray[np.uint8], exact: Sequence[bytes], frequencies: NDArray[np.float32]) -> Duplicates:
    """Search N pictures (N, H, W, 3) for duplicates, from their `digests` and `spectra`.

    Near duplicates share most bits of a perceptual hash and are then compared pixel by pixel, so that none is listed
    by chance; a copy that is mirrored, cropped anew or marked over a large part is not found. Time grows with N, not
    with its square: within one byte of the hash a picture meets its 32 nearest in brightness, which in sets of
    hundreds of thousands may miss a pair.
    """
    rows = defaultdict(list)
    for row, digest in enumerate(exact):
        rows[digest].append(row)
    groups = [group for group in rows.values() if len(group) > 1]
    single = np.array([group[0] for group in rows.values()], np.int64)
    candidates = _candidates(frequencies[single])
    complete = len(candidates) <= _MOST_CONFIRMED
    pairs = []
    for one, other in single[candidates[:_MOST_CONFIRMED]]:
        difference = float(np.abs(images[one].astype(np.int16) - images[other]).mean())
        if difference <= MOST_DIFFERENCE:
            pairs.append((int(min(one, other)), int(max(one, other)), difference))
    return Duplicates(groups, sorted(pairs, key=lambda pair: (pair[2], pair)), complete)


def _cosines(length: int) -> NDArray[np.float32]:
    places = np.arange(length) + 0.5
    return np.cos(np.pi / length * np.arange(_FREQUENCIES)[:, None] * places).astype(np.float32)


def _candidates(frequencies: NDArray[np.float32]) -> NDArray[np.int64]:
    """Pairs of positions (P, 2) whose hashes differ in few bits, those with the fewest first.

    A bit says whether a frequency is above its median over the dataset, not above zero: aligned faces are so alike
    that bits about zero would be the same for nearly all of them, and every picture would be a candidate.
    """
    hashes = np.packbits(frequencies > np.median(frequencies, axis=0), axis=1)
    brightness = frequencies[:, 0]
    count = len(hashes)
    found = []
    for byte in range(hashes.shape[1]):
        order = np.lexsort((brightness, hashes[:, byte]))
        keys = hashes[order, byte]
        for offset in range(1, min(_NEIGHBOURS, count - 1) + 1):
            same = np.flatnonzero(keys[:-offset] == keys[offset:])
            one, other = order[same], order[same + offset]
            different = _BITS[hashes[one] ^ hashes[other]].sum(axis=1)
            close = different <= MOST_DIFFERENT_BITS
            low, high = np.minimum(one, other)[close], np.maximum(one, other)[close]
            found.append((different[close].astype(np.int64) * count + low) * count + high)
    if not found:
        return np.empty((0, 2), np.int64)
    codes = np.unique(np.concatenate(found))
    return np.stack([codes // count % count, codes % count], axis=1)


_BITS = np.array([bin(value).count("1") for value in range(256)], np.uint8)
