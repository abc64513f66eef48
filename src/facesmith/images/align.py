"""Align faces: rotate, scale and shift them into the frame of CelebA's aligned photos, 178 x 218 pixels.

Similarities in the plane are 2 x 3 matrices that map pixel coordinates (x, y) of one image to those of another. The
centre of the first pixel is (0, 0).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.arrays import Doubles, ImageArray
from facesmith.extras import require

CELEBA_FRAME = "celeba-178x218"  # the name of the frame in dataset cards
WIDTH, HEIGHT = 178, 218

# The positions of the eye on the left, the eye on the right and the middle of the mouth in CelebA's frame: the median
# of the landmarks that `find_faces` returns for every 40th of CelebA's first 18,000 aligned photos. With these, a photo
# that is aligned already stays where it is. The nose is left out, because it depends on where the head is turned.
TEMPLATE: Doubles = np.array([[68.31, 112.65], [107.2, 111.85], [88.74, 152.28]])


# Gaussian blurs outside of a photo: standard deviation, and distance from the edge at which the blur is complete; both
# as shares of the longer side.
BLURS = ((0.01, 0.03), (0.05, 0.15))


def align(image: ImageArray, landmarks: NDArray[np.floating], zoom: int = 1) -> ImageArray:
    """Warp the face with these five landmarks into CelebA's frame, (218, 178, 3), or ``zoom`` times that size.

    A similarity brings both eyes and the middle of the mouth as close as possible to their positions in CelebA. Beyond
    its edges the photo is mirrored and blurred.
    """
    return warp(image, compose(scale_matrix(zoom), alignment_matrix(landmarks)), zoom * WIDTH, zoom * HEIGHT)


def alignment_matrix(landmarks: NDArray[np.floating]) -> Doubles:
    """Return the similarity that `align` uses, from the photo's pixels to those of CelebA's frame."""
    return fit_similarity(anchor_points(landmarks), TEMPLATE)


def anchor_points(landmarks: NDArray[np.floating]) -> Doubles:
    """Return both eyes and the middle of the mouth, (3, 2), of five landmarks, (5, 2)."""
    return np.array([landmarks[0], landmarks[1], (landmarks[3] + landmarks[4]) / 2], np.float64)


def similarity_matrix(factor: complex, shift: complex) -> Doubles:
    """Return the matrix of x' = ``factor`` x + ``shift`` in complex numbers: rotation and scale, then translation."""
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


def fit_similarity(points: Doubles, target: Doubles) -> Doubles:
    """Return the similarity that maps points (N, 2) to ``target`` (N, 2) with the least squared error.

    Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991. In the plane and
    without reflection it is one division of complex numbers.
    """
    source, destination = points @ (1, 1j), target @ (1, 1j)
    centred, target = source - source.mean(), destination - destination.mean()
    factor = complex((centred.conj() @ target) / max(float(np.abs(centred) @ np.abs(centred)), 1e-9))
    return similarity_matrix(factor, complex(destination.mean() - factor * source.mean()))


def scale_matrix(x: float, y: float | None = None) -> Doubles:
    """Return the matrix of resizing an image by these factors: edges stay edges, so pixel centres move."""
    y = x if y is None else y
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2]])


def invert(matrix: Doubles) -> Doubles:
    return np.asarray(np.linalg.inv(_square(matrix))[:2], np.float64)


def compose(second: Doubles, first: Doubles) -> Doubles:
    """Return the matrix that applies ``first`` and then ``second``."""
    return np.asarray(second @ _square(first), np.float64)


def warp(image: ImageArray, matrix: Doubles, width: int, height: int) -> ImageArray:
    """Warp an image by a matrix into one of ``width`` x ``height``, antialiased where it shrinks.

    Beyond its edges the image is mirrored and fades into a blur: repeated edge pixels would look like streaks, and a
    sharp mirror image like a second face.
    """
    cv2 = require("cv2", "photos", "aligning faces")
    return _blur_outside(cv2, _warp_antialiased(cv2, image, matrix, width, height), image, matrix)


def _warp_antialiased(cv2: Any, image: ImageArray, matrix: Doubles, width: int, height: int) -> ImageArray:
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    part, to_image = _visible_part(image, invert(matrix), width, height, margin=4 + 2 / scale)
    if scale >= 1:
        return _warp_cubic(cv2, part, compose(matrix, to_image), width, height)
    # OpenCV's warp reads 16 pixels at any scale. So the image is first reduced to twice the target scale by area
    # averaging, then warped, then halved.
    if scale < 0.5:
        size = tuple(max(1, round(2 * scale * side)) for side in part.shape[1::-1])
        reduced = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        to_image = compose(to_image, scale_matrix(part.shape[1] / size[0], part.shape[0] / size[1]))
        part = reduced
    double = _warp_cubic(cv2, part, compose(scale_matrix(2), compose(matrix, to_image)), 2 * width, 2 * height)
    return np.asarray(cv2.resize(double, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _visible_part(
    image: ImageArray, inverse: Doubles, width: int, height: int, margin: float
) -> tuple[ImageArray, Doubles]:
    """Return the part of the image that the result shows, and the matrix from its pixels to the image's.

    OpenCV cannot warp an image with a side above 32,767 pixels.
    """
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ inverse[:, :2].T + inverse[:, 2]
    limits = np.array(image.shape[1::-1])
    low = np.clip(np.floor(corners.min(0) - margin), 0, limits - 1).astype(int)
    high = np.clip(np.ceil(corners.max(0) + margin), low + 1, limits).astype(int)
    return image[low[1] : high[1], low[0] : high[0]], similarity_matrix(1, complex(*low))


def _warp_cubic(cv2: Any, part: ImageArray, matrix: Doubles, width: int, height: int) -> ImageArray:
    part = np.ascontiguousarray(part)
    warped = cv2.warpAffine(part, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(warped, np.uint8)


def _blur_outside(cv2: Any, warped: ImageArray, image: ImageArray, matrix: Doubles) -> ImageArray:
    """Return the warped image, blurred more and more where it lies further outside of ``image``."""
    height, width = warped.shape[:2]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    inverse, scale = invert(matrix), float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    source = np.stack([inverse[row, 0] * x + inverse[row, 1] * y + inverse[row, 2] for row in (0, 1)])
    limits = np.array(image.shape[1::-1], np.float64)[:, None, None] - 0.5
    distance = np.maximum(-0.5 - source, source - limits).max(0).clip(min=0) * scale / max(width, height)
    if not distance.any():
        return warped
    result = warped.astype(np.float32)
    for spread, full in BLURS:
        blurred = cv2.GaussianBlur(result, (0, 0), spread * max(width, height), borderType=cv2.BORDER_REFLECT)
        result += (blurred - result) * np.clip(distance / full, 0, 1).astype(np.float32)[..., None]
    return np.asarray(result.round().clip(0, 255), np.uint8)


def _square(matrix: Doubles) -> Doubles:
    return np.vstack([matrix, [0, 0, 1]])
