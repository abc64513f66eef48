"""A face that was made over → back in its photo, at the photo's own resolution.

What is put back is the change, made - before, and not the picture that was made: a cut of 64 pixels knows nothing of
the pores, lashes and hairs of a large photo, and what it knows nothing of stays as it was.
"""

import numpy as np
from numpy.typing import NDArray

from facesmith.extras import require
from facesmith.images.align import Floats, Picture, after, inverse, scaled, turning
from facesmith.images.crop_faces import FaceCrop

FEATHER = 1 / 8  # of a cut's width and height: over so much of it, from its border inwards, the change fades in
TILE = 1024  # pixels a side that are worked on at once: memory does not grow with the photo

Numbers = NDArray[np.float32]


def blended(photo: Picture, cut: FaceCrop, made: Picture) -> Picture:
    """The upright photo (H x W x 3, uint8) with ``made`` in the place of ``cut.picture``, which was cut from it.

    Only pixels inside the cut change; all others are equal to the bit. Raises `FacesmithError` where the extra
    ``photos`` is missing.
    """
    result = photo.copy()
    change, back = _reduced(made.astype(np.float32) - cut.picture, inverse(cut.transform))
    (left, top), (right, bottom) = _bounds(cut, photo.shape[1], photo.shape[0])
    for y in range(top, bottom, TILE):
        for x in range(left, right, TILE):
            tile = result[y : min(y + TILE, bottom), x : min(x + TILE, right)]
            height, width = tile.shape[:2]
            moved = _moved(change, after(turning(1, complex(-x, -y)), back), width, height)
            weight = _weight(cut, x, y, width, height)[..., None]
            tile[:] = np.clip(np.rint(tile + weight * moved), 0, 255).astype(np.uint8)
    return result


def _bounds(cut: FaceCrop, width: int, height: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The upright part of a photo of this size that holds all of a cut: its first pixel, and the one after its last."""
    high, wide = cut.picture.shape[:2]
    corners = np.array([[0, 0], [wide, 0], [0, high], [wide, high]]) - 0.5
    back = inverse(cut.transform)
    seen = corners @ back[:, :2].T + back[:, 2]
    low = np.clip(np.floor(seen.min(0)), 0, (width, height)).astype(np.int64)
    return low, np.clip(np.ceil(seen.max(0)) + 1, low, (width, height)).astype(np.int64)


def _reduced(change: Numbers, back: Floats) -> tuple[Numbers, Floats]:
    """A change and the matrix to its photo; of a face smaller than its cut, shrunk by averaging, which warping is not.

    The photo may turn the face, so the change is brought to its scale and turned afterwards.
    """
    cv2 = require("cv2", "photos", "putting faces back into photos")
    height, width = change.shape[:2]
    # A cut that does not keep the aspect has a scale along each side.
    across, down = (min(1.0, float(np.hypot(*back[:, axis]))) for axis in (0, 1))
    size = (max(1, round(across * width)), max(1, round(down * height)))
    if size == (width, height):
        return change, back
    reduced = np.asarray(cv2.resize(change, size, interpolation=cv2.INTER_AREA), np.float32)
    return reduced, after(back, scaled(width / size[0], height / size[1]))


def _moved(change: Numbers, matrix: Floats, width: int, height: int) -> Numbers:
    cv2 = require("cv2", "photos", "putting faces back into photos")
    # Where the weight is not zero yet the border's change goes on: nothing is darkened by what lies beyond.
    return np.asarray(
        cv2.warpAffine(change, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def _weight(cut: FaceCrop, x: int, y: int, width: int, height: int) -> Numbers:
    """How much of the change each pixel of a part of the photo gets: 0 outside the cut, 1 well inside it."""
    rows, columns = np.mgrid[y : y + height, x : x + width]
    high, wide = cut.picture.shape[:2]
    weight = np.ones((height, width))
    for (along, against, shift), side in zip(cut.transform, (wide, high), strict=True):
        place = along * columns + against * rows + shift
        inside = np.minimum(place + 0.5, side - 0.5 - place) / (FEATHER * side)
        inside = inside.clip(0, 1)
        weight *= inside * inside * (3 - 2 * inside)  # begins and ends level, so that no line is seen
    return weight.astype(np.float32)
