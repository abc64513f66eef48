"""Dataset and model → a map: where thousands of faces lie in latent space, to look at, search and label."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, refuse_existing, write_json, write_text
from facesmith.latent.dataset_latents import features_of, latents_of
from facesmith.latent.face_map.layouts import LEAST, METHODS, Layout, check_methods, lay_out
from facesmith.latent.face_map.neighbours import Neighbours, neighbours
from facesmith.latent.face_map.page import map_page, packed, page_layout
from facesmith.latent.face_map.projector import write_projector
from facesmith.latent.face_map.thumbnails import atlases
from facesmith.latent.labelled_latents import known_judge
from facesmith.models.model import Model, Pictures, load
from facesmith.version import __version__

if TYPE_CHECKING:
    from facesmith.latent.faces import FaceSource
    from facesmith.models.classifier import AttributeClassifier

FORMAT, VERSION = "facesmith-map", 1
CARD, COORDINATES, LABELS, PAGE = "map.json", "coordinates.npz", "labels.csv", "map.html"
MOST = 50_000  # faces; more make a page that no browser likes to open

Points = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Faces:
    """The N faces of a map and the P photos placed on it."""

    rows: NDArray[np.int64]  # (N,) of the dataset, rising
    files: list[str]  # (N,)
    attributes: list[str]
    labels: NDArray[np.int8]  # N x A: 1, 0, or -1 unknown
    pictures: Pictures  # N x H x W x 3
    photo_names: list[str]  # (P,)
    photos: Pictures  # P x H x W x 3


def map_faces(
    model: str | Path | Model,
    dataset: str | Path | Dataset,
    out: str | Path,
    *,
    count: int = 10_000,
    methods: Sequence[str] = tuple(METHODS),
    judge: "str | Path | AttributeClassifier | None" = None,
    photos: "Sequence[FaceSource]" = (),
    seed: int = 0,
    quiet: bool = False,
) -> Path:
    """Write the map of ``count`` pictures of a dataset, as a model's encoder sees them, into the new folder ``out``.

    Args:
        model: a model with an encoder, of the size of the dataset's pictures.
        dataset: the pictures; ``count`` of them are drawn by ``seed``, or all where there are no more.
        out: gets map.html (one page that asks nothing of any host), map.json (what was made of what), coordinates.npz
            (rows, latents, every layout, neighbours), labels.csv, and what ``tensorboard --logdir OUT`` opens.
        methods: any of "pca", "tsne", "umap"; each is laid out in 2D, in 3D and on the unit sphere.
        judge: the features of this judge make a second map, and second neighbours.
        photos: photos, or latents as in `edit`, to be placed on the finished map and marked.
        seed: of the draw, t-SNE and UMAP: the same seed gives the same map on the same machine.

    Returns ``out``. Raises `FacesmithError` for a model without an encoder, pictures of another size, fewer than 16 of
    them, or a method whose packages are missing.
    """
    check_methods(methods)
    refuse_existing(Path(out), "map")
    source = model if isinstance(model, Model) else load(model, quiet=quiet)
    pictures = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    eye = known_judge(judge)
    _check(source, pictures, eye, count)
    faces, spaces = _look(source, pictures, eye, count, photos, seed, quiet)
    near = {name: neighbours(*both) for name, both in spaces.items()}
    layouts: list[Layout] = []
    for name, both in spaces.items():
        layouts += lay_out(name, *both, near[name], methods, seed, quiet)
    card = _card(source, pictures, eye, faces, methods, layouts, seed)
    with atomic_folder(Path(out), "map") as folder:
        write_json(folder / CARD, card)
        np.savez(folder / COORDINATES, **_arrays(faces, spaces, near, layouts))
        columns = _columns(faces)
        write_text(folder / LABELS, _csv(columns))
        write_projector(folder, {name: points for name, (points, _) in spaces.items()}, columns, faces.pictures)
        write_text(folder / PAGE, map_page(f"Map of {pictures.name}", _page(card, faces, near, layouts)))
    return Path(out)


def _check(model: Model, dataset: Dataset, judge: "AttributeClassifier | None", count: int) -> None:
    for name, size in [(model.name, model.size), *([("the judge", judge.size)] if judge else [])]:
        if tuple(size) != dataset.size:
            (width, height), (w, h) = size, dataset.size
            raise FacesmithError(
                f"{name} looks at pictures of {width}x{height} and {dataset.path} holds {w}x{h}: "
                f"import the photos again with --size {width}x{height}"
            )
    if min(count, len(dataset)) < LEAST:
        raise FacesmithError(f"a map of {min(count, len(dataset))} faces says nothing: it takes {LEAST} or more")
    if count > MOST:
        raise FacesmithError(f"a map of {count:,} faces makes a page too large to open: ask for {MOST:,} or fewer")


def _look(
    model: Model,
    dataset: Dataset,
    judge: "AttributeClassifier | None",
    count: int,
    photos: "Sequence[FaceSource]",
    seed: int,
    quiet: bool,
) -> tuple[_Faces, dict[str, tuple[Points, Points]]]:
    """The faces, and where they and the photos lie in each space: N x D and P x D by the space's name."""
    names, extra, latents = _photos(model, photos, quiet)
    rows = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:count])
    attributes, labels = dataset.attributes, dataset.attribute_values()
    files = dataset.metadata()["file"].to_pylist()
    chosen = dataset.images[rows]
    faces = _Faces(rows, [files[row] for row in rows], attributes, labels[rows], chosen, names, extra)
    spaces = {"latents": (latents_of(model, dataset, rows, quiet), latents)}
    if judge is not None:
        features = features_of(judge, dataset, rows, quiet)
        spaces["features"] = (features, judge.features(extra) if len(extra) else features[:0])
    return faces, spaces


def _photos(model: Model, photos: "Sequence[FaceSource]", quiet: bool) -> tuple[list[str], Pictures, Points]:
    """Names, pictures and latents of what is to be placed on the map; a latent is shown as the face it makes."""
    if not photos:
        width, height = model.size
        return [], np.zeros((0, height, width, 3), np.uint8), np.zeros((0, model.latent_size), np.float32)
    from facesmith.latent.faces import load_faces

    found = load_faces(model, photos, quiet=quiet)
    shown = [model.generate(one.z)[0] if one.image is None else one.image for one in found]
    return [one.name for one in found], np.stack(shown), np.stack([one.z[: model.latent_size] for one in found])


def _card(
    model: Model,
    dataset: Dataset,
    judge: "AttributeClassifier | None",
    faces: _Faces,
    methods: Sequence[str],
    layouts: Sequence[Layout],
    seed: int,
) -> dict[str, Any]:
    packages = {"tsne": "scikit-learn", "umap": "umap-learn"}
    encoder = model.card.get("encoder", {})
    return {
        "format": FORMAT,
        "version": VERSION,
        "dataset": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "size": list(dataset.size),
            "source": dataset.card["source"],
        },
        "model": {"name": model.name, "digest": model.digest, "encoder": encoder.get("digest")},
        "judge": None if judge is None else judge.digest,
        "count": len(faces.rows),
        "of": len(dataset),
        "seed": seed,
        "photos": faces.photo_names,
        "methods": {name: metadata.version(packages[name]) if name in packages else __version__ for name in methods},
        "layouts": [layout.name for layout in layouts],
        "attributes": faces.attributes,
        "facesmith": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _arrays(
    faces: _Faces,
    spaces: Mapping[str, tuple[Points, Points]],
    near: Mapping[str, Neighbours],
    layouts: Sequence[Layout],
) -> dict[str, Any]:
    """What coordinates.npz holds; of each array the photos' is called photos_NAME."""
    arrays: dict[str, Any] = {"rows": faces.rows}
    for name, (points, photos) in spaces.items():
        arrays |= {name: points, f"photos_{name}": photos}
        arrays |= {f"{name}_neighbours": near[name].points, f"photos_{name}_neighbours": near[name].photos}
    for layout in layouts:
        arrays |= {layout.name: layout.points, f"photos_{layout.name}": layout.photos}
    return arrays


def _columns(faces: _Faces) -> dict[str, list[str]]:
    """Row, file and attributes of every face as text, by heading: an unknown attribute is empty."""
    words = {1: "1", 0: "0", -1: ""}
    columns = {"row": [str(row) for row in faces.rows], "file": faces.files}
    for name, values in zip(faces.attributes, faces.labels.T.tolist(), strict=True):
        columns[name] = [words[value] for value in values]
    return columns


def _csv(columns: Mapping[str, Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _page(
    card: dict[str, Any], faces: _Faces, near: Mapping[str, Neighbours], layouts: Sequence[Layout]
) -> dict[str, Any]:
    """What the page shows, as web/data.js reads it: photos come after the faces everywhere."""
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
        "labels": packed(faces.labels.T),
        "thumbnails": atlases(np.concatenate([faces.pictures, faces.photos])),
        "neighbours": {
            name: packed(np.concatenate([found.points, found.photos]).astype("<u4")) for name, found in near.items()
        },
        "layouts": [page_layout(layout) for layout in layouts],
    }
