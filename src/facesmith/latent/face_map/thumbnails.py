"""Draw thousands of thumbnails on a few large images, of which a browser shows parts."""

import base64
import math
from typing import Any

import numpy as np
from PIL import Image

from facesmith.arrays import Images
from facesmith.images.grid import resize_images
from facesmith.images.provenance import Marks, encode_image

THUMBNAIL_SIDE = 48  # pixels of the longer side, a multiple of 16, so that compression blocks end at the faces
MAX_ATLAS_SIDE = 2016  # pixels: phones show images of 2048 and refuse much larger ones
MAX_SPRITE_SIDE, SPRITE_THUMBNAIL_SIDE = 8192, 32  # of TensorBoard's single image, and of a face in it
_QUALITY = 80


def make_atlases(images: Images, marks: Marks | None = None) -> dict[str, Any]:
    """Return the faces (N x H x W x 3) in reading order on WebP images, with ``marks``, as the page reads them:

    width and height of a thumbnail, columns and rows of an atlas, and the atlases as data: URLs.
    """
    height, width = resize_images(images[:1], THUMBNAIL_SIDE, enlarge=False).shape[1:3]
    columns, rows = MAX_ATLAS_SIDE // width, MAX_ATLAS_SIDE // height
    atlases = []
    for start in range(0, len(images), columns * rows):
        part = resize_images(images[start : start + columns * rows], THUMBNAIL_SIDE, enlarge=False)
        atlas = encode_image(_tile(part, min(columns, len(part))), "WEBP", marks, quality=_QUALITY, method=4)
        atlases.append(f"data:image/webp;base64,{base64.b64encode(atlas).decode('ascii')}")
    return {"width": width, "height": height, "columns": columns, "rows": rows, "atlases": atlases}


def make_sprite(images: Images) -> tuple[Image.Image, tuple[int, int]]:
    """Return all faces on one near-square image for TensorBoard's projector, and the width and height of each."""
    columns = math.ceil(math.sqrt(len(images)))
    small = resize_images(images, min(SPRITE_THUMBNAIL_SIDE, MAX_SPRITE_SIDE // columns), enlarge=False)
    return _tile(small, columns), (small.shape[2], small.shape[1])


def _tile(images: Images, columns: int) -> Image.Image:
    """Tile images of one size without gaps; the rest of the last row is black."""
    count, height, width, _ = images.shape
    rows = math.ceil(count / columns)
    canvas = np.zeros((rows * columns, height, width, 3), np.uint8)
    canvas[:count] = images
    return Image.fromarray(canvas.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, -1, 3))
