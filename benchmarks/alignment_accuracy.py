"""Accuracy of `align` against CelebA's own alignment: photos are placed in larger ones, detected and aligned again.

    CELEBA_ROOT=~/celeba python benchmarks/alignment_accuracy.py --count 500

For each placement: how many photos are not detected, how far the alignment moves the points of CelebA's frame (in its
pixels; the mean over both eyes and the mouth), and the mean absolute difference of the 64x64 crop (levels of 255).
CelebA was aligned by another detector and varies as much from photo to photo, so zero cannot be reached.
"""

import time
from pathlib import Path

import harness
import numpy as np

import facesmith
from facesmith.extras import require
from facesmith.images.align import HEIGHT, TEMPLATE, WIDTH, alignment_matrix, compose, similarity_matrix
from facesmith.images.crop import parse_crop_spec
from facesmith.images.decode import crop_and_resize, decode_full_size
from facesmith.images.face_crop import crop_face

SIDE = 800
KINDS = {  # scales, and maximum rotation in degrees
    "unchanged": (None, 0.0),
    "half to twice the size, rotated up to 20 degrees": ((0.5, 2.0), 20.0),
    "half to twice the size, rotated up to 45 degrees": ((0.5, 2.0), 45.0),
    "half to twice the size, at any angle": ((0.5, 2.0), 180.0),
    "a quarter to half the size, rotated up to 20 degrees": ((0.25, 0.5), 20.0),
}


def main() -> None:
    parser = harness.parser(__doc__, "--count", "--seed", count=500)
    parser.add_argument(
        "--kinds", type=int, nargs="*", default=list(range(len(KINDS))), help="numbers of the placements"
    )
    args = parser.parse_args()
    folder = harness.celeba_root() / "img_align_celeba"
    names = sorted(path.name for path in folder.iterdir())
    rng = np.random.default_rng(args.seed)
    photos = [folder / names[i] for i in sorted(rng.choice(len(names), args.count, replace=False))]
    for number in args.kinds:
        measure(list(KINDS)[number], photos, args.seed)


def measure(kind: str, photos: list[Path], seed: int) -> None:
    """Print the accuracy on these photos for a placement."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    frame = parse_crop_spec("64", "center:178", "lanczos")
    moved, differences, missed, started = [], [], 0, time.perf_counter()
    for path in photos:
        original = decode_full_size(str(path))
        picture, placed = place(original, kind, rng)
        faces = facesmith.find_faces(picture)
        if not faces:
            missed += 1
            continue
        back = compose(alignment_matrix(faces[0].landmarks), placed)  # CelebA's frame to ours
        moved.append(np.hypot(*(TEMPLATE @ back[:, :2].T + back[:, 2] - TEMPLATE).T).mean())
        ours = crop_face(picture, faces[0], frame).image.astype(int)
        differences.append(np.abs(ours - crop_and_resize(original, frame)).mean())
    seconds = (time.perf_counter() - started) / len(photos)
    half, most = np.percentile(moved, (50, 95))
    print(
        f"{kind}: {missed} of {len(photos)} not detected; moved by {half:.2f} px (median), {most:.2f} px (95 %); "
        f"differs by {np.median(differences):.1f} levels; {seconds:.2f} s a photo",
        flush=True,
    )


def place(original: np.ndarray, kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the photo, unchanged or placed on a larger noisy one, and the 2x3 matrix from its pixels to that one's."""
    scales, tilt = KINDS[kind]
    if scales is None:
        return original, similarity_matrix(1, 0)
    cv2 = require("cv2", "photos", "aligning faces")
    turn = rng.uniform(*scales) * np.exp(1j * np.deg2rad(rng.uniform(-tilt, tilt)))
    at = complex(*rng.uniform(0.4 * SIDE, 0.6 * SIDE, 2))
    placed = similarity_matrix(turn, at - turn * complex(WIDTH - 1, HEIGHT - 1) / 2)
    picture = rng.integers(100, 140, (SIDE, SIDE, 3), dtype=np.uint8)
    cv2.warpAffine(original, placed, (SIDE, SIDE), dst=picture, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT)
    return picture, placed


if __name__ == "__main__":
    main()
