"""The page on identities: is a generated face nearer to a person of the training set than real strangers are?"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facesmith.arrays import Floats, Integers
from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.files import updated_folder, write_json, write_text
from facesmith.images.grid import make_table
from facesmith.images.provenance import encode_image, joint_marks
from facesmith.metrics.identity import SFace, dataset_identities, nearest_identity
from facesmith.metrics.image_sets import ImageSet, open_sets
from facesmith.metrics.reference import choose
from facesmith.models.model import Model
from facesmith.progress import progress
from facesmith.reports.pages import render
from facesmith.reports.svg_charts import histogram

PAGE, VALUES = "identities.html", "identities.json"
QUANTILES = (0.5, 0.9, 0.99, 1.0)
BINS = 40
CLOSEST = 8  # pairs shown of each set
UNKNOWN_PEOPLE = 2**40  # the first number of people without an identity
EXPECTED_SHARE = 0.01  # of faces above the 99th percentile of real people


def identity_report(
    model: str | Path | Model | Dataset,
    dataset: str | Path | Dataset,
    against: str | Path | Dataset,
    out: str | Path,
    *,
    count: int = 1000,
    split: str | None = None,
    seed: int = 0,
    truncation: float = 1.0,
    quiet: bool = False,
) -> Path:
    """Write OUT/identities.html, with the person of a training set that is nearest to each generated face.

    ``count`` generated faces (see `evaluate`) and as many real ones of ``dataset``, which should be held out, are
    compared with every face of the training set ``against`` by the face embedding SFace. Real people show how similar
    strangers are: if both sets have identities, photos of the same person are left out. All images must have the same
    crop. Returns the page; identities.json next to it contains the values. Raises `FacesmithError` if a package of the
    ``photos`` and ``explore`` extras is missing, and if no face is found.
    """
    identity, folder = SFace(), Path(out)
    training = against if isinstance(against, Dataset) else open_dataset(against)
    with open_sets(model, dataset) as (source, real), updated_folder(folder) as target:
        if not source.size == real.size == training.size:
            raise FacesmithError(
                f"{training.path} has images of a different size: import all sets with the same size and crop"
            )
        rows = choose(real, min(count, len(source)) if isinstance(source, Dataset) else count, split, seed)
        known = dataset_identities(identity, training, quiet)
        compared = ImageSet(source, len(rows), seed, truncation)
        with progress(2 * len(rows), "identities", shown=not quiet) as bar:
            frames = np.broadcast_to(known.landmarks, (len(rows), 5, 2))
            generated = identity.vectors(compared.all_images(), frames, bar)
            photos = identity.vectors(np.asarray(real.images[rows]), frames, bar)
        people, training_people = _people(real)[rows], _people(training)
        if real.fingerprint == training.fingerprint:  # a photo is not its own neighbour
            own = UNKNOWN_PEOPLE + np.arange(len(training))
            training_people = np.where(training_people >= 0, training_people, own)
            people = training_people[rows]
        near = {
            "generated": nearest_identity(generated, known.vectors),
            "real": nearest_identity(photos, known.vectors, people, training_people),
        }
        facts = _facts(near, training, real)
        write_json(target / VALUES, facts)
        first = {name: values.argsort(kind="stable")[::-1][:CLOSEST] for name, (values, _) in near.items()}
        faces = {"generated": compared.images(first["generated"]), "real": np.asarray(real.images[rows[first["real"]]])}
        sheets = {}
        for name, (similarities, neighbours) in near.items():
            nearest = np.asarray(training.images[neighbours[first[name]]])
            marks = compared.sheet_marks if name == "generated" else joint_marks([real.marks, training.marks])
            sheets[name] = encode_image(_sheet(faces[name], nearest, similarities[first[name]]), "PNG", marks)
        write_text(target / PAGE, render("identities.html", **_values(source, facts, near, sheets)))
    return folder / PAGE


def _people(dataset: Dataset) -> Integers:
    """Return the identity of each image, -1 if it is unknown."""
    table = dataset.metadata()
    if "identity" not in table.column_names:
        return np.full(len(dataset), -1)
    return np.array([-1 if each is None else int(each) for each in table["identity"].to_pylist()])


def _facts(near: dict[str, tuple[Floats, Integers]], training: Dataset, real: Dataset) -> dict[str, Any]:
    threshold = float(np.quantile(near["real"][0], 1 - EXPECTED_SHARE))
    return {
        "count": len(near["real"][0]),
        "training": training.name,
        "training_count": len(training),
        "real": real.name,
        "threshold": threshold,
        "share": float((near["generated"][0] > threshold).mean()),
        "quantiles": {
            name: dict(zip(map(str, QUANTILES), np.quantile(values, QUANTILES).tolist(), strict=True))
            for name, (values, _) in near.items()
        },
    }


def _sheet(faces: np.ndarray, nearest: np.ndarray, similarities: Floats) -> Image.Image:
    """Return a table of faces above the nearest training faces, with their similarities."""
    columns = [f"{value:.2f}" for value in similarities]
    return make_table(np.stack([faces, nearest]), ["face", "nearest"], columns)


def _values(
    source: Model | Dataset, facts: dict[str, Any], near: dict[str, tuple[Floats, Integers]], sheets: dict[str, bytes]
) -> dict[str, Any]:
    """Return what the template shows."""
    values = np.concatenate([similarities for similarities, _ in near.values()])
    edges = np.linspace(values.min(), values.max() + 1e-6, BINS + 1)
    counts = {name: np.histogram(similarities, edges)[0] for name, (similarities, _) in near.items()}
    title = "Similarity to the nearest person in the training set"
    return {
        "title": f"Identities of {source.name}",
        "lead": sentence(facts),
        "facts": facts,
        "chart": histogram(counts, edges, title, "similarity", "faces"),
        "rows": [
            [name, *(f"{value:.3f}" for value in quantiles.values())] for name, quantiles in facts["quantiles"].items()
        ],
        "sheets": sheets,
    }


def sentence(facts: dict[str, Any]) -> str:
    """Return the result as a sentence."""
    return (
        f"{facts['share']:.1%} of {facts['count']:,} generated faces are nearer to a person in the "
        f"{facts['training_count']:,} images in {facts['training']} than 99% of real people are to any stranger in "
        "these images; 1% is expected by chance."
    )
