"""Faces turned, scaled and shifted into the frame of CelebA's aligned photos, 178 x 218 pixels.

A similarity, x' = a x + b in complex numbers, is kept as the 2 x 3 matrix that OpenCV takes; the middle of the first
pixel is 0, 0.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facesmith.extras import require

if TYPE_CHECKING:
    from facesmith.images.find_faces import Face

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]

WIDTH, HEIGHT = 178, 218

# Where the eye at the left, the other eye and the middle of the mouth lie in CelebA's frame: the median of what
# `find_faces` itself says of every 40th of CelebA's first 18,000 aligned photos. Measured so, a photo that lies in the
# frame already is left where it is. The nose is not among them: it says more of where a head looks than of where it is.
TEMPLATE: Floats = np.array([[68.31, 112.65], [107.2, 111.85], [88.74, 152.28]])


def align(picture: Picture, face: "Face", zoom: int = 1) -> Picture:
    """The face in CelebA's frame: uint8 of shape (218, 178, 3), or ``zoom`` times as high and wide.

    A similarity takes both eyes and the middle of the mouth as near as it can to where CelebA's photos have them. What
    lies beyond the photo's edge is the edge's colour, as in CelebA.
    """
    return warped(picture, after(scaled(zoom), alignment(face)), zoom * WIDTH, zoom * HEIGHT)


def alignment(face: "Face") -> Floats:
    """The similarity that `align` uses: the 2 x 3 matrix from the photo's pixels to those of CelebA's frame."""
    return similarity(anchors(face.landmarks), TEMPLATE)


def anchors(landmarks: NDArray[np.floating]) -> Floats:
    """Both eyes and the middle of the mouth, (3, 2), out of five landmarks, (5, 2)."""
    return np.array([landmarks[0], landmarks[1], (landmarks[3] + landmarks[4]) / 2], np.float64)


def similarity(points: Floats, target: Floats) -> Floats:
    """The turn, scale and shift, a 2 x 3 matrix, that takes points (N, 2) nearest to ``target`` in least squares.

    Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991; in the plane and
    without mirroring it is one division of complex numbers.
    """
    here, there = points @ (1, 1j), target @ (1, 1j)
    spread, wanted = here - here.mean(), there - there.mean()
    turn = complex((spread.conj() @ wanted) / max(float(np.abs(spread) @ np.abs(spread)), 1e-9))
    return turning(turn, complex(there.mean() - turn * here.mean()))


def turning(turn: complex, shift: complex) -> Floats:
    """The 2 x 3 matrix of x' = ``turn`` x + ``shift``."""
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def scaled(across: float, down: float | None = None) -> Floats:
    """The 2 x 3 matrix that resizing a picture by these factors is: edges stay edges, middles of pixels move."""
    down = across if down is None else down
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]])


def inverse(matrix: Floats) -> Floats:
    """The way back of a 2 x 3 matrix."""
    return np.asarray(np.linalg.inv(_square(matrix))[:2], np.float64)


def after(second: Floats, first: Floats) -> Floats:
    """The 2 x 3 matrix that does ``first`` and then ``second``."""
    return np.asarray(second @ _square(first), np.float64)


def warped(picture: Picture, matrix: Floats, width: int, height: int) -> Picture:
    """``picture`` moved by a 2 x 3 matrix into one of ``width`` x ``height``, without aliasing where it shrinks."""
    cv2 = require("cv2", "photos", "aligning faces")
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    part, back = _part(picture, inverse(matrix), width, height, margin=4 + 2 / scale)
    if scale >= 1:
        return _warp(cv2, part, after(matrix, back), width, height)
    # OpenCV's warp looks at 16 pixels whatever the scale: the photo is brought to twice the scale by averaging areas,
    # moved there, and halved.
    if scale < 0.5:
        size = tuple(max(1, round(2 * scale * side)) for side in part.shape[1::-1])
        reduced = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        back = after(back, scaled(part.shape[1] / size[0], part.shape[0] / size[1]))
        part = reduced
    double = _warp(cv2, part, after(scaled(2), after(matrix, back)), 2 * width, 2 * height)
    return np.asarray(cv2.resize(double, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _part(picture: Picture, back: Floats, width: int, height: int, margin: float) -> tuple[Picture, Floats]:
    """The seen part, and the matrix from its pixels to the picture's: OpenCV warps no side above 32,767."""
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ back[:, :2].T + back[:, 2]
    limits = np.array(picture.shape[1::-1])
    low = np.clip(np.floor(corners.min(0) - margin), 0, limits - 1).astype(int)
    high = np.clip(np.ceil(corners.max(0) + margin), low + 1, limits).astype(int)
    return picture[low[1] : high[1], low[0] : high[0]], turning(1, complex(*low))


def _warp(cv2: Any, part: Picture, matrix: Floats, width: int, height: int) -> Picture:
    part = np.ascontiguousarray(part)
    moved = cv2.warpAffine(part, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _square(matrix: Floats) -> Floats:
    return np.vstack([matrix, [0, 0, 1]])
