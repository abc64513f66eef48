"""The faces of a dataset that are nearest to a face: in the latent space, and in a judge's feature space."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, refuse_existing, write_json
from facesmith.latent.dataset_latents import Vectors, features_of, latents_of
from facesmith.latent.edit import generated
from facesmith.latent.face_grids import save_table
from facesmith.latent.faces import FaceLatent, FaceSource, load_faces
from facesmith.latent.labelled_latents import known_judge, refuse_other_size
from facesmith.metrics.neighbours import nearest
from facesmith.models.model import Model, load

if TYPE_CHECKING:
    from facesmith.models.classifier import AttributeClassifier

    pass

SPACES = ("latent", "feature")

Pictures = NDArray[np.uint8]


def neighbours(
    model: str | Path | Model,
    dataset: str | Path | Dataset,
    faces: Sequence[FaceSource],
    out: str | Path,
    *,
    count: int = 8,
    judge: "str | Path | AttributeClassifier | None" = None,
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
    _refuse_count(data, count)
    eye = known_judge(judge)
    source = model if isinstance(model, Model) else load(model, quiet=quiet)
    refuse_other_size(source, data)
    people = load_faces(source, faces, face=face, aligned=aligned, quiet=quiet)
    result = nearest_faces(source, data, people, count=count, judge=eye, quiet=quiet)
    with atomic_folder(Path(out), "neighbours") as folder:
        spaces = [space for space in SPACES if space in result[0]]
        names = [f"{one.name}\nby {space}" for one in people for space in spaces]
        lines = [
            np.concatenate([seen[None], data.images[[near["row"] for near in found[space]]]])
            for seen, found in zip(_pictures(source, people, quiet), result, strict=True)
            for space in spaces
        ]
        columns = ["face", *(str(number) for number in range(1, count + 1))]
        save_table(np.stack(lines), names, columns, folder / "sheet.png")
        write_json(folder / "neighbours.json", result)
    return result


def nearest_faces(
    model: Model,
    dataset: Dataset,
    people: Sequence[FaceLatent],
    *,
    count: int = 8,
    judge: "AttributeClassifier | None" = None,
    quiet: bool = False,
) -> list[dict[str, Any]]:
    """What `neighbours` returns, of faces that are known already; nothing is written but DATASET/features."""
    _refuse_count(dataset, count)
    refuse_other_size(model, dataset)
    z = np.stack([one.z[: model.latent_size] for one in people])
    found = {"latent": nearest(z, latents_of(model, dataset, quiet=quiet), count)}
    if judge is not None:
        there = _unit(features_of(judge, dataset, quiet=quiet))
        distances, rows = nearest(_unit(judge.features(_pictures(model, people, quiet))), there, count)
        found["feature"] = (distances**2 / 2, rows)  # of vectors of length 1
    files = dataset.metadata()["file"].to_pylist()
    return [
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


def _refuse_count(dataset: Dataset, count: int) -> None:
    if not 1 <= count <= len(dataset):
        raise FacesmithError(f"count is {count}: {dataset.name} can name 1 to {len(dataset):,} neighbours")


def _pictures(model: Model, people: Sequence[FaceLatent], quiet: bool) -> Pictures:
    """The faces as they were taken, or, where they were not, as the model makes them: N x H x W x 3."""
    made = generated(model, np.stack([one.z for one in people]), quiet)
    return np.stack([each if one.image is None else one.image for each, one in zip(made, people, strict=True)])


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12)))
