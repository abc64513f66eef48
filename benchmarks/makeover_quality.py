"""Does a makeover make what it says, and leave the person and the background? On held-out photos of CelebA.

    CELEBA_ROOT=~/celeba python benchmarks/makeover_quality.py MODEL [MODEL2 ...] --dataset DATASET --judge JUDGE \
        --out FOLDER

MODELs are makeovers of DATASET's size and crop. For each direction --count of DATASET's held-out source faces are made
over at four strengths, and the faces of --strength also compared with as many held-out target faces:

* target: the share of results that the judge calls the target: that it says of them all attributes that the target's
  expression names, that all of the target faces have or lack alike, and not all of the source faces. Beside it the
  share for each such attribute. Results are blended back into the whole photos, as `makeover --whole` does, and
  cut as the judge's dataset is. "before" are the source faces as they are, "real" the target faces: the ceiling. The
  judge is to be one that no MODEL learned from, trained on the same photos, so that it has not seen these either.
* identity: the similarity of SFace (see identity.py) between the whole photos before and after. Its yardsticks are
  printed first.
* PSNR and moved outside: of the pixels of the crop outside the face, before it is blended: how much of the background
  was kept, and the mean change as a share of the way from black to white. The face is an ellipse about the line from
  between the eyes to the middle of the mouth; in units of the distance between the eyes or of the length of that line,
  whichever is more, its middle is 0.4 below the eyes, and its half axes are 1.4 along the line and 1.05 across.
* KID: that of the crops to the target faces' crops, x 1000, by EfficientNet-Lite0.
* moved: the mean change of all pixels of the crop.

Of several MODELs that know a direction, each is also measured at the least strength where it hits as often as the
weakest of them does at --strength ("alike"), unless that is no more often than the photos do before.

FOLDER gets record.json and, for each direction, sheet-NAME.png: 32 held-out photos, each before and as every MODEL
makes it over. It shows the dataset's photos.
"""

import argparse
import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from edit_measures import search, spread
from held_out_photos import Trial, asked, judged, originals, prepare
from identity_similarity import SHA256, Identity, couples, yardsticks

import facesmith
from facesmith import doctor
from facesmith.files import atomic_folder, refuse_existing, write_json
from facesmith.images.grid import make_grid, save_image
from facesmith.metrics.features import network
from facesmith.metrics.kid import discrepancy
from facesmith.progress import tell
from facesmith.tasks.makeover.domains import Direction, find_domains

TRIED = (25, 50, 75, 100)  # hundredths of strength
COUPLES = 200
SHOWN, IN_A_ROW, SCALE = 32, 4, 2
FIGURES = {"PSNR outside": ("psnr_outside", ".1f"), "moved outside": ("moved_outside", ".1%"),
           "KID x 1000": ("kid", ".1f"), "moved": ("moved", ".1%")}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--judge", required=True)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--count", type=int, default=500, help="photos a direction")
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the record in place of tables")
    args = parser.parse_args()
    refuse_existing(args.out, "results")
    data, judge, eye = facesmith.open_dataset(args.dataset), facesmith.load_classifier(args.judge), Identity()
    models = [facesmith.load_makeover(path, quiet=True) for path in args.models]
    directions = known(models, data)
    ones, others = (
        eye.vectors(photos, eye.places(photos, 1))
        for photos in (originals(data, rows) for rows in couples(data, COUPLES, args.seed))
    )
    record: dict[str, Any] = {
        "machine": doctor.machine(torch.device("cpu")),
        "models": {one.name: {key: one.card[key] for key in ("digest", "kind", "network")} for one in models},
        "dataset": {"name": data.name, "fingerprint": data.fingerprint},
        "judge": judge.digest,
        "sface": SHA256,
        "protocol": {name: getattr(args, name) for name in ("count", "strength", "seed")},
        "yardsticks": {who: spread(found) for who, found in yardsticks(ones, others).items()},
        "directions": {},
    }
    with atomic_folder(args.out, "results") as folder:
        for direction, entrants in directions.items():
            both, rng = find_domains(data, direction), np.random.default_rng(args.seed)
            rows, targets = (
                rng.permutation(side)[: args.count] for side in (both.held_out_sources, both.held_out_targets)
            )
            wanted = asked(data, judge, both)
            trial = prepare(data, rows, judge, wanted, eye)
            found, made = contest(trial, entrants, direction.name, round(100 * args.strength), data.images[targets])
            real = {"model": "real", **judged(judge, wanted, originals(data, targets))}
            record["directions"][direction.name] = {
                **vars(direction),
                "wanted": wanted,
                "faces": len(rows),
                "targets": len(targets),
                "outside": float(trial.outside.mean()),
                "rows": [*found, real],
            }
            shown = np.stack([trial.before, *made.values()], 1)[:SHOWN]
            labels = ["before", *made] * len(shown)
            picture = make_grid(shown.reshape(-1, *shown.shape[2:]), IN_A_ROW * (1 + len(made)), labels, scale=SCALE)
            save_image(picture, folder / f"sheet-{direction.name}.png")
        write_json(folder / "record.json", record)
    print(json.dumps(record) if args.json else told(record))


def known(models: list[facesmith.Makeover], data: facesmith.Dataset) -> dict[Direction, list[facesmith.Makeover]]:
    """The makeovers by their directions; refuses those that cannot be told apart, or are of another dataset."""
    if len({model.name for model in models}) < len(models):
        sys.exit("two of the makeovers have the same name: export one of them with --name")
    found: dict[Direction, list[facesmith.Makeover]] = {}
    for model in models:
        if any(model.card["dataset"][key] != data.card[key] for key in ("size", "crop", "resize")):
            sys.exit(f"{model.name} makes over other pictures than those of {data.path}: their size or crop differs")
        for each in model.directions:
            found.setdefault(Direction(**each), []).append(model)
    if len({direction.name for direction in found}) < len(found):
        sys.exit("two directions have the same name and other faces: they cannot be told apart")
    return found


def contest(
    trial: Trial, models: list[facesmith.Makeover], direction: str, given: int, targets: np.ndarray
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """What each makeover does at each strength, ``given`` and `TRIED` in hundredths, and its faces at the given one.

    The rows begin with the photos before; those of makeovers at a strength where they hit alike are "alike".
    """
    features = network()
    there = features(targets)

    def kid(faces: np.ndarray) -> float:
        return 1000 * discrepancy(there, features(faces))

    before = judged(trial.judge, trial.wanted, trial.photos)
    rows: list[dict[str, Any]] = [{"model": "before", **before, "kid": kid(trial.before)}]
    made, rates = {}, {}
    for model in models:
        found = {}
        for strength in sorted({*TRIED, given}):
            outcome, faces = trial.outcome(model, direction, strength / 100)
            found[strength] = {"model": model.name, "strength": strength / 100, **outcome}
            if strength == given:
                made[model.name], found[strength]["kid"] = faces, kid(faces)
        rows += found.values()
        rates[model.name] = hits(trial, model, direction, found)
        tell(f"{direction}, {model.name}: done")
    level = min(rates[model.name](given) for model in models)
    if len(models) > 1 and level > before["target"]:
        for model in models:
            strength, _ = search(rates[model.name], level, sorted({*TRIED, given}))
            outcome, faces = trial.outcome(model, direction, strength / 100)
            rows.append({"model": model.name, "alike": True, "strength": strength / 100, **outcome, "kid": kid(faces)})
    return rows, made


def hits(
    trial: Trial, model: facesmith.Makeover, direction: str, found: dict[int, dict[str, Any]]
) -> Callable[[int], float]:
    """The share of results that are the target, by strength in hundredths; none is measured twice."""

    @cache
    def share(strength: int) -> float:
        known = found.get(strength)
        return float(known["target"]) if known else trial.hits(model, direction, strength / 100)

    return share


def told(record: dict[str, Any]) -> str:
    """The record in words and, for each direction, a table in Markdown."""
    people = ", ".join(f"{found['mean']:.3f} of {who}" for who, found in record["yardsticks"].items())
    lines = [json.dumps(record["machine"]), f"identity of two photos, on average: {people}"]
    for name, one in record["directions"].items():
        words = [each if has else f"no {each}" for each, has in one["wanted"].items()]
        parts = words if len(words) > 1 else []
        heads = [f"target: {', '.join(words)}", *parts, "identity", *FIGURES]
        faces = f"{one['faces']} faces, {one['outside']:.0%} of their crops outside the face"
        lines += ["", f"{name}: {faces}; {one['targets']} faces of the target", ""]
        lines += [f"| model | strength | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
        for row in one["rows"]:
            who = row["model"] + (", alike" if row.get("alike") else "")
            strength = f"{row['strength']:g}" if "strength" in row else ""
            shares = [f"{share:.1%}" for share in (row["target"], *row["shares"].values())][: 1 + len(parts)]
            identity = f"{row['identity']['mean']:.3f}" if "identity" in row else ""
            figures = [format(row[key], form) if row.get(key) is not None else "" for key, form in FIGURES.values()]
            lines.append(f"| {' | '.join([who, strength, *shares, identity, *figures])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
