"""The faces of a dataset that are nearest to a face: in the latent space, and in a judge's feature space."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facesmith.datasets.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.files import new_folder, refuse_existing, write_json
from facesmith.latent.editing import generated
from facesmith.latent.figures import save_table
from facesmith.latent.labelled import known_judge, refuse_other_size
from facesmith.latent.subjects import Source, subjects
from facesmith.latent.vectors import Vectors, features_of, latents_of
from facesmith.metrics.neighbours import nearest
from facesmith.model import Model, load

if TYPE_CHECKING:
    from facesmith.judge import Judge


def neighbours(
    model: str | Path | Model,
    dataset: str | Path | Dataset,
    faces: Sequence[Source],
    out: str | Path,
    *,
    count: int = 8,
    judge: "str | Path | Judge | None" = None,
    face: str = "largest",
    aligned: bool = False,
    quiet: bool = False,
) -> list[dict[str, Any]]:
    """Find the ``count`` pictures of a dataset nearest to each face, and write them into the new folder ``out``.

    In the latent space the distance is Euclid's; with a ``judge`` they are looked for in its feature space too, where
    it is 1 - cosine. sheet.png has the face and what is nearest, neighbours.json what is returned: for each face, under
    "latent" and "feature", the ``row`` and ``file`` of every neighbour and its ``distance``, the nearest first. A photo
    of the dataset is its own nearest neighbour. What is computed of the dataset is kept in DATASET/features.
    """
    refuse_existing(Path(out), "neighbours")
    data = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    if not 1 <= count <= len(data):
        raise FacesmithError(f"count is {count}: {data.name} can name 1 to {len(data):,} neighbours")
    eye = known_judge(judge)
    source = model if isinstance(model, Model) else load(model, quiet=quiet)
    refuse_other_size(source, data)
    people = subjects(source, faces, face=face, aligned=aligned, quiet=quiet)
    z = np.stack([one.z for one in people])
    made = generated(source, z, quiet)
    seen = np.stack([made[i] if one.picture is None else one.picture for i, one in enumerate(people)])
    found = {"latent": nearest(z[:, : source.latent_size], latents_of(source, data, quiet=quiet), count)}
    if eye is not None:
        there = _unit(features_of(eye, data, quiet=quiet))
        distances, rows = nearest(_unit(eye.features(seen)), there, count)
        found["feature"] = (distances**2 / 2, rows)  # of vectors of length 1
    files = data.metadata()["file"].to_pylist()
    result = [
        {"face": one.name}
        | {
            space: [
                {"row": int(row), "file": files[row], "distance": float(distance)}
                for row, distance in zip(rows[i], distances[i], strict=True)
            ]
            for space, (distances, rows) in found.items()
        }
        for i, one in enumerate(people)
    ]
    with new_folder(Path(out), "neighbours") as folder:
        names = [f"{one.name}\nby {space}" for one in people for space in found]
        lines = [
            np.concatenate([seen[i : i + 1], data.images[rows[i]]])
            for i in range(len(people))
            for _, rows in found.values()
        ]
        columns = ["face", *(str(number) for number in range(1, count + 1))]
        save_table(np.stack(lines), names, columns, folder / "sheet.png")
        write_json(folder / "neighbours.json", result)
    return result


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12)))
