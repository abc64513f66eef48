"""Where in a picture the face is: an ellipse about its eyes and its mouth."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.images.align import HEIGHT, TEMPLATE, WIDTH, Floats, inverse
from facesmith.images.crop_faces import cut_matrix, of_faces
from facesmith.images.decode import parse_frame

# How far below the eyes its middle is, and its half axes along and across the face. In units of the distance between
# the eyes or, of a turned head, of that from between them to the mouth. Drawn around faces until they fitted.
MIDDLE, ALONG, ACROSS = 0.4, 1.4, 1.05


def face_region(points: Floats, transform: Floats, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels (H x W) of a cut of ``size`` (width, height) show the face.

    ``points`` (3 x 2) are the eye at the left, the other eye and the mouth, in pixels of the photo; ``transform``
    (2 x 3) leads from these to the cut's.
    """
    width, height = size
    down, across = np.mgrid[:height, :width]
    back = np.array([1, 1j]) @ inverse(transform)
    pixels = across * back[0] + down * back[1] + back[2]
    left, right, mouth = points @ (1, 1j)
    eyes = (left + right) / 2
    face = (pixels - eyes) / (mouth - eyes) * abs(mouth - eyes) / max(abs(right - left), abs(mouth - eyes))
    return np.asarray(((face.real - MIDDLE) / ALONG) ** 2 + (face.imag / ACROSS) ** 2 <= 1)


def usual_region(data: dict[str, Any]) -> NDArray[np.bool_] | None:
    """`face_region` of a face that lies where a dataset's faces are put, or None where it does not align them."""
    if not of_faces(data):
        return None
    width, height = data["size"]
    frame = parse_frame(f"{width}x{height}", data["crop"], data["resize"])
    return face_region(TEMPLATE, cut_matrix(frame, frame.box(WIDTH, HEIGHT)), (width, height))
