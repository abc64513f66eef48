"""Faces in a photo: where they are and where their eyes and mouths are.

What YuNet says of a face depends on how large and how tilted the face is, so every face is looked at again, upright and
at twice the size of CelebA's photos: all faces are then measured alike, and as the frame that they are aligned to was.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.images.align import HEIGHT, TEMPLATE, WIDTH, anchors, inverse, scaled, similarity, turning, warped
from facesmith.images.decode import BadPicture, upright
from facesmith.images.detector import detect, new_detector

SIDES = (1280, 320)  # of the copies that are searched: YuNet finds eyes 10 to 200 pixels apart
TURNED_SIDE = 640
TURNS = (90, 270, 180, 45, 315)  # degrees; tried one after the other where nobody is upright
SURE = 0.7  # the score from which on a face is one, after the second look
PLAIN = 0.92  # a score that few upright faces miss and none had that was seen the wrong way up: YuNet may not notice
OVERLAP = 0.4  # of two boxes, intersection over union: above it they are of one face
LOOKS = 4
LEVEL = 2.0  # degrees; a face more tilted than this is turned upright and looked at again: YuNet sees less tilt than is
LOOK, ZOOM = (
    512,
    2,
)  # pixels, the side of the square in which a face is looked at again, and the size of its frame there
ROOM = np.array([(LOOK - ZOOM * WIDTH) / 2, (LOOK - ZOOM * HEIGHT) / 2])  # the frame is in the middle

Box = tuple[float, float, float, float]
Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a photo, in pixels of the upright photo; the middle of the first pixel is 0, 0."""

    box: Box  # left, top, width, height
    landmarks: NDArray[
        np.float32
    ]  # (5, 2): x and y of the eye at the left, the other, nose, and the mouth's two corners
    score: float  # 0 to 1, how sure the detector is

    @property
    def eye_distance(self) -> float:
        return float(np.hypot(*(self.landmarks[1] - self.landmarks[0])))


def find_faces(photo: str | Path | bytes | Picture, *, most: int | None = None) -> list[Face]:
    """The faces in a photo, the largest first; an empty list where there are none.

    ``photo`` is a file, its bytes, or RGB pixels, uint8 of shape (height, width, 3). EXIF rotation is undone, and boxes
    and landmarks are in the upright photo. Large photos are searched at a reduced size, and where nobody is upright the
    photo is turned. Left and right are the picture's own, for a face that stands upright in it. With ``most``, only so
    many of the largest are looked at, which bounds the time that a photo of a crowd takes. Raises `FacesmithError` for
    a photo that cannot be read, and where the extra ``photos`` is missing.
    """
    picture = read_photo(photo)
    detector = new_detector()
    faces = _confirmed(detector, picture, _search(detector, picture), most)
    for degrees in TURNS:
        if faces:
            break
        faces = _confirmed(detector, picture, _search_turned(detector, picture, degrees), most)
    return sorted(faces, key=lambda face: -face.box[2] * face.box[3])


def read_photo(photo: str | Path | bytes | Picture) -> Picture:
    """The upright pixels of a photo, uint8 of shape (height, width, 3), RGB, or `FacesmithError` naming it."""
    if isinstance(photo, np.ndarray):
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
            raise FacesmithError(
                f"a photo given as an array must be uint8 of shape (height, width, 3), RGB: this is {photo.dtype} of "
                f"shape {photo.shape}"
            )
        return photo
    try:
        return upright(photo if isinstance(photo, bytes) else str(photo))
    except BadPicture as bad:
        raise FacesmithError(f"{photo_name(photo)} cannot be used, it is {bad}: take another photo") from None


def photo_name(photo: str | Path | bytes | Picture) -> str:
    return str(photo) if isinstance(photo, (str, Path)) else "the photo"


def _search(detector: Any, picture: Picture) -> Floats:
    """What is found in reduced copies of a picture, in pixels of the picture."""
    cv2 = require("cv2", "photos", "finding faces")
    height, width = picture.shape[:2]
    found = []
    for side in {min(side, max(width, height)) for side in SIDES}:
        size = tuple(max(1, round(side * length / max(width, height))) for length in (width, height))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        found.append(_moved(detect(detector, small), scaled(width / size[0], height / size[1])))
    return np.concatenate(found)


def _search_turned(detector: Any, picture: Picture, degrees: float) -> Floats:
    """What is found in a small square copy, turned about its middle, in pixels of the picture."""
    height, width = picture.shape[:2]
    reach = np.hypot(width, height) if degrees % 90 else max(width, height)
    side = min(TURNED_SIDE, max(width, height))
    turn = complex(side / reach * np.exp(1j * np.deg2rad(degrees)))
    matrix = turning(turn, complex(side - 1, side - 1) / 2 - turn * complex(width - 1, height - 1) / 2)
    return _moved(detect(detector, warped(picture, matrix, side, side)), inverse(matrix))


def _moved(found: Floats, matrix: Floats) -> Floats:
    """Detections (faces, 15) moved by a 2 x 3 matrix; a box that turns becomes the upright one round it."""
    moved = found.copy()
    part, shift = matrix[:, :2], matrix[:, 2]
    moved[:, 4:14] = (found[:, 4:14].reshape(-1, 5, 2) @ part.T + shift).reshape(-1, 10)
    middle = (found[:, :2] + found[:, 2:4] / 2) @ part.T + shift
    moved[:, 2:4] = found[:, 2:4] @ np.abs(part).T
    moved[:, :2] = middle - moved[:, 2:4] / 2
    return moved


def _confirmed(detector: Any, picture: Picture, found: Floats, most: int | None) -> list[Face]:
    """The faces that a second look confirms, each once; of ``most``, only so many of the largest are looked at."""
    faces: list[Face] = []
    if most is not None:
        found = _largest(found, most)
    for row in found[np.argsort(-found[:, 14], kind="stable")]:
        if all(_overlap(_box(row), face.box) < OVERLAP for face in faces):
            face = _looked_at(detector, picture, row)
            if face and all(_overlap(face.box, other.box) < OVERLAP for other in faces):
                faces.append(face)
    return faces


def _largest(found: Floats, most: int) -> Floats:
    """Of detections (faces, 15) the ``most`` largest, each face once, as its surest detection."""
    kept: list[Floats] = []
    for row in found[np.argsort(-found[:, 14], kind="stable")]:
        if all(_overlap(_box(row), _box(other)) < OVERLAP for other in kept):
            kept.append(row)
    kept.sort(key=lambda row: -row[2] * row[3])
    return np.array(kept[:most]).reshape(-1, 15)


def _looked_at(detector: Any, picture: Picture, row: Floats) -> Face | None:
    """Look at one face again, from all four sides unless it is plainly upright; None where there is no face."""
    seen = _level(detector, picture, row)
    if seen is None or seen[14] < PLAIN:
        middle = row[4:14].reshape(5, 2).mean(0)
        for quarter in (1j, -1, -1j):
            turned = turning(quarter, complex(*middle) * (1 - quarter))
            other = _level(detector, picture, _moved(row[None], turned)[0])
            if other is not None and (seen is None or other[14] > seen[14]):
                seen = other
    if seen is None or seen[14] < SURE:
        return None
    return Face(_box(seen), seen[4:14].reshape(5, 2).astype(np.float32), float(seen[14]))


def _level(detector: Any, picture: Picture, row: Floats) -> Floats | None:
    """What is seen of a face once it is turned upright by its own landmarks, or None."""
    target = ZOOM * TEMPLATE + ROOM
    for _ in range(LOOKS):
        matrix = similarity(anchors(row[4:14].reshape(5, 2)), target)
        seen = detect(detector, warped(picture, matrix, LOOK, LOOK))
        if not len(seen):
            return None
        eyes = seen[:, 4:8].reshape(-1, 2, 2)
        nearest = int(np.argmin(np.hypot(*(eyes.mean(1) - target[:2].mean(0)).T)))
        across, down = eyes[nearest, 1] - eyes[nearest, 0]
        row = _moved(seen[nearest : nearest + 1], inverse(matrix))[0]
        if abs(np.rad2deg(np.arctan2(down, across))) < LEVEL:
            break
    return row


def _box(row: Floats) -> Box:
    left, top, width, height = (float(value) for value in row[:4])
    return left, top, width, height


def _overlap(one: Box, other: Box) -> float:
    """Of two boxes, intersection over union."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(across, 0) * max(down, 0)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)
