"""Find the faces of a dataset that are nearest to a face, in latent space and in a classifier's feature space."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.arrays import Floats
from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, write_json
from facesmith.images.grid import save_table
from facesmith.latent.dataset_latents import features_of, latents_of
from facesmith.latent.faces import FaceLatent, FaceSource, face_images, load_faces
from facesmith.latent.labelled_latents import check_size
from facesmith.metrics.neighbours import nearest
from facesmith.models.classifier import AttributeClassifier, as_classifier
from facesmith.models.model import Model, as_model

SPACES = ("latent", "feature")


def neighbours(
    model: str | Path | Model,
    dataset: str | Path | Dataset,
    faces: Sequence[FaceSource],
    out: str | Path,
    *,
    count: int = 8,
    classifier: str | Path | AttributeClassifier | None = None,
    face: str = "largest",
    aligned: bool = False,
    quiet: bool = False,
) -> list[dict[str, Any]]:
    """Find the ``count`` nearest images of a dataset for each face, and write them into the new folder ``out``.

    The distance in latent space is Euclidean. With a ``classifier`` its feature space is searched too, where the
    distance is 1 - cosine. sheet.png shows each face and its neighbours. neighbours.json holds what is returned: for
    each face, under "latent" and "feature", the ``row``, ``file`` and ``distance`` of every neighbour, nearest first. A
    photo of the dataset is its own nearest neighbour. The vectors of the dataset are cached in its folder.
    """
    with atomic_folder(Path(out), "neighbours") as folder:
        data = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
        _check_count(data, count)
        features = None if classifier is None else as_classifier(classifier)
        source = as_model(model, quiet=quiet)
        check_size(source, data)
        queries = load_faces(source, faces, face=face, aligned=aligned, quiet=quiet)
        result = nearest_faces(source, data, queries, count=count, classifier=features, quiet=quiet)
        spaces = [space for space in SPACES if space in result[0]]
        labels = [f"{query.name}\nby {space}" for query in queries for space in spaces]
        rows = [
            np.concatenate([image[None], data.images[[neighbour["row"] for neighbour in entry[space]]]])
            for image, entry in zip(face_images(source, queries, quiet=quiet), result, strict=True)
            for space in spaces
        ]
        columns = ["face", *(str(number) for number in range(1, count + 1))]
        save_table(np.stack(rows), labels, columns, folder / "sheet.png", source.edit_marks([None]))
        write_json(folder / "neighbours.json", result)
    return result


def nearest_faces(
    model: Model,
    dataset: Dataset,
    faces: Sequence[FaceLatent],
    *,
    count: int = 8,
    classifier: AttributeClassifier | None = None,
    quiet: bool = False,
) -> list[dict[str, Any]]:
    """Return what `neighbours` returns, for faces that are already loaded. Only the cache of the dataset is written."""
    _check_count(dataset, count)
    check_size(model, dataset)
    z = np.stack([face.z[: model.latent_size] for face in faces])
    spaces = {"latent": nearest(z, latents_of(model, dataset, quiet=quiet), count)}
    if classifier is not None:
        queries = _unit(classifier.features(face_images(model, faces, quiet=quiet)))
        distances, rows = nearest(queries, _unit(features_of(classifier, dataset, quiet=quiet)), count)
        spaces["feature"] = (distances**2 / 2, rows)  # 1 - cosine, for vectors of length 1
    files = dataset.metadata()["file"].to_pylist()
    return [
        {"face": face.name}
        | {
            space: [
                {"row": int(row), "file": files[row], "distance": float(distance)}
                for row, distance in zip(rows[i], distances[i], strict=True)
            ]
            for space, (distances, rows) in spaces.items()
        }
        for i, face in enumerate(faces)
    ]


def _check_count(dataset: Dataset, count: int) -> None:
    if not 1 <= count <= len(dataset):
        raise FacesmithError(
            f"invalid count {count}: expected 1 to {len(dataset):,}, the number of images in {dataset.name}"
        )


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12)))
