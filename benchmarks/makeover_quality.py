"""Quality of makeovers on held-out photos of CelebA: target, identity, background.

    CELEBA_ROOT=~/celeba python benchmarks/makeover_quality.py MODEL [MODEL2 ...] --dataset DATASET \\
        --classifier CLASSIFIER --out FOLDER

MODELs have DATASET's size and crop. For each direction, --count held-out source faces are made over at four strengths:

* target: the share of results in which the classifier sees all attributes that the target's expression names, that all
  target faces share and not all source faces have; and the share for each attribute. Results are blended into the whole
  photos, as in `makeover --whole`, and cropped as the classifier's dataset. "before" are the source faces, "real" the
  target faces. Use a classifier that no MODEL was trained with, trained without these photos.
* identity: the SFace similarity of the whole photos before and after. Reference values are printed first.
* PSNR and change outside: of the pixels of the crop outside the face (an ellipse, see facesmith.images.face_crop).
* KID: of the crops to the target faces' crops, x1000, by EfficientNet-Lite0.
* change: the mean change of all pixels of the crop.

If several MODELs have a direction, each is also measured at the lowest strength at which it reaches the target share of
the weakest of them ("equal"), if that is above the share of the photos before.

FOLDER gets record.json and, for each direction, sheet-NAME.png with held-out photos before and after.
"""

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import harness
import numpy as np
from edit_search import find_strength
from harness import spread
from held_out_photos import MakeoverTrial, original_photos, prepare, target_attributes, target_share
from identity_similarity import reference_similarities, same_person_pairs

import facesmith
from facesmith.files import atomic_folder, refuse_existing, write_json
from facesmith.images.grid import make_grid, save_image
from facesmith.metrics.features import network
from facesmith.metrics.identity import SHA256, SFace
from facesmith.metrics.kid import discrepancy
from facesmith.progress import tell
from facesmith.tasks.makeover.domains import Direction, find_domains

STRENGTHS = (25, 50, 75, 100)  # hundredths of strength
PAIRS = 200
SHEET_FACES, IN_A_ROW, SCALE = 32, 4, 2
FIGURES = {"PSNR outside": ("psnr_outside", ".1f"), "moved outside": ("moved_outside", ".1%"),
           "KID x 1000": ("kid", ".1f"), "moved": ("moved", ".1%")}  # fmt: skip


def main() -> None:
    parser = harness.parser(__doc__, "--classifier", "--out", "--count", "--seed", count=500)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--strength", type=float, default=1.0)
    args = parser.parse_args()
    refuse_existing(args.out, "results")
    data, classifier, sface = (
        facesmith.open_dataset(args.dataset),
        facesmith.load_classifier(args.classifier),
        SFace(),
    )
    models = [facesmith.load_makeover(path, quiet=True) for path in args.models]
    directions = models_by_direction(models, data)
    first, second = (
        sface.vectors(photos, sface.landmarks(photos, 1))
        for photos in (original_photos(data, rows) for rows in same_person_pairs(data, PAIRS, args.seed))
    )
    record = harness.new_record() | {
        "models": {model.name: {key: model.card[key] for key in ("digest", "network")} for model in models},
        "dataset": {"name": data.name, "fingerprint": data.fingerprint},
        "classifier": classifier.digest,
        "sface": SHA256,
        "protocol": {name: getattr(args, name) for name in ("count", "strength", "seed")},
        "reference_similarities": {
            pair: spread(values) for pair, values in reference_similarities(first, second).items()
        },
        "directions": {},
    }
    with atomic_folder(args.out, "results") as folder:
        for direction, contenders in directions.items():
            domains, rng = find_domains(data, direction), np.random.default_rng(args.seed)
            rows, targets = (
                rng.permutation(side)[: args.count] for side in (domains.held_out_sources, domains.held_out_targets)
            )
            aims = target_attributes(data, classifier, domains)
            trial = prepare(data, rows, classifier, aims, sface)
            result, images = compare(
                trial, contenders, direction.name, round(100 * args.strength), data.images[targets]
            )
            real = {"model": "real", **target_share(classifier, aims, original_photos(data, targets))}
            record["directions"][direction.name] = {
                **vars(direction),
                "aims": aims,
                "faces": len(rows),
                "targets": len(targets),
                "outside": float(trial.outside.mean()),
                "rows": [*result, real],
            }
            shown = np.stack([trial.before, *images.values()], 1)[:SHEET_FACES]
            labels = ["before", *images] * len(shown)
            picture = make_grid(shown.reshape(-1, *shown.shape[2:]), IN_A_ROW * (1 + len(images)), labels, scale=SCALE)
            save_image(picture, folder / f"sheet-{direction.name}.png")
        write_json(folder / "record.json", record)
    print(report(record))


def models_by_direction(
    models: list[facesmith.Makeover], data: facesmith.Dataset
) -> dict[Direction, list[facesmith.Makeover]]:
    """Return the makeovers of each direction; exit if names are ambiguous or the dataset differs."""
    if len({model.name for model in models}) < len(models):
        sys.exit("two of the makeovers have the same name: export one of them with --name")
    result: dict[Direction, list[facesmith.Makeover]] = {}
    for model in models:
        if any(model.card["dataset"][key] != data.card[key] for key in ("size", "crop", "resize")):
            sys.exit(f"{model.name} has another size or crop than {data.path}: use the dataset it was trained on")
        for direction in model.directions:
            result.setdefault(Direction(**direction), []).append(model)
    if len({direction.name for direction in result}) < len(result):
        sys.exit("two directions have the same name and other faces: rename one of them")
    return result


def compare(
    trial: MakeoverTrial, models: list[facesmith.Makeover], direction: str, strength_percent: int, targets: np.ndarray
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Return a row for each makeover and strength, and its faces at ``strength_percent``.

    The first row is that of the photos before; rows at the strength of an equal target share are "equal".
    """
    features = network()
    target_features = features(targets)

    def kid(faces: np.ndarray) -> float:
        return 1000 * discrepancy(target_features, features(faces))

    before = target_share(trial.classifier, trial.aims, trial.photos)
    rows: list[dict[str, Any]] = [{"model": "before", **before, "kid": kid(trial.before)}]
    images, rates = {}, {}
    for model in models:
        result = {}
        for strength in sorted({*STRENGTHS, strength_percent}):
            outcome, faces = trial.outcome(model, direction, strength / 100)
            result[strength] = {"model": model.name, "strength": strength / 100, **outcome}
            if strength == strength_percent:
                images[model.name], result[strength]["kid"] = faces, kid(faces)
        rows += result.values()
        rates[model.name] = hits(trial, model, direction, result)
        tell(f"{direction}, {model.name}: done")
    level = min(rates[model.name](strength_percent) for model in models)
    if len(models) > 1 and level > before["target"]:
        for model in models:
            strength, _ = find_strength(rates[model.name], level, sorted({*STRENGTHS, strength_percent}))
            outcome, faces = trial.outcome(model, direction, strength / 100)
            rows.append({"model": model.name, "equal": True, "strength": strength / 100, **outcome, "kid": kid(faces)})
    return rows, images


def hits(
    trial: MakeoverTrial, model: facesmith.Makeover, direction: str, result: dict[int, dict[str, Any]]
) -> Callable[[int], float]:
    """Return a function from strength in hundredths to target share; no strength is measured twice."""

    @cache
    def share(strength: int) -> float:
        models_by_direction = result.get(strength)
        return (
            float(models_by_direction["target"])
            if models_by_direction
            else trial.hits(model, direction, strength / 100)
        )

    return share


def report(record: dict[str, Any]) -> str:
    """Return the record as text with a Markdown table for each direction."""
    people = ", ".join(f"{result['mean']:.3f} of {who}" for who, result in record["reference_similarities"].items())
    lines = [f"identity of two photos, on average: {people}"]
    for name, one in record["directions"].items():
        words = [each if has else f"no {each}" for each, has in one["aims"].items()]
        parts = words if len(words) > 1 else []
        heads = [f"target: {', '.join(words)}", *parts, "identity", *FIGURES]
        faces = f"{one['faces']} faces, {one['outside']:.0%} of their crops outside the face"
        lines += ["", f"{name}: {faces}; {one['targets']} faces of the target", ""]
        lines += [f"| model | strength | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
        for row in one["rows"]:
            who = row["model"] + (", equal" if row.get("equal") else "")
            strength = f"{row['strength']:g}" if "strength" in row else ""
            shares = [f"{share:.1%}" for share in (row["target"], *row["shares"].values())][: 1 + len(parts)]
            identity = f"{row['identity']['mean']:.3f}" if "identity" in row else ""
            figures = [format(row[key], form) if row.get(key) is not None else "" for key, form in FIGURES.values()]
            lines.append(f"| {' | '.join([who, strength, *shares, identity, *figures])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
