"""How near a model comes to photos it never saw: its encoder, a search from there, and the same search from nothing.

    python benchmarks/reconstruction_quality.py MODEL DATASET --out FOLDER [--judge JUDGE] [--count 200] [--steps 100]

On held-out photos, each way as the latent alone (z) and with detail, where the model's encoder tells it:

* encoder: what the encoder says; "z" leaves its detail out.
* refined: after --steps further steps of search, which is `reconstruct --refine`.
* from nothing: the same optimiser from the mean latent, without detail, for as many steps as take the time that encoder
  and refined took together, measured on the same photos right after them. --rates are the learning rates it is given,
  as multiples of the refinement's; the one with the best mean PSNR counts, which the others are not granted.

PSNR and SSIM are those of `reconstruct`; "features" is 1 - the cosine of the judge's features, "identity" the
similarity of SFace (see identity.py). Printed are means, and between what 95 % of the photos lie. FOLDER gets
record.json and sheet.png: 25 photos, each beside the encoder's face and the refined one. It shows the dataset's photos.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from edit_measures import Floats, Pictures, spread
from identity_similarity import SHA256, Identity, similarity
from numpy.typing import NDArray

import facesmith
from facesmith import doctor
from facesmith.data.held_out import held_out_mask
from facesmith.files import atomic_folder, write_json
from facesmith.images.grid import make_grid, save_image
from facesmith.latent import refine as refining
from facesmith.latent.face_grids import enlargement
from facesmith.latent.faces import generate_images
from facesmith.metrics.similarity import psnr, ssim

TOGETHER = 64  # photos, after which the ways take turns, so that whatever slows the machine slows all alike
SHOWN = 25
NOTHING = "from nothing"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--judge")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rates", type=float, nargs="+", default=[1, 3])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model, data = facesmith.load(args.model, quiet=True), facesmith.open_dataset(args.dataset)
    judge = facesmith.load_classifier(args.judge) if args.judge else None
    rows = np.random.default_rng(args.seed).permutation(np.flatnonzero(held_out_mask(data)))[: args.count]
    photos = np.asarray(data.images[rows])
    ways = searched(model, photos, args.steps, args.rates)
    faces = {name: generate_images(model, np.concatenate(way.latents), quiet=True) for name, way in ways.items()}
    scores = {name: compared(photos, made, judge) for name, made in faces.items()}
    eye = Identity()
    places = eye.places(photos)
    seen = eye.vectors(photos, places)
    for name, made in faces.items():
        scores[name]["identity"] = similarity(seen, eye.vectors(made, places))

    record: dict[str, Any] = {
        "machine": doctor.machine(torch.device("cpu")),
        "model": {"name": model.name, "digest": model.digest, "encoder": model.card["encoder"]["digest"]},
        "dataset": {"name": data.name, "fingerprint": data.fingerprint},
        "judge": None if judge is None else judge.digest,
        "sface": SHA256,
        "protocol": {"count": len(photos), "steps": args.steps, "seed": args.seed, "rates": args.rates},
        "ways": {
            name: {"seconds_a_photo": sum(ways[name].seconds) / len(photos), "steps": float(np.mean(ways[name].steps))}
            | {measure: spread(values) for measure, values in found.items()}
            for name, found in scores.items()
        },
        "gains": {},
    }
    for some in ("z, ", "") if model.detail_size else ("z, ",):
        theirs = max((name for name in scores if name.startswith(f"{some}{NOTHING}")),
                     key=lambda name: scores[name]["psnr"].mean())  # fmt: skip
        gap = scores[f"{some}refined"]["psnr"] - scores[theirs]["psnr"]
        record["gains"][f"{some}refined against {theirs}"] = spread(gap) | {"nearer": float((gap > 0).mean())}
    print(json.dumps(record["machine"]))
    print(table(record["ways"]))
    for what, gain in record["gains"].items():
        print(f"{what}: {gain['mean']:+.2f} dB, nearer for {100 * gain['nearer']:.0f} % of the photos")
    with atomic_folder(args.out, "results") as folder:
        write_json(folder / "record.json", record)
        best = "" if model.detail_size else "z, "
        after = [faces[f"{best}encoder"][:SHOWN], faces[f"{best}refined"][:SHOWN]]
        triples = np.concatenate([photos[:SHOWN], *after], axis=2)
        save_image(make_grid(triples, columns=5, gap=6, scale=enlargement(model.size[1])), folder / "sheet.png")


@dataclass(eq=False)
class Way:
    """One way to a latent: what it found, and the seconds and steps of search that took, some photos at a time."""

    latents: list[Floats] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def add(self, found: Floats, seconds: float, steps: int) -> None:
        self.latents.append(found)
        self.seconds.append(seconds)
        self.steps.append(steps)


def searched(model: facesmith.Model, photos: Pictures, steps: int, rates: list[float]) -> dict[str, Way]:
    """Every way, gone for all photos."""
    ways = defaultdict[str, Way](Way)
    sizes = {"z, ": model.latent_size} | ({"": model.latent_size + model.detail_size} if model.detail_size else {})
    usual = refining.LEARNING_RATE, refining.RESIDUAL_LEARNING_RATE
    refining.refine(model, photos[:1], model.encode(photos[:1]), 2, quiet=True)  # torch is imported in it
    for start in range(0, len(photos), TOGETHER):
        some = photos[start : start + TOGETHER]
        for name, size in sizes.items():
            whole, encoding = timed(model.encode, some)
            z = whole[:, :size]
            ways[f"{name}encoder"].add(z, encoding, 0)
            closer, searching = timed(refining.refine, model, some, z, steps, quiet=True)
            ways[f"{name}refined"].add(closer, encoding + searching, steps)
            same = round(steps * (encoding + searching) / searching)
            for rate in rates:
                refining.LEARNING_RATE, refining.RESIDUAL_LEARNING_RATE = rate * usual[0], rate * usual[1]
                far, taken = timed(refining.refine, model, some, np.zeros_like(z), same, quiet=True)
                ways[f"{name}{NOTHING} x{rate:g}"].add(far, taken, same)
            refining.LEARNING_RATE, refining.RESIDUAL_LEARNING_RATE = usual
    return ways


def timed(work: Callable[..., Floats], *args: Any, **settings: Any) -> tuple[Floats, float]:
    """What ``work`` makes, and the seconds it took."""
    began = time.perf_counter()
    made = work(*args, **settings)
    return made, time.perf_counter() - began


def compared(photos: Pictures, made: Pictures, judge: facesmith.AttributeClassifier | None) -> dict[str, NDArray[Any]]:
    """How alike faces are to their photos, by every measure but identity."""
    found = {"psnr": psnr(photos, made), "ssim": ssim(photos, made)}
    if judge is not None:
        a, b = judge.features(photos), judge.features(made)
        found["features"] = 1 - (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return found


def table(ways: dict[str, Any]) -> str:
    """A row for each way, in Markdown."""
    measures = [name for name in next(iter(ways.values())) if name not in ("seconds_a_photo", "steps")]
    lines = [f"| way | s a photo | {' | '.join(measures)} |", "|---" * (2 + len(measures)) + "|"]
    for way, row in ways.items():
        cells = [f"{row[name]['mean']:.3f} ({row[name]['low']:.3f} to {row[name]['high']:.3f})" for name in measures]
        lines.append(f"| {way} | {row['seconds_a_photo']:.3f} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
