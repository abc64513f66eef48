"""Does an edit change what it says and nothing else? On drawn faces, where the judge is all but always right.

    facesmith data import builtin:12000 drawn --size 64
    python benchmarks/edit_quality_drawn.py MODEL DATASET --judge JUDGE --out FOLDER [--count 100]

MODEL makes drawn faces and has directions, and an encoder where drawn faces are to be edited and not only generated
ones; JUDGE was trained on DATASET. First is said how often the judge is right on drawings that nobody trained on. Then,
as in edits.py, the least strength at which it sees --target of the edits in the edited faces is looked for, for each
kind of direction, and there:

* drift, flips: of all other attributes, as in edits.py.
* elsewhere: the flips of attributes of other parts of the drawing alone. Hair, hats and baldness are one part, and so
  are mouths, and beards: a drawing that is given black hair has no blond hair any more, and that is no fault.

FOLDER gets record.json and sheet.png: 8 generated faces, as they are and given each attribute by the best kind.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from direction_ranking import save_examples, summary, table
from edit_measures import Bench, Contender, Edit, contest, undone, verdicts

import facesmith
from facesmith import doctor
from facesmith.data.held_out import held_out_mask
from facesmith.files import atomic_folder, write_json
from facesmith.latent.faces import generate_images
from facesmith.models.directions import KINDS
from facesmith.progress import tell

PARTS = (
    {"Bald", "Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Sideburns", "Straight_Hair", "Wavy_Hair",
     "Wearing_Hat"},
    {"Mouth_Slightly_Open", "Smiling", "Wearing_Lipstick"},
    {"5_o_Clock_Shadow", "Goatee", "Mustache", "No_Beard"},
)  # fmt: skip
TAKEN = ("Eyeglasses", "Smiling", "Mouth_Slightly_Open", "Pale_Skin", "Wearing_Hat")  # from faces with them
SHOWN = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--judge", required=True)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--count", type=int, default=100, help="faces an edit")
    parser.add_argument("--pool", type=int, default=1500, help="faces they are chosen from")
    parser.add_argument("--target", type=float, default=0.9)
    parser.add_argument("--attributes", nargs="+", metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model, judge = facesmith.load(args.model, quiet=True), facesmith.load_classifier(args.judge)
    data = facesmith.open_dataset(args.dataset)
    names, values = data.attributes, data.attribute_values()
    pool = np.random.default_rng(args.seed).permutation(np.flatnonzero(held_out_mask(data)))[: args.pool]
    truth = values[pool][:, [names.index(name) for name in judge.attributes]]
    drawn = np.asarray(data.images[pool])
    right = (verdicts(judge, judge.label(drawn)) == (truth == 1)).mean(0)
    record: dict[str, Any] = {
        "machine": doctor.machine(torch.device("cpu")),
        "model": {"name": model.name, "digest": model.digest, "directions": model.card["directions"]["digest"]},
        "dataset": {"name": data.name, "fingerprint": data.fingerprint},
        "judge": {"digest": judge.digest, "right": float(right.mean()), "drawings": len(pool)}
        | {"right_about": {name: float(share) for name, share in zip(judge.attributes, right, strict=True)}},
        "protocol": {name: getattr(args, name) for name in ("count", "pool", "target", "seed")},
        "faces": {},
    }
    print(json.dumps(record["machine"]))
    worst = judge.attributes[int(right.argmin())]
    print(f"the judge is right in {100 * right.mean():.2f} % of what it says of {len(pool):,} drawings, least about "
          f"{worst} ({100 * right.min():.1f} %)")  # fmt: skip
    known = [name for name in judge.attributes if name in (args.attributes or model.directions.names)]
    edits = [Edit(name, 1) for name in known] + [Edit(name, -1) for name in TAKEN if name in known]
    latents = {"generated": model.latents(args.pool, args.seed)}
    if "encoder" in model.card:
        latents["encoded"] = model.encode(drawn)
    contenders = [Contender(kind, model.directions, kind) for kind in KINDS]
    for source, z in latents.items():
        before = judge.label(generate_images(model, z, quiet=True))
        rows = []
        for edit in edits:
            fit = undone(judge, before, edit)
            if source == "encoded":  # here it is known, too
                fit &= truth[:, judge.attributes.index(edit.attribute)] == (edit.sign < 0)
            among = np.flatnonzero(fit)[: args.count]
            if not len(among):
                tell(f"{edit}: there is no {source} face that it has something to do with")
                continue
            found = contest(Bench(model, judge, z[among], before[among]), edit, contenders, args.target, len(KINDS))
            own = set[str]().union(*(part for part in PARTS if edit.attribute in part))
            for kind, (outcome, _) in found.items():
                outcome["elsewhere"] = float(
                    np.mean([share for name, share in outcome["flips_of"].items() if name not in own])
                )
                rows.append({"edit": str(edit), "kind": kind, "faces": len(among)} | outcome)
            tell(f"{source} faces, {edit}: done")
        standing = summary(rows, KINDS, len(KINDS))
        record["faces"][source] = {"rows": rows, "summary": standing}
        print(f"\n{source} faces\n\n{table(rows)}\n")
        print("\n".join(standing["sentences"]), flush=True)
    first = record["faces"]["generated"]
    with atomic_folder(args.out, "results") as folder:
        write_json(folder / "record.json", record)
        shown = latents["generated"][:SHOWN]
        save_examples(model, shown, first["rows"], first["summary"]["best"], folder / "sheet.png")


if __name__ == "__main__":
    main()
