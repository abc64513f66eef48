"""Model → attribute directions: one pass over labelled photos, or over generated faces that a judge labels."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, refuse_existing, write_json
from facesmith.latent.calibration import balanced_accuracy, fit_curve
from facesmith.latent.class_statistics import RIDGE, Moments
from facesmith.latent.direction_solver import DAMPING, moves
from facesmith.latent.directions import ENTRY, Directions, find_name, save_directions
from facesmith.latent.labelled_latents import attributes, generated, known_judge, photos
from facesmith.models.included import FOLDER as SHIPPED
from facesmith.models.model import CARD, Model, load
from facesmith.progress import progress, silent, tell

if TYPE_CHECKING:
    from facesmith.models.classifier import AttributeClassifier

    pass

LEAST = 10  # faces with an attribute and as many without, under which it gets no direction
CALIBRATED = 10_000  # held-out faces at most that the curves are fitted to

Array = NDArray[np.float32]


def fit_directions(
    model: str | Path | Model,
    dataset: str | Path | Dataset | None = None,
    *,
    judge: "str | Path | AttributeClassifier | None" = None,
    count: int = 20_000,
    seed: int = 0,
    orthogonal_to: Sequence[str] = (),
    out: str | Path | None = None,
    quiet: bool = False,
) -> Model:
    """Fit directions for every attribute in one pass, write them into the model's folder, and return it loaded.

    With ``dataset`` its photos are encoded, and labelled by its own attributes, or by ``judge`` where one is given.
    Without, ``count`` faces of ``seed`` are generated and labelled by ``judge``: their latents are known exactly.
    ``orthogonal_to`` names the attributes that the orthogonal kind leaves exactly alone; by default it leaves all alone
    as far as that costs little. ``out`` writes a copy of the model with the directions instead. Memory does not grow
    with the number of photos.

    Raises `FacesmithError` for neither a dataset nor a judge, photos without attributes, a model without an encoder,
    and a model folder that is not ours to write in.
    """
    source = model if isinstance(model, Model) else load(model, quiet=quiet)
    if out is None:
        _refuse_others(source)
    else:
        refuse_existing(Path(out), "model")
    data = dataset if dataset is None or isinstance(dataset, Dataset) else open_dataset(dataset)
    eye = known_judge(judge)
    names = attributes(source, data, eye)
    away_from = [find_name(name, names) for name in orthogonal_to]
    if data is not None:
        blocks, total = photos(source, data, eye), len(data)
    elif eye is not None:
        blocks, total = generated(source, eye, count, seed), count
    moments, held = Moments(source.latent_size, len(names)), list[tuple[Array, Array]]()
    with progress(total, "faces", shown=not quiet) as bar:
        for z, labels, apart in blocks:
            moments.add(z[~apart], labels[~apart])
            if sum(len(known) for known, _ in held) < CALIBRATED:
                held.append((z[apart], labels[apart]))
            bar.update(len(z))
    kept = moments.known(LEAST)
    _tell_left_out(names, kept, quiet)
    latents, truth = (np.concatenate(parts)[:CALIBRATED] for parts in zip(*held, strict=True))
    names = [name for name, known in zip(names, kept, strict=True) if known]
    directions = _solve(
        moments.only(kept), names, [name for name in away_from if name in names], latents, truth[:, kept]
    )
    directions.about.update(
        dataset=None if data is None else {"name": data.name, "fingerprint": data.fingerprint, "count": len(data)},
        generated=None if data is not None else {"count": count, "seed": seed},
        judge=None if eye is None else eye.digest,
        encoder=source.card.get("encoder", {}).get("digest"),
    )
    with _target(source, out) as folder:
        entry = save_directions(directions, folder)
        name = source.name if out is None else Path(out).resolve().name
        write_json(folder / CARD, source.card | {"name": name, ENTRY: entry})
    return load(source.path if out is None else out, source.backend, quiet=True)


def _solve(moments: Moments, names: list[str], away_from: list[str], latents: Array, truth: Array) -> Directions:
    """Directions from the sums of one set of faces, and their curves from the latents and labels of another."""
    found, normals = moves(moments, names, away_from)
    offsets = (normals * np.add(*moments.means()) / 2).sum(1)
    scores = latents @ normals.T - offsets
    curves, accuracy = np.empty((len(names), 2)), {}
    for row, name in enumerate(names):
        known = ~np.isnan(truth[:, row])
        if not known.any():
            raise FacesmithError(f"{name} is known of no held-out face, and cannot be calibrated: label more faces")
        labels = truth[known, row].astype(np.float64)
        curves[row] = fit_curve(scores[known, row], labels)
        accuracy[name] = balanced_accuracy(scores[known, row], labels)
    about = {
        "faces": moments.count,
        "held_out": len(latents),
        "accuracy": accuracy,
        "orthogonal_to": away_from or "all",
        "damping": None if away_from else DAMPING,
        "ridge": RIDGE,
    }
    return Directions(
        names,
        {kind: move.astype(np.float32) for kind, move in found.items()},
        normals.astype(np.float32),
        offsets.astype(np.float32),
        curves.astype(np.float32),
        moments.rates().astype(np.float32),
        about,
    )


def _tell_left_out(names: list[str], kept: NDArray[np.bool_], quiet: bool) -> None:
    if not kept.any():
        raise FacesmithError(f"no attribute has {LEAST} faces with it and {LEAST} without: use more, or other, faces")
    left_out = [name for name, known in zip(names, kept, strict=True) if not known]
    if left_out:
        say = silent if quiet else tell
        say(f"no direction for {', '.join(left_out)}: fewer than {LEAST} faces have it, or have it not")


def _refuse_others(model: Model) -> None:
    """Refuse to write into a model that came with facesmith or from the hub, whose files are kept as links."""
    if model.path.resolve().parent == SHIPPED or (model.path / CARD).is_symlink() or not os.access(model.path, os.W_OK):
        raise FacesmithError(f"{model.path} is not a folder of yours to write in: write a copy with --out NEW_MODEL")


@contextmanager
def _target(model: Model, out: str | Path | None) -> Iterator[Path]:
    """The folder to write into: the model's own, or a copy that appears when it is finished."""
    if out is None:
        yield model.path
        return
    with atomic_folder(Path(out), "model") as folder:
        for file in model.path.iterdir():
            if file.is_file():
                shutil.copyfile(file, folder / file.name)
        yield folder
