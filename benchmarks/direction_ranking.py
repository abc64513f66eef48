"""Who wins among kinds of directions: tables and sentences about what `edit_measures.contest` found."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import facesmith
from facesmith.latent.face_grids import save_table
from facesmith.latent.faces import generate_images

MEASURES = ("strength", "hit_rate", "drift", "flips", "elsewhere", "identity")


def summary(rows: Sequence[dict[str, Any]], names: Sequence[str], setting: int) -> dict[str, Any]:
    """Who changes least beside what they were to change, and who keeps the person: means over edits, and sentences.

    Of the first ``setting`` kinds those edits count in which all of them reach the same hit rate; of each other kind
    those of them that it reaches too, against the best of the first in the same edits.
    """
    if not rows:
        sys.exit("no edit found a face that it has something to do with: look at more of them")
    by_edit: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        by_edit.setdefault(row["edit"], {})[row["kind"]] = row
    measures = [name for name in MEASURES if name in rows[0]]

    def means(kind: str, edits: Sequence[str]) -> dict[str, float]:
        return {name: float(np.mean([by_edit[edit][kind][name] for edit in edits])) for name in measures}

    first = names[:setting]
    shared = [edit for edit, kinds in by_edit.items() if all(kinds[kind]["reached"] for kind in first)]
    if not shared:
        sys.exit("there is no edit that all kinds of directions can do: nothing can be compared")
    averages = {kind: means(kind, shared) for kind in first}
    best = min(averages, key=lambda kind: averages[kind]["drift"])
    sentences = [f"means over {len(shared)} of {len(by_edit)} edits, which all of these kinds reach:"]
    sentences += [_words(kind, found) for kind, found in averages.items()]
    for edit in (edit for edit in by_edit if edit not in shared):
        can = ", ".join(f"{kind} {100 * by_edit[edit][kind]['reachable']:.0f} %" for kind in first)
        sentences.append(f"not among them is {edit}, in which at best these hit: {can}")
    for kind in (kind for kind in first if kind != best):
        less = sum(by_edit[edit][best]["drift"] < by_edit[edit][kind]["drift"] for edit in shared)
        drift, flips = (100 * (1 - averages[best][name] / averages[kind][name]) for name in ("drift", "flips"))
        sentences.append(
            f"{best} drifts {drift:.0f} % less than {kind}, and less in {less} of {len(shared)} edits; "
            f"{flips:.0f} % fewer verdicts flip"
        )
    beside: dict[str, dict[str, Any]] = {}
    for kind in names[setting:]:
        edits = [edit for edit in shared if by_edit[edit][kind]["reached"]]
        if edits:
            beside[kind] = {"edits": edits, kind: means(kind, edits), best: means(best, edits)}
            sentences.append(f"over {len(edits)} edits that {kind} reaches too:")
            sentences += [_words(one, beside[kind][one]) for one in (kind, best)]
    return {"best": best, "edits": shared, "means": averages, "beside": beside, "sentences": sentences}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """A row for each edit and kind, in Markdown; kinds that do not reach the hit rate have a star."""
    measures = [name for name in ("reachable", *MEASURES) if name in rows[0]]
    lines = [f"| edit | faces | kind | {' | '.join(measures)} |", "|---" * (3 + len(measures)) + "|"]
    for row in rows:
        star = "" if row["reached"] else " *"
        cells = " | ".join(f"{row[name]:.2f}" if name == "strength" else f"{row[name]:.3f}" for name in measures)
        lines.append(f"| {row['edit']} | {row['faces']} | {row['kind']}{star} | {cells} |")
    return "\n".join(lines)


def save_examples(
    model: facesmith.Model,
    z: NDArray[np.float32],
    rows: Sequence[dict[str, Any]],
    kind: str,
    path: Path,
    photos: NDArray[np.uint8] | None = None,
) -> None:
    """A table of faces: their photos, if any, as they are, and given each attribute as strongly as was found."""
    given = {row["edit"].split()[0]: row["strength"] for row in rows if row["kind"] == kind and row["edit"][-1] == "+"}
    moved = [z, *(model.directions.apply(z, {name: strength}, kind) for name, strength in given.items())]
    pictures = [generate_images(model, some, quiet=True) for some in moved]
    names = ["as it is", *(f"{name} {strength:+g}" for name, strength in given.items())]
    if photos is not None:
        pictures, names = [photos, *pictures], ["photo", *names]
    save_table(np.stack(pictures), names, [""] * len(z), path)


def _words(kind: str, found: dict[str, float]) -> str:
    return f"{kind}: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items())
