"""The part of an image that shows the face: an ellipse around its eyes and mouth."""

from typing import Any

import numpy as np

from facesmith.arrays import Booleans, Doubles
from facesmith.images.align import HEIGHT, TEMPLATE, WIDTH
from facesmith.images.crop import card_crop_spec
from facesmith.images.face_crop import crop_matrix, has_aligned_faces
from facesmith.images.geometry import invert

# The distance of the ellipse's centre below the eyes, and its half axes along and across the face, fitted by hand to
# example faces. The unit is the distance between the eyes or, for a turned head, from their middle to the mouth.
CENTRE_BELOW_EYES, HALF_HEIGHT, HALF_WIDTH = 0.4, 1.4, 1.05


def face_region(points: Doubles, transform: Doubles, size: tuple[int, int]) -> Booleans:
    """Return which pixels (H, W) of a crop of ``size`` (width, height) show the face.

    ``points`` (3, 2) are the eye on the left, the eye on the right and the mouth, in pixels of the photo; ``transform``
    (2, 3) maps these to pixels of the crop.
    """
    width, height = size
    y, x = np.mgrid[:height, :width]
    inverse = np.array([1, 1j]) @ invert(transform)
    pixels = x * inverse[0] + y * inverse[1] + inverse[2]
    left, right, mouth = points @ (1, 1j)
    eyes = (left + right) / 2
    face = (pixels - eyes) / (mouth - eyes) * abs(mouth - eyes) / max(abs(right - left), abs(mouth - eyes))
    return np.asarray(((face.real - CENTRE_BELOW_EYES) / HALF_HEIGHT) ** 2 + (face.imag / HALF_WIDTH) ** 2 <= 1)


def aligned_face_region(card: dict[str, Any]) -> Booleans | None:
    """Return `face_region` for the aligned faces of the dataset with this card, or None if they are not aligned."""
    if not has_aligned_faces(card):
        return None
    spec = card_crop_spec(card)
    return face_region(TEMPLATE, crop_matrix(spec, spec.box(WIDTH, HEIGHT)), (spec.width, spec.height))
