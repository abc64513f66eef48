"""Accuracy of `describe` on held-out photos: ranks, precision, and calibration of the probabilities.

    python benchmarks/describe_accuracy.py MODEL DATASET [--count 2000] [--json record.json]

* rank: the mean rank of a photo's attributes among all; chance is in the middle.
* top 1, top 5: the share of the named attributes that the photo has. "most frequent" names the same attributes for
  every face; "chance" names any.
* calibration error: the mean distance between probability and share, over ten bins of (photo, attribute) pairs.

The model's calibration was fitted to held-out photos. It is therefore fitted again to one half of the held-out people
and used on the other half, and vice versa.
"""

import harness
import numpy as np
from numpy.typing import NDArray

import facesmith
from facesmith.arrays import Booleans, Doubles
from facesmith.data.held_out import held_out_mask
from facesmith.latent.calibration import fit_curve
from facesmith.latent.faces import encode_images
from facesmith.models.base import logistic

BINS = 10
TOPS = (1, 5)


def first_half(data: facesmith.Dataset, rows: NDArray[np.intp], seed: int) -> Booleans:
    """Return which photos are in the first half: whole people if the dataset knows the identities, else photos."""
    metadata = data.metadata()
    people = np.array(metadata["identity"].to_pylist(), object)[rows] if "identity" in metadata.column_names else rows
    groups = np.unique([f"{person}" for person in people], return_inverse=True)[1]
    return np.asarray(np.random.default_rng(seed).permutation(groups.max() + 1)[groups] % 2 == 0)


def cross_fitted(scores: Doubles, truth: Booleans, first: Booleans) -> Doubles:
    """Return probabilities (N x A) of each half, calibrated on the other."""
    probabilities = np.empty_like(scores)
    for half in (first, ~first):
        for column in range(scores.shape[1]):
            slope, intercept = fit_curve(scores[~half, column], truth[~half, column].astype(np.float64))
            probabilities[half, column] = logistic(slope * scores[half, column] + intercept)
    return probabilities


def ranking(weights: Doubles, truth: Booleans) -> dict[str, float]:
    """Return the mean rank of true attributes in the order of ``weights`` (N x A), and the precision."""
    order = np.argsort(-weights, axis=1, kind="stable")
    ranked = np.take_along_axis(truth, order, 1)
    ranks = np.broadcast_to(np.arange(1, truth.shape[1] + 1), truth.shape)
    return {"rank": float(ranks[ranked].mean())} | {f"top {top}": float(ranked[:, :top].mean()) for top in TOPS}


def calibration(probabilities: Doubles, truth: Booleans) -> list[dict[str, float]]:
    """Return mean probability, true share and number of pairs of each bin."""
    numbers = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    masks = [numbers == number for number in np.unique(numbers)]
    return [
        {"probability": float(probabilities[m].mean()), "share": float(truth[m].mean()), "pairs": int(m.sum())}
        for m in masks
    ]


def main() -> None:
    parser = harness.parser(__doc__, "--count", "--seed", "--json")
    parser.add_argument("model")
    parser.add_argument("dataset")
    args = parser.parse_args()
    model, data = facesmith.load(args.model, quiet=True), facesmith.open_dataset(args.dataset)
    directions = model.directions
    values = data.attribute_values()[:, [data.attributes.index(name) for name in directions.names]]
    rows = np.flatnonzero(held_out_mask(data) & (values >= 0).all(1))
    rows = np.random.default_rng(args.seed).permutation(rows)[: args.count]
    truth = values[rows] == 1
    scores = directions.scores(encode_images(model, np.asarray(data.images[rows]))).astype(np.float64)
    probabilities = cross_fitted(scores, truth, first_half(data, rows, args.seed))
    rates = np.broadcast_to(directions.rates, scores.shape).astype(np.float64)
    orders = {"by probability": probabilities, "by lift": probabilities / rates, "most frequent": rates}
    rankings = {name: ranking(weights, truth) for name, weights in orders.items()}
    rankings["chance"] = {"rank": (1 + truth.shape[1]) / 2} | {f"top {top}": float(truth.mean()) for top in TOPS}
    bins = calibration(probabilities, truth)
    error = sum(row["pairs"] * abs(row["probability"] - row["share"]) for row in bins) / truth.size
    record = harness.new_record(
        model={"name": model.name, "digest": model.digest, "directions": model.card["directions"]["digest"]},
        dataset={"name": data.name, "fingerprint": data.fingerprint},
        photos=len(rows), attributes_per_photo=float(truth.sum(1).mean()),
        rankings=rankings, calibration_error=error, bins=bins,
    )  # fmt: skip
    print(f"{len(rows):,} held-out photos, {truth.shape[1]} attributes, {truth.sum(1).mean():.1f} true per photo\n")
    print(
        harness.table(
            ["order", "rank", *(f"top {top}" for top in TOPS)], [[n, *r.values()] for n, r in rankings.items()]
        )
    )
    print(f"\ncalibration error {error:.4f}\n")
    print(harness.table(list(bins[0]), [list(row.values()) for row in bins]))
    harness.save_record(record, args.json)


if __name__ == "__main__":
    main()
