"""Does an edit do what it says, and nothing else? Kinds of directions at the strength where they hit alike.

    python benchmarks/edit_quality.py MODEL DATASET --judge JUDGE \
        --out FOLDER [--count 100] [--refine 50] [--also MODEL2]

Eleven attributes are given to held-out photos without them (+); those that a face can simply lose are also taken away
from photos with them (−). The photos of an edit are --count held-out ones of which the dataset and the judge say that
it has something to do, less those whose reconstruction the judge sees otherwise. For each kind of direction the least
strength is looked for, one for all photos, at which the judge says of --target of the edited faces what the edit was to
make it say. Where some kind cannot reach that, all are measured at what the weakest reaches at best, unless that is
less than 30 %, which leaves it out ("reachable" says what each could). There:

* drift: the mean absolute change of the judge's probability, over all other attributes, from the unedited face.
* flips: the share of the other attributes of which the judge now says otherwise.
* identity: the similarity of SFace (see identity.py) between the unedited face and the edited one.

All of it twice: on the encoder's latents, and after --refine steps of search. --also takes another model of the same
generator and encoder with directions from elsewhere (`facesmith directions MODEL --judge JUDGE --out MODEL2`): its
kinds are named judged-*, and their means are over the edits in which they reach the others' hit rate.

FOLDER gets record.json and sheet.png: 8 photos, as they are, and given each attribute by the best kind. It shows the
dataset's photos.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from direction_ranking import save_examples, summary, table
from edit_measures import Bench, Contender, Edit, contest, undone
from identity_similarity import SHA256, Identity, similarity
from numpy.typing import NDArray

import facesmith
from facesmith import doctor
from facesmith.data.held_out import held_out_mask
from facesmith.files import atomic_folder, write_json
from facesmith.latent.faces import generate_images
from facesmith.latent.refine import refine
from facesmith.models.directions import DEFAULT_KIND, KINDS
from facesmith.progress import tell

GIVEN = ("Smiling", "Male", "Young", "Eyeglasses", "Blond_Hair", "Black_Hair", "Bald", "Mustache", "Wearing_Lipstick",
         "Pale_Skin", "Bangs")  # fmt: skip
# Without a colour of hair, and without pale skin, a face has another one: which, an edit cannot say.
TAKEN = ("Smiling", "Male", "Young", "Eyeglasses", "Mustache", "Wearing_Lipstick", "Bangs")
SHOWN = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--judge", required=True)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--also", help="a model with other directions")
    parser.add_argument("--count", type=int, default=100, help="photos an edit")
    parser.add_argument("--target", type=float, default=0.8)
    parser.add_argument("--refine", type=int, default=50, help="steps; 0 measures the encoder's latents alone")
    parser.add_argument("--pool", type=int, help="look at so many held-out photos only")
    parser.add_argument("--attributes", nargs="+", default=GIVEN, choices=GIVEN, metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model, judge = facesmith.load(args.model, quiet=True), facesmith.load_classifier(args.judge)
    contenders = [Contender(kind, model.directions, kind) for kind in KINDS]
    if args.also:
        other = facesmith.load(args.also, quiet=True)
        if (other.digest, other.card["encoder"]["digest"]) != (model.digest, model.card["encoder"]["digest"]):
            sys.exit(f"{args.also} has another generator or encoder than {args.model}: their latents differ")
        contenders += [Contender(f"judged-{kind}", other.directions, kind) for kind in KINDS]
    edits = [Edit(name, sign) for sign, names in ((1, GIVEN), (-1, TAKEN)) for name in names if name in args.attributes]

    data = facesmith.open_dataset(args.dataset)
    pool = np.random.default_rng(args.seed).permutation(np.flatnonzero(held_out_mask(data)))[: args.pool]
    chosen = {edit: rows[: args.count] for edit, rows in suitable(data, judge, pool, edits).items()}
    used = np.unique(np.concatenate([pool[:SHOWN], *chosen.values()]))
    photos, eye = np.asarray(data.images[used]), Identity()
    tell(f"{len(used):,} photos for {len(edits)} edits, {len(contenders)} kinds of directions")
    places = eye.places(photos)
    record: dict[str, Any] = {
        "machine": doctor.machine(torch.device("cpu")),
        "model": {"name": model.name, "digest": model.digest, "directions": model.card["directions"]["digest"]},
        "also": other.card["directions"]["digest"] if args.also else None,
        "dataset": {"name": data.name, "fingerprint": data.fingerprint},
        "judge": judge.digest,
        "sface": SHA256,
        "protocol": {name: getattr(args, name) for name in ("count", "target", "refine", "pool", "seed")},
        "latents": {},
    }
    print(json.dumps(record["machine"]))
    latents = {"encoder": model.encode(photos)}
    if args.refine:
        latents["refined"] = refine(model, photos, latents["encoder"], args.refine)
    for kind, z in latents.items():
        unedited = generate_images(model, z, quiet=True)
        before, seen = judge.label(unedited), eye.vectors(unedited, places)
        rows = []
        for edit, of_dataset in chosen.items():
            among = np.flatnonzero(np.isin(used, of_dataset) & undone(judge, before, edit))
            if not len(among):
                tell(f"{edit}: no photo has a reconstruction that it has something to do with")
                continue
            found = contest(Bench(model, judge, z[among], before[among]), edit, contenders, args.target, len(KINDS))
            for name, (outcome, made) in found.items():
                outcome["identity"] = float(similarity(seen[among], eye.vectors(made, places[among])).mean())
                rows.append({"edit": str(edit), "kind": name, "faces": len(among)} | outcome)
            tell(f"{kind} latents, {edit}: done")
        standing = summary(rows, [each.name for each in contenders], len(KINDS))
        record["latents"][kind] = {"rows": rows, "summary": standing}
        print(f"\n{kind} latents\n\n{table(rows)}\n")
        print("\n".join(standing["sentences"]), flush=True)
    best = standing["best"]
    with atomic_folder(args.out, "results") as folder:
        write_json(folder / "record.json", record)
        some = np.searchsorted(used, pool[:SHOWN])
        save_examples(model, z[some], rows, best, folder / "sheet.png", photos[some])
    print(f"\nthe default is {DEFAULT_KIND}; {args.out / 'sheet.png'} shows {best} on {kind} latents")


def suitable(
    data: facesmith.Dataset, judge: facesmith.AttributeClassifier, pool: NDArray[np.intp], edits: list[Edit]
) -> dict[Edit, NDArray[np.intp]]:
    """Of which photos of the pool dataset and judge both say that an edit has something to do, in the pool's order."""
    names, values = data.attributes, data.attribute_values()
    said = judge.label(data.images[pool])
    labels = {edit: values[pool, names.index(edit.attribute)] == (edit.sign < 0) for edit in edits}
    return {edit: pool[labels[edit] & undone(judge, said, edit)] for edit in edits}


if __name__ == "__main__":
    main()
