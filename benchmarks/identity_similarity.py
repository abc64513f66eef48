"""SFace similarity of small faces: are two faces of the same person? For measurements only.

    python benchmarks/identity_similarity.py DATASET [--count 200]

Prints the similarity of photos of the same person and of different people at the dataset's size, if it has identities:
the scale for the numbers of other benchmarks. An edited face is aligned by the landmarks of its original, so that the
edit does not change the alignment.
"""

import harness
import numpy as np
from numpy.typing import NDArray

import facesmith
from facesmith.arrays import Doubles, Floats
from facesmith.data.held_out import held_out_mask
from facesmith.metrics.identity import SFace


def similarity(a: Floats, b: Floats) -> Floats:
    """Return the similarities of faces by their vectors (N x 128): N, from -1 to 1."""
    return np.asarray((a * b).sum(1), np.float32)


def main() -> None:
    parser = harness.parser(__doc__, "--count", "--seed", count=200)
    parser.add_argument("dataset")
    args = parser.parse_args()
    data, sface = facesmith.open_dataset(args.dataset), SFace()
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
