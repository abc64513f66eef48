"""Accuracy and side effects of edits, by kind of direction, at the strength of an equal hit rate.

    python benchmarks/edit_quality.py MODEL DATASET --classifier CLASSIFIER --out FOLDER [--also MODEL2]
    python benchmarks/edit_quality.py MODEL DATASET --classifier CLASSIFIER --out FOLDER --drawn

Photos: eleven attributes are added to held-out photos without them (+); those that a face can simply lose are also
removed (−). An edit uses --count photos for which dataset and classifier agree, before and after reconstruction, that
it has something to change. The lowest common strength is searched at which the classifier sees the edit in --target of
the faces. If a kind cannot reach that, all are measured at the best rate of the weakest kind, unless that is below
30 %. Measured on the encoder's latents, and after --refine steps of refinement. --also names a model with the same
generator and encoder and other directions; its kinds are called classifier-*.

--drawn: the same for drawn faces, generated and (if the model has an encoder) encoded held-out drawings. The accuracy
of the classifier on the drawings is printed first.

* drift: the mean absolute change of the probability of all other attributes; flips: the share of them that change.
* elsewhere (drawn): flips of attributes of other parts of the drawing. Hair, hats and baldness are one part.
* identity (photos): the SFace similarity of the unedited and the edited face.

FOLDER gets record.json and sheet.png: 8 faces, unedited and with each attribute added by the best kind. For photos the
sheet shows the dataset's photos.
"""

import sys
from typing import Any

import harness
import numpy as np
from edit_search import Contender, Edit, Editing, compare, lacks, predictions
from harness import table
from identity_similarity import similarity

import facesmith
from facesmith.data.held_out import held_out_mask
from facesmith.files import atomic_folder, write_json
from facesmith.images.grid import save_table
from facesmith.latent.faces import generate_images
from facesmith.latent.refine import refine
from facesmith.metrics.identity import SHA256, SFace
from facesmith.models.directions import KINDS

# Without blond or black hair, or pale skin, a face has another colour: an edit cannot say which.
PHOTO_EDITS = [Edit(name, 1) for name in ("Smiling", "Male", "Young", "Eyeglasses", "Blond_Hair", "Black_Hair", "Bald",
               "Mustache", "Wearing_Lipstick", "Pale_Skin", "Bangs")]  # fmt: skip
PHOTO_EDITS += [Edit(name, -1) for name in ("Smiling", "Male", "Young", "Eyeglasses", "Mustache", "Wearing_Lipstick",
                "Bangs")]  # fmt: skip
REMOVED_FROM_DRAWINGS = ("Eyeglasses", "Smiling", "Mouth_Slightly_Open", "Pale_Skin", "Wearing_Hat")
PARTS = (
    {"Bald", "Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Sideburns", "Straight_Hair", "Wavy_Hair",
     "Wearing_Hat"},
    {"Mouth_Slightly_Open", "Smiling", "Wearing_Lipstick"},
    {"5_o_Clock_Shadow", "Goatee", "Mustache", "No_Beard"},
)  # fmt: skip
MEASURES = ("strength", "hit_rate", "drift", "flips", "elsewhere", "identity")
SHEET_FACES = 8

Rows = list[dict[str, Any]]


def summarize(rows: Rows, kinds: list[str]) -> dict[str, Any]:
    """Print and return the means over edits of each kind, and the kind with the least drift.

    Only edits count in which all `KINDS` reach the same hit rate; of any further kind, those that it reaches too.
    """
    reached = {(row["edit"], row["kind"]) for row in rows if row["reached"]}
    edits = list(dict.fromkeys(row["edit"] for row in rows))
    shared = [edit for edit in edits if all((edit, kind) in reached for kind in KINDS)]
    if not shared:
        sys.exit("no edit is reached by all kinds of directions: increase --count or --pool")
    measures, means = [name for name in MEASURES if name in rows[0]], {}
    for kind in kinds:
        chosen = [
            row for row in rows if row["kind"] == kind and row["edit"] in shared and (row["edit"], kind) in reached
        ]
        if chosen:
            means[kind] = {name: float(np.mean([row[name] for row in chosen])) for name in measures}
            means[kind]["edits"] = len(chosen)
    header = ["edit", "faces", "kind", "reached", "reachable", *measures]
    print(table(header, [[row[name] for name in header] for row in rows]))
    print(f"\nmeans over the edits that all kinds reach, {len(shared)} of {len(edits)}:")
    print(table(["kind", *measures, "edits"], [[kind, *row.values()] for kind, row in means.items()]), flush=True)
    return {"best": min(KINDS, key=lambda kind: means[kind]["drift"]), "edits": shared, "means": means}


def measure_photos(editing: Editing, data: facesmith.Dataset, contenders: list[Contender], args: Any) -> dict[str, Any]:
    """Return rows and summary of each kind of latents, and the faces for the sheet."""
    model, classifier = editing.model, editing.classifier
    pool = np.random.default_rng(args.seed).permutation(np.flatnonzero(held_out_mask(data)))[: args.pool]
    labels = data.attribute_values()[pool][:, [data.attributes.index(edit.attribute) for edit in PHOTO_EDITS]]
    probabilities = classifier.label(data.images[pool])
    chosen = {
        edit: pool[(labels[:, column] == (edit.sign < 0)) & lacks(classifier, probabilities, edit)][: args.count]
        for column, edit in enumerate(PHOTO_EDITS)
    }
    used = np.unique(np.concatenate([pool[:SHEET_FACES], *chosen.values()]))
    photos, sface = np.asarray(data.images[used]), SFace()
    landmarks = sface.landmarks(photos)
    latents = {"encoder": model.encode(photos)}
    if args.refine:
        latents["refined"] = refine(model, photos, latents["encoder"], args.refine)
    results: dict[str, Any] = {}
    for source, z in latents.items():
        unedited = generate_images(model, z, quiet=True)
        before, vectors, rows = classifier.label(unedited), sface.vectors(unedited, landmarks), []
        for edit, photos_of_edit in chosen.items():
            indices = np.flatnonzero(np.isin(used, photos_of_edit) & lacks(classifier, before, edit))
            if len(indices):
                part = Editing(model, classifier, z[indices], before[indices])
                for name, (outcome, faces) in compare(part, edit, contenders, args.target, len(KINDS)).items():
                    identity = similarity(vectors[indices], sface.vectors(faces, landmarks[indices]))
                    identified = outcome | {"identity": float(identity.mean())}
                    rows.append({"edit": str(edit), "kind": name, "faces": len(indices)} | identified)
        print(f"\n{source} latents\n")
        results[source] = {"rows": rows} | summarize(rows, [contender.name for contender in contenders])
    sheet = np.searchsorted(used, pool[:SHEET_FACES])
    return {"results": results, "sheet": (latents[source][sheet], rows, photos[sheet])}


def measure_drawings(
    editing: Editing, data: facesmith.Dataset, contenders: list[Contender], args: Any
) -> dict[str, Any]:
    """Return rows and summary of generated and encoded faces, and the faces for the sheet."""
    model, classifier = editing.model, editing.classifier
    pool = np.random.default_rng(args.seed).permutation(np.flatnonzero(held_out_mask(data)))[: args.pool]
    truth = data.attribute_values()[pool][:, [data.attributes.index(name) for name in classifier.attributes]] == 1
    drawings = np.asarray(data.images[pool])
    correct = (predictions(classifier, classifier.label(drawings)) == truth).mean(0)
    worst = classifier.attributes[int(correct.argmin())]
    print(
        f"classifier accuracy {correct.mean():.2%} on {len(pool):,} drawings, lowest for {worst} ({correct.min():.1%})"
    )
    names = [name for name in classifier.attributes if name in model.directions.names]
    edits = [Edit(name, 1) for name in names] + [Edit(name, -1) for name in REMOVED_FROM_DRAWINGS if name in names]
    latents = {"generated": model.latents(args.pool, args.seed)}
    if "encoder" in model.card:
        latents["encoded"] = model.encode(drawings)
    results: dict[str, Any] = {"classifier_accuracy": float(correct.mean())}
    for source, z in latents.items():
        before, rows = classifier.label(generate_images(model, z, quiet=True)), []
        for edit in edits:
            suitable = lacks(classifier, before, edit)
            if source == "encoded":  # the attributes of drawings are known
                suitable &= truth[:, classifier.attributes.index(edit.attribute)] == (edit.sign < 0)
            indices = np.flatnonzero(suitable)[: args.count]
            same_part = set[str]().union(*(part for part in PARTS if edit.attribute in part))
            if len(indices):
                part = Editing(model, classifier, z[indices], before[indices])
                for kind, (outcome, _) in compare(part, edit, contenders, args.target, len(KINDS)).items():
                    elsewhere = np.mean([flips for name, flips in outcome["flips_of"].items() if name not in same_part])
                    row = {"edit": str(edit), "kind": kind, "faces": len(indices)} | outcome
                    rows.append(row | {"elsewhere": float(elsewhere)})
        print(f"\n{source} faces\n")
        results[source] = {"rows": rows} | summarize(rows, list(KINDS))
    return {"results": results, "sheet": (z[:SHEET_FACES], rows, drawings[:SHEET_FACES])}


def main() -> None:
    parser = harness.parser(__doc__, "--classifier", "--out", "--count", "--seed", count=100)
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--drawn", action="store_true", help="measure drawn faces")
    parser.add_argument("--also", help="a model with other directions")
    parser.add_argument("--target", type=float, help="hit rate, default 0.8, for drawings 0.9")
    parser.add_argument("--refine", type=int, default=50, help="refinement steps for photos, 0: none")
    parser.add_argument("--pool", type=int, default=1500, help="number of faces from which those of edits are chosen")
    args = parser.parse_args()
    args.target = args.target or (0.9 if args.drawn else 0.8)
    model, classifier = facesmith.load(args.model, quiet=True), facesmith.load_classifier(args.classifier)
    contenders = [Contender(kind, model.directions, kind) for kind in KINDS]
    if args.also:
        other = facesmith.load(args.also, quiet=True)
        if (other.digest, other.card["encoder"]["digest"]) != (model.digest, model.card["encoder"]["digest"]):
            sys.exit(f"{args.also} has another generator or encoder than {args.model}: their latents differ")
        contenders += [Contender(f"classifier-{kind}", other.directions, kind) for kind in KINDS]
    data, nothing = facesmith.open_dataset(args.dataset), np.zeros((0, 0), np.float32)
    record = harness.new_record(
        model={"name": model.name, "digest": model.digest, "directions": model.card["directions"]["digest"]},
        dataset={"name": data.name, "fingerprint": data.fingerprint},
        classifier=classifier.digest,
        sface=SHA256,
        protocol={name: getattr(args, name) for name in ("count", "target", "refine", "pool", "seed", "also")},
    )
    measure = measure_drawings if args.drawn else measure_photos
    measured = measure(Editing(model, classifier, nothing, nothing), data, contenders, args)
    z, rows, originals = measured["sheet"]
    best = list(measured["results"].values())[-1]["best"]
    added = {row["edit"].split()[0]: row["strength"] for row in rows if row["kind"] == best and row["edit"][-1] == "+"}
    edited = [model.directions.apply(z, {name: strength}, best) for name, strength in added.items()]
    images = [originals, *(generate_images(model, latents, quiet=True) for latents in (z, *edited))]
    with atomic_folder(args.out, "results") as folder:
        write_json(folder / "record.json", record | measured["results"])
        names = ["original", "unedited", *(f"{name} {strength:+g}" for name, strength in added.items())]
        save_table(np.stack(images), names, [""] * len(z), folder / "sheet.png")


if __name__ == "__main__":
    main()
