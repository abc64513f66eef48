"""Thumbnails: thousands of small faces on a few large pictures, which a browser shows parts of."""

import base64
import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesmith.images.grid import resize_images

SIDE = 48  # pixels of the longer side, a multiple of 16: the blocks of the compression then end where the faces do
ATLAS = 2016  # pixels of a side of an atlas, at most: telephones show pictures of 2048 and refuse much larger ones
SPRITE, SPRITE_SIDE = 8192, 32  # of TensorBoard's one picture: its side at most, and the side of a face in it
_QUALITY = 80

Pictures = NDArray[np.uint8]


def atlases(pictures: Pictures) -> dict[str, Any]:
    """The faces (N x H x W x 3) in reading order on WebP pictures, as the page takes them.

    width and height of a thumbnail, columns and rows of an atlas, and the atlases as data: addresses.
    """
    height, width = resize_images(pictures[:1], SIDE, enlarge=False).shape[1:3]
    columns, rows = ATLAS // width, ATLAS // height
    made = []
    for start in range(0, len(pictures), columns * rows):
        some = resize_images(pictures[start : start + columns * rows], SIDE, enlarge=False)
        file = io.BytesIO()
        _tiled(some, min(columns, len(some))).save(file, "WEBP", quality=_QUALITY, method=4)
        made.append(f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode('ascii')}")
    return {"width": width, "height": height, "columns": columns, "rows": rows, "atlases": made}


def sprite(pictures: Pictures) -> tuple[Image.Image, tuple[int, int]]:
    """All faces on one near-square picture, as TensorBoard's projector takes it, and the width and height of each."""
    columns = math.ceil(math.sqrt(len(pictures)))
    small = resize_images(pictures, min(SPRITE_SIDE, SPRITE // columns), enlarge=False)
    return _tiled(small, columns), (small.shape[2], small.shape[1])


def _tiled(pictures: Pictures, columns: int) -> Image.Image:
    """Pictures of one size side by side without gaps; what is left of the last row is black."""
    count, height, width, _ = pictures.shape
    rows = math.ceil(count / columns)
    canvas = np.zeros((rows * columns, height, width, 3), np.uint8)
    canvas[:count] = pictures
    return Image.fromarray(canvas.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, -1, 3))
