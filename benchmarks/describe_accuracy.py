"""Does `describe` name what a face has? Ranks and precision on held-out photos, and whether probabilities are kept.

    python benchmarks/describe_accuracy.py MODEL DATASET [--count 2000] [--json record.json]

* rank: where the attributes that a photo has stand among all, on average; chance is in the middle.
* top 1, top 5: the share of what is named that the photo has. "the most frequent" names the same attributes of every
  face: those that most faces have; "chance" names any.
* calibration error: the mean distance, over ten bins of probability, between what is said and what is so, weighed by
  how many (photo, attribute) pairs a bin has; the Brier score is the mean square of the error.

The model's curves from scores to probabilities were fitted to held-out photos. Everything is therefore measured with
curves fitted anew to one half of the held-out people and used on the other half, and the other way round; what the
model's own curves give is said beside it.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import facesmith
from facesmith import doctor
from facesmith.data.held_out import held_out_mask
from facesmith.files import write_json
from facesmith.latent.calibration import fit_curve
from facesmith.latent.faces import encode_images
from facesmith.models.base import logistic

BINS = 10
TOPS = (1, 5)

Floats = NDArray[np.float64]
Truth = NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--count", type=int)
    parser.add_argument("--json", type=Path, help="write everything into this file")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model, data = facesmith.load(args.model, quiet=True), facesmith.open_dataset(args.dataset)
    directions = model.directions
    names, values = data.attributes, data.attribute_values()
    values = values[:, [names.index(name) for name in directions.names]]
    rows = np.flatnonzero(held_out_mask(data) & (values >= 0).all(1))
    rows = np.random.default_rng(args.seed).permutation(rows)[: args.count]
    truth = values[rows] == 1
    z = encode_images(model, np.asarray(data.images[rows]))
    scores = directions.scores(z).astype(np.float64)
    own, fair = directions.probabilities(z).astype(np.float64), crossed(scores, truth, halves(data, rows, args.seed))
    rates = np.broadcast_to(directions.rates, own.shape).astype(np.float64)

    orders = {"by probability": fair, "by lift": fair / rates, "the most frequent": rates}
    record: dict[str, Any] = {
        "machine": doctor.machine(torch.device("cpu")),
        "model": {"name": model.name, "digest": model.digest, "directions": model.card["directions"]["digest"]},
        "dataset": {"name": data.name, "fingerprint": data.fingerprint},
        "photos": len(rows),
        "attributes": len(directions.names),
        "true_a_photo": float(truth.sum(1).mean()),
        "named": {order: named(weights, truth) for order, weights in orders.items()},
        "calibration": {
            "curves of the other half": calibration(fair, truth),
            "the model's own curves": calibration(own, truth),
            "the share of all faces": calibration(rates, truth),
        },
    }
    chance = (1 + len(directions.names)) / 2
    record["named"]["chance"] = {"rank": chance} | {f"top {top}": float(truth.mean()) for top in TOPS}
    print(json.dumps(record["machine"]))
    print(
        f"{len(rows):,} held-out photos, {len(directions.names)} attributes, {truth.sum(1).mean():.1f} of them true\n"
    )
    print("| order | mean rank of what is true | top 1 | top 5 |\n|---|---|---|---|")
    for order, found in record["named"].items():
        print(f"| {order} | {found['rank']:.2f} | {100 * found['top 1']:.1f} % | {100 * found['top 5']:.1f} % |")
    print("\n| probabilities | calibration error | Brier |\n|---|---|---|")
    for whose, row in record["calibration"].items():
        print(f"| {whose} | {row['error']:.4f} | {row['brier']:.4f} |")
    print("\n| said | so | pairs |\n|---|---|---|")
    for one in record["calibration"]["curves of the other half"]["bins"]:
        print(f"| {one['said']:.3f} | {one['so']:.3f} | {one['pairs']:,} |")
    if args.json:
        write_json(args.json, record)


def halves(data: facesmith.Dataset, rows: NDArray[np.intp], seed: int) -> Truth:
    """Which photos are in the first half: whole people where the dataset knows who is who, else photos."""
    table = data.metadata()
    people = np.array(table["identity"].to_pylist(), object)[rows] if "identity" in table.column_names else rows
    who = np.unique([f"{one}" for one in people], return_inverse=True)[1]
    return np.asarray(np.random.default_rng(seed).permutation(who.max() + 1)[who] % 2 == 0)


def crossed(scores: Floats, truth: Truth, first: Truth) -> Floats:
    """Probabilities (N x A) of each half, by curves fitted to the other."""
    found = np.empty_like(scores)
    for half in (first, ~first):
        for column in range(scores.shape[1]):
            slope, intercept = fit_curve(scores[~half, column], truth[~half, column].astype(np.float64))
            found[half, column] = logistic(slope * scores[half, column] + intercept)
    return found


def named(weights: Floats, truth: Truth) -> dict[str, float]:
    """How good an order by ``weights`` (N x A, the largest first) is: mean rank of what is true, and precision."""
    order = np.argsort(-weights, axis=1, kind="stable")
    ranked = np.take_along_axis(truth, order, 1)
    places = np.broadcast_to(np.arange(1, truth.shape[1] + 1), truth.shape)
    return {"rank": float(places[ranked].mean())} | {f"top {top}": float(ranked[:, :top].mean()) for top in TOPS}


def calibration(probabilities: Floats, truth: Truth) -> dict[str, Any]:
    """The calibration error over all pairs of photo and attribute, its bins, and the Brier score."""
    said, so = probabilities.ravel(), truth.ravel()
    number = np.minimum((said * BINS).astype(int), BINS - 1)
    bins = [
        {"said": float(said[number == one].mean()), "so": float(so[number == one].mean()),
         "pairs": int((number == one).sum())}
        for one in np.unique(number)
    ]  # fmt: skip
    error = sum(one["pairs"] * abs(one["said"] - one["so"]) for one in bins) / len(said)
    return {"error": float(error), "brier": float(((said - so) ** 2).mean()), "bins": bins}


if __name__ == "__main__":
    main()
