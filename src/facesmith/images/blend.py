"""Blend an edited face back into its photo, at the photo's own resolution.

The difference between the face after and before the edit is added to the photo. Details that a crop of 64 pixels cannot
show, such as pores, lashes and hairs, therefore stay as they are.
"""

import numpy as np

from facesmith.arrays import Doubles, Floats, ImageArray, Integers
from facesmith.extras import require
from facesmith.images.align import compose, invert, scale_matrix, similarity_matrix
from facesmith.images.face_crop import FaceCrop

FEATHER = 1 / 8  # the part of a crop's width and height, from its border inwards, over which the change fades in
TILE = 1024  # pixels a side that are blended at a time, so that memory does not grow with the photo


def blend_face(photo: ImageArray, crop: FaceCrop, edited: ImageArray) -> ImageArray:
    """Return the upright photo (H, W, 3) with ``edited`` in place of ``crop.image``.

    Only pixels inside the crop change. Raises `FacesmithError` if the ``photos`` extra is missing.
    """
    result = photo.copy()
    change, to_photo = _reduce(edited.astype(np.float32) - crop.image, invert(crop.transform))
    (left, top), (right, bottom) = _bounds(crop, photo.shape[1], photo.shape[0])
    for y in range(top, bottom, TILE):
        for x in range(left, right, TILE):
            tile = result[y : min(y + TILE, bottom), x : min(x + TILE, right)]
            height, width = tile.shape[:2]
            to_tile = compose(similarity_matrix(1, complex(-x, -y)), to_photo)
            weight = _weights(crop, x, y, width, height)[..., None]
            tile[:] = np.clip(np.rint(tile + weight * _warp(change, to_tile, width, height)), 0, 255).astype(np.uint8)
    return result


def _bounds(crop: FaceCrop, width: int, height: int) -> tuple[Integers, Integers]:
    """Return the first pixel, and the one after the last, of the upright part of the photo that contains the crop."""
    crop_height, crop_width = crop.image.shape[:2]
    corners = np.array([[0, 0], [crop_width, 0], [0, crop_height], [crop_width, crop_height]]) - 0.5
    to_photo = invert(crop.transform)
    in_photo = corners @ to_photo[:, :2].T + to_photo[:, 2]
    low = np.clip(np.floor(in_photo.min(0)), 0, (width, height)).astype(np.int64)
    return low, np.clip(np.ceil(in_photo.max(0)) + 1, low, (width, height)).astype(np.int64)


def _reduce(change: Floats, to_photo: Doubles) -> tuple[Floats, Doubles]:
    """Reduce the change to the scale of the photo if that is smaller, by averaging: warping alone would alias."""
    cv2 = require("cv2", "photos", "blending faces into photos")
    height, width = change.shape[:2]
    # A crop that does not keep the aspect has a different scale along each axis.
    x, y = (min(1.0, float(np.hypot(*to_photo[:, axis]))) for axis in (0, 1))
    size = (max(1, round(x * width)), max(1, round(y * height)))
    if size == (width, height):
        return change, to_photo
    reduced = np.asarray(cv2.resize(change, size, interpolation=cv2.INTER_AREA), np.float32)
    return reduced, compose(to_photo, scale_matrix(width / size[0], height / size[1]))


def _warp(change: Floats, matrix: Doubles, width: int, height: int) -> Floats:
    cv2 = require("cv2", "photos", "blending faces into photos")
    # Outside the crop the border's change is repeated, so that interpolation at the border does not darken it.
    return np.asarray(
        cv2.warpAffine(change, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def _weights(crop: FaceCrop, x: int, y: int, width: int, height: int) -> Floats:
    """Return the weight of the change at each pixel of a part of the photo: 0 outside the crop, 1 well inside it."""
    rows, columns = np.mgrid[y : y + height, x : x + width]
    crop_height, crop_width = crop.image.shape[:2]
    weights = np.ones((height, width))
    for (a, b, shift), side in zip(crop.transform, (crop_width, crop_height), strict=True):
        position = a * columns + b * rows + shift
        inside = np.minimum(position + 0.5, side - 0.5 - position) / (FEATHER * side)
        inside = inside.clip(0, 1)
        weights *= inside * inside * (3 - 2 * inside)  # smoothstep, so that no edge is visible
    return weights.astype(np.float32)
