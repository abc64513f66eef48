"""Reconstruction of held-out photos: encoder, refinement from there, and the same search from the mean latent.

    python benchmarks/reconstruction_quality.py MODEL DATASET --out FOLDER [--classifier CLASSIFIER] [--count 200]

Each method runs with the latent alone (z) and with the residual latent, if the encoder returns one:

* encoder: the encoder's latent; "z" omits the residual.
* refined: after --steps steps of refinement, as in `reconstruct --refine`.
* from the mean: the same optimizer from the mean latent, for as many steps as take the time of encoder and refinement.
  --rates are its learning rates as multiples of the refinement's; the rate with the best mean PSNR counts.

PSNR and SSIM are those of `reconstruct`; "features" is 1 - the cosine of the classifier's features, "identity" the
SFace similarity. Printed are means and intervals of 95 %. FOLDER gets record.json and sheet.png: 25 photos with the
encoder's and the refined face. The sheet shows the dataset's photos.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import harness
import numpy as np
from harness import spread, timed
from identity_similarity import similarity
from numpy.typing import NDArray

import facesmith
from facesmith.arrays import Floats, Images
from facesmith.data.held_out import held_out_mask
from facesmith.files import atomic_folder, write_json
from facesmith.images.grid import enlargement, make_grid, save_image
from facesmith.latent import refine as refine_module
from facesmith.latent.faces import generate_images
from facesmith.metrics.identity import SHA256, SFace
from facesmith.metrics.similarity import psnr, ssim

GROUP = 64  # photos, after which the methods take turns
SHEET_PHOTOS = 25
FROM_MEAN = "from the mean"


def main() -> None:
    parser = harness.parser(__doc__, "--out", "--count", "--seed", count=200)
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--classifier")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rates", type=float, nargs="+", default=[1, 3])
    args = parser.parse_args()
    model, data = facesmith.load(args.model, quiet=True), facesmith.open_dataset(args.dataset)
    classifier = facesmith.load_classifier(args.classifier) if args.classifier else None
    rows = np.random.default_rng(args.seed).permutation(np.flatnonzero(held_out_mask(data)))[: args.count]
    photos = np.asarray(data.images[rows])
    methods = run_methods(model, photos, args.steps, args.rates)
    faces = {
        name: generate_images(model, np.concatenate(method.latents), quiet=True) for name, method in methods.items()
    }
    scores = {name: similarities(photos, images, classifier) for name, images in faces.items()}
    sface = SFace()
    landmarks = sface.landmarks(photos)
    vectors = sface.vectors(photos, landmarks)
    for name, images in faces.items():
        scores[name]["identity"] = similarity(vectors, sface.vectors(images, landmarks))

    record = harness.new_record() | {
        "model": {"name": model.name, "digest": model.digest, "encoder": model.card["encoder"]["digest"]},
        "dataset": {"name": data.name, "fingerprint": data.fingerprint},
        "classifier": None if classifier is None else classifier.digest,
        "sface": SHA256,
        "protocol": {"count": len(photos), "steps": args.steps, "seed": args.seed, "rates": args.rates},
        "methods": {
            name: {
                "seconds_a_photo": sum(methods[name].seconds) / len(photos),
                "steps": float(np.mean(methods[name].steps)),
            }
            | {measure: spread(values) for measure, values in result.items()}
            for name, result in scores.items()
        },
        "gains": {},
    }
    for prefix in ("z, ", "") if model.detail_size else ("z, ",):
        best_from_mean = max((name for name in scores if name.startswith(f"{prefix}{FROM_MEAN}")),
                     key=lambda name: scores[name]["psnr"].mean())  # fmt: skip
        gap = scores[f"{prefix}refined"]["psnr"] - scores[best_from_mean]["psnr"]
        record["gains"][f"{prefix}refined against {best_from_mean}"] = spread(gap) | {"nearer": float((gap > 0).mean())}
    print(table(record["methods"]))
    for what, gain in record["gains"].items():
        print(f"{what}: {gain['mean']:+.2f} dB, nearer for {100 * gain['nearer']:.0f} % of the photos")
    with atomic_folder(args.out, "results") as folder:
        write_json(folder / "record.json", record)
        best = "" if model.detail_size else "z, "
        after = [faces[f"{best}encoder"][:SHEET_PHOTOS], faces[f"{best}refined"][:SHEET_PHOTOS]]
        triples = np.concatenate([photos[:SHEET_PHOTOS], *after], axis=2)
        save_image(make_grid(triples, columns=5, gap=6, scale=enlargement(model.size[1])), folder / "sheet.png")


@dataclass(eq=False)
class Method:
    """The latents of a method, with the seconds and steps of each group of photos."""

    latents: list[Floats] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def add(self, result: Floats, seconds: float, steps: int) -> None:
        self.latents.append(result)
        self.seconds.append(seconds)
        self.steps.append(steps)


def run_methods(model: facesmith.Model, photos: Images, steps: int, rates: list[float]) -> dict[str, Method]:
    """Run every method on all photos."""
    methods = defaultdict[str, Method](Method)
    sizes = {"z, ": model.latent_size} | ({"": model.latent_size + model.detail_size} if model.detail_size else {})
    rates_before = refine_module.LEARNING_RATE, refine_module.RESIDUAL_LEARNING_RATE
    refine_module.refine(model, photos[:1], model.encode(photos[:1]), 2, quiet=True)  # imports torch
    for start in range(0, len(photos), GROUP):
        group = photos[start : start + GROUP]
        for name, size in sizes.items():
            whole, encoding = timed(model.encode, group)
            z = whole[:, :size]
            methods[f"{name}encoder"].add(z, encoding, 0)
            closer, searching = timed(refine_module.refine, model, group, z, steps, quiet=True)
            methods[f"{name}refined"].add(closer, encoding + searching, steps)
            same = round(steps * (encoding + searching) / searching)
            for rate in rates:
                refine_module.LEARNING_RATE, refine_module.RESIDUAL_LEARNING_RATE = (
                    rate * rates_before[0],
                    rate * rates_before[1],
                )
                far, taken = timed(refine_module.refine, model, group, np.zeros_like(z), same, quiet=True)
                methods[f"{name}{FROM_MEAN} x{rate:g}"].add(far, taken, same)
            refine_module.LEARNING_RATE, refine_module.RESIDUAL_LEARNING_RATE = rates_before
    return methods


def similarities(
    photos: Images, images: Images, classifier: facesmith.AttributeClassifier | None
) -> dict[str, NDArray[Any]]:
    """Return the similarity of faces to their photos by every measure except identity."""
    result = {"psnr": psnr(photos, images), "ssim": ssim(photos, images)}
    if classifier is not None:
        a, b = classifier.features(photos), classifier.features(images)
        result["features"] = 1 - (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return result


def table(methods: dict[str, Any]) -> str:
    """Return a row for each method, in Markdown."""
    measures = [name for name in next(iter(methods.values())) if name not in ("seconds_a_photo", "steps")]
    lines = [f"| method | s a photo | {' | '.join(measures)} |", "|---" * (2 + len(measures)) + "|"]
    for method, row in methods.items():
        cells = [f"{row[name]['mean']:.3f} ({row[name]['low']:.3f} to {row[name]['high']:.3f})" for name in measures]
        lines.append(f"| {method} | {row['seconds_a_photo']:.3f} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
