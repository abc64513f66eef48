"""Build a face map: positions of thousands of faces in latent space, to view, search and label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.arrays import Floats, Images, Integers
from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder
from facesmith.images.provenance import Marks, joint_marks
from facesmith.latent.dataset_latents import features_of, latents_of
from facesmith.latent.face_map.layouts import METHODS, MIN_FACES, Layout, check_methods, make_layouts
from facesmith.latent.face_map.map_folder import write_map
from facesmith.latent.face_map.page import encode_layout, map_page, to_base64
from facesmith.latent.face_map.projection import Neighbours, find_neighbours
from facesmith.latent.face_map.projector import write_projector
from facesmith.latent.face_map.thumbnails import make_atlases
from facesmith.latent.faces import FaceSource, face_images, face_marks, load_faces
from facesmith.latent.labelled_latents import check_size
from facesmith.models.classifier import AttributeClassifier, as_classifier
from facesmith.models.model import Model, as_model
from facesmith.version import __version__

MAX_FACES = 50_000  # a page with more is slow in every browser
_PACKAGES = {"tsne": "scikit-learn", "umap": "umap-learn"}
_LABELS = {1: "1", 0: "0", -1: ""}

Spaces = Mapping[str, tuple[Floats, Floats]]  # by name: the N x D points of the faces and the P x D of the photos


@dataclass(frozen=True, eq=False)
class _Faces:
    """The N faces of a map and the P photos placed on it."""

    rows: Integers  # (N,) of the dataset, rising
    files: list[str]  # (N,)
    attributes: list[str]
    labels: NDArray[np.int8]  # N x A: 1, 0, or -1 unknown
    images: Images  # N x H x W x 3
    photo_names: list[str]  # (P,)
    photos: Images  # P x H x W x 3
    photo_marks: list[Marks | None]  # (P,)


def map_faces(
    model: str | Path | Model,
    dataset: str | Path | Dataset,
    out: str | Path,
    *,
    count: int = 10_000,
    methods: Sequence[str] = tuple(METHODS),
    classifier: str | Path | AttributeClassifier | None = None,
    photos: Sequence[FaceSource] = (),
    seed: int = 0,
    quiet: bool = False,
) -> Path:
    """Write a map of ``count`` images of a dataset, encoded by a model, into the new folder ``out``.

    Args:
        model: a model with an encoder, for images of the dataset's size.
        dataset: the images; ``count`` of them are selected by ``seed``, or all if there are fewer.
        out: the folder for map.html (one page without external resources), map.json (the card), coordinates.npz (rows,
            latents, every layout, neighbours), labels.csv, and the files for ``tensorboard --logdir OUT``.
        methods: any of "pca", "tsne", "umap"; each makes layouts in 2D, in 3D and on the unit sphere.
        classifier: adds a second map, and second neighbours, in the feature space of this classifier.
        photos: photos, seeds or latents, as in `edit`, to place and mark on the finished map.
        seed: random seed of the selection, t-SNE and UMAP: the same seed gives the same map on the same machine.

    Returns ``out``. Raises `FacesmithError` for a model without an encoder, images of a different size, fewer than 16
    images, and a method whose packages are missing.
    """
    check_methods(methods)
    with atomic_folder(Path(out), "map") as folder:
        source = as_model(model, quiet=quiet)
        data = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
        features = None if classifier is None else as_classifier(classifier)
        check_size(source, data)
        if features is not None:
            check_size(features, data)
        _check_count(min(count, len(data)), count)
        source.latents(0, seed)  # raises an error for an invalid seed
        faces, spaces = _load(source, data, features, count, photos, seed, quiet)
        neighbours = {name: find_neighbours(*points) for name, points in spaces.items()}
        layouts: list[Layout] = []
        for name, points in spaces.items():
            layouts += make_layouts(name, *points, neighbours[name], methods, seed, quiet)
        card = _card(source, data, features, faces, methods, layouts, seed)
        columns = _label_columns(faces)
        page = map_page(f"Map of {data.name}", _page_data(card, faces, data.marks, neighbours, layouts))
        write_map(folder, card, _arrays(faces, spaces, neighbours, layouts), columns, page)
        write_projector(
            folder, {name: points for name, (points, _) in spaces.items()}, columns, faces.images, data.marks
        )
    return Path(out)


def _check_count(available: int, count: int) -> None:
    if available < MIN_FACES:
        raise FacesmithError(f"{available} faces are too few for a map: use at least {MIN_FACES}")
    if count > MAX_FACES:
        raise FacesmithError(f"{count:,} faces are too many for a map: use at most {MAX_FACES:,}")


def _load(
    model: Model,
    dataset: Dataset,
    classifier: AttributeClassifier | None,
    count: int,
    photos: Sequence[FaceSource],
    seed: int,
    quiet: bool,
) -> tuple[_Faces, Spaces]:
    """Return the faces, and the points of faces and photos in each space."""
    photo_latents = load_faces(model, photos, quiet=quiet) if photos else []
    photo_images = face_images(model, photo_latents) if photo_latents else np.zeros((0, *model.size[::-1], 3), np.uint8)
    photo_z = np.array([photo.z[: model.latent_size] for photo in photo_latents], np.float32).reshape(
        -1, model.latent_size
    )
    rows = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:count])
    attributes, labels = dataset.attributes, dataset.attribute_values()
    files = dataset.metadata()["file"].to_pylist()
    faces = _Faces(
        rows=rows,
        files=[files[row] for row in rows],
        attributes=attributes,
        labels=labels[rows],
        images=dataset.images[rows],
        photo_names=[photo.name for photo in photo_latents],
        photos=photo_images,
        photo_marks=[photo.marks if photo.image is not None else face_marks(model, [photo]) for photo in photo_latents],
    )
    spaces = {"latents": (latents_of(model, dataset, rows, quiet), photo_z)}
    if classifier is not None:
        features = features_of(classifier, dataset, rows, quiet)
        spaces["features"] = (features, classifier.features(photo_images) if photo_latents else features[:0])
    return faces, spaces


def _card(
    model: Model,
    dataset: Dataset,
    classifier: AttributeClassifier | None,
    faces: _Faces,
    methods: Sequence[str],
    layouts: Sequence[Layout],
    seed: int,
) -> dict[str, Any]:
    return {
        "dataset": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "size": list(dataset.size),
            "source": dataset.card["source"],
        },
        "model": {"name": model.name, "digest": model.digest, "encoder": model.card.get("encoder", {}).get("digest")},
        "classifier": None if classifier is None else classifier.digest,
        "count": len(faces.rows),
        "of": len(dataset),
        "seed": seed,
        "photos": faces.photo_names,
        "methods": {name: metadata.version(_PACKAGES[name]) if name in _PACKAGES else __version__ for name in methods},
        "layouts": [layout.name for layout in layouts],
        "attributes": faces.attributes,
        "facesmith": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _arrays(
    faces: _Faces, spaces: Spaces, neighbours: Mapping[str, Neighbours], layouts: Sequence[Layout]
) -> dict[str, Any]:
    """Return the arrays of coordinates.npz; photos_NAME is the array of the photos that belongs to NAME."""
    arrays: dict[str, Any] = {"rows": faces.rows}
    for name, (points, photos) in spaces.items():
        arrays |= {name: points, f"photos_{name}": photos}
        arrays |= {f"{name}_neighbours": neighbours[name].points, f"photos_{name}_neighbours": neighbours[name].photos}
    for layout in layouts:
        arrays |= {layout.name: layout.points, f"photos_{layout.name}": layout.photos}
    return arrays


def _label_columns(faces: _Faces) -> dict[str, list[str]]:
    """Return row, file and attributes of every face as text, by heading; an unknown attribute is empty."""
    columns = {"row": [str(row) for row in faces.rows], "file": faces.files}
    for name, values in zip(faces.attributes, faces.labels.T.tolist(), strict=True):
        columns[name] = [_LABELS[value] for value in values]
    return columns


def _page_data(
    card: dict[str, Any],
    faces: _Faces,
    marks: Marks | None,
    neighbours: Mapping[str, Neighbours],
    layouts: Sequence[Layout],
) -> dict[str, Any]:
    """Return the data of the page, as web/data.js reads it: photos always follow the faces, which have these marks."""
    return {
        "name": card["dataset"]["name"],
        "model": card["model"]["name"],
        "created": card["created"],
        "facesmith": card["facesmith"],
        "source": card["dataset"]["source"],
        "of": card["of"],
        "count": len(faces.rows),
        "files": faces.files + faces.photo_names,
        "rows": faces.rows.tolist(),
        "attributes": faces.attributes,
        "labels": to_base64(faces.labels.T),
        "thumbnails": make_atlases(
            np.concatenate([faces.images, faces.photos]), joint_marks([marks, *faces.photo_marks])
        ),
        "neighbours": {
            name: to_base64(np.concatenate([rows.points, rows.photos]).astype("<u4"))
            for name, rows in neighbours.items()
        },
        "layouts": [encode_layout(layout) for layout in layouts],
    }
