"""Align faces: rotate, scale and shift them into the frame of CelebA's aligned photos, 178 x 218 pixels."""

import numpy as np
from numpy.typing import NDArray

from facesmith.arrays import Doubles, ImageArray
from facesmith.images.geometry import compose, fit_similarity, scale_matrix, warp

CELEBA_FRAME = "celeba-178x218"  # the name of the frame in dataset cards
WIDTH, HEIGHT = 178, 218

# The positions of the eye on the left, the eye on the right and the middle of the mouth in CelebA's frame: the median
# of the landmarks that `find_faces` returns for every 40th of CelebA's first 18,000 aligned photos. With these, a photo
# that is aligned already stays where it is. The nose is left out, because it depends on where the head is turned.
TEMPLATE: Doubles = np.array([[68.31, 112.65], [107.2, 111.85], [88.74, 152.28]])


def align(image: ImageArray, landmarks: NDArray[np.floating], zoom: int = 1) -> ImageArray:
    """Warp the face with these five landmarks into CelebA's frame, (218, 178, 3), or ``zoom`` times that size.

    A similarity brings both eyes and the middle of the mouth as close as possible to their positions in CelebA. Pixels
    outside the photo take the colour of its edge, as in CelebA.
    """
    return warp(image, compose(scale_matrix(zoom), alignment_matrix(landmarks)), zoom * WIDTH, zoom * HEIGHT)


def alignment_matrix(landmarks: NDArray[np.floating]) -> Doubles:
    """Return the similarity that `align` uses, from the photo's pixels to those of CelebA's frame."""
    return fit_similarity(anchor_points(landmarks), TEMPLATE)


def anchor_points(landmarks: NDArray[np.floating]) -> Doubles:
    """Return both eyes and the middle of the mouth, (3, 2), of five landmarks, (5, 2)."""
    return np.array([landmarks[0], landmarks[1], (landmarks[3] + landmarks[4]) / 2], np.float64)
