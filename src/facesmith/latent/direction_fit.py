"""Fit attribute directions in one pass over labelled photos, or over generated faces labelled by a classifier."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path

import numpy as np

from facesmith.arrays import Booleans, Floats
from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError
from facesmith.files import atomic_file, lock
from facesmith.latent.calibration import balanced_accuracy, fit_curve
from facesmith.latent.class_statistics import RIDGE, ClassStatistics
from facesmith.latent.direction_solver import DAMPING, solve_moves
from facesmith.latent.edit_kinds import choose_kinds
from facesmith.latent.labelled_latents import generated_blocks, label_names, photo_blocks
from facesmith.models.classifier import AttributeClassifier, as_classifier
from facesmith.models.directions import BEST, CARD_KEY, FILE, Directions, bound_directions, find_name, write_directions
from facesmith.models.folder import INCLUDED_FOLDER, ModelFolder, new_model_folder
from facesmith.models.model import Model, as_model, load
from facesmith.progress import progress, tell
from facesmith.terms import combine_terms

MIN_FACES = 10  # with an attribute, and without it, to fit its direction
MAX_CALIBRATION_FACES = 10_000  # held-out faces that the probability curves are fitted to


def fit_directions(
    model: str | Path | Model,
    dataset: str | Path | Dataset | None = None,
    *,
    classifier: str | Path | AttributeClassifier | None = None,
    count: int = 20_000,
    seed: int = 0,
    orthogonal_to: Sequence[str] = (),
    out: str | Path | None = None,
    quiet: bool = False,
) -> Model:
    """Fit directions for every attribute, write them into the model's folder, and return the model loaded again.

    Args:
        dataset: the photos to encode, labelled by their own attributes or by ``classifier``. Without a dataset,
            ``count`` faces of ``seed`` are generated and labelled by ``classifier``; their latents are known exactly.
        orthogonal_to: attributes that directions of the kind "orthogonal" do not change at all. By default, these
            directions penalise changes of all other attributes.
        out: write a copy of the model with the directions instead of changing it.

    Memory does not grow with the number of photos. Without ``out``, two files in the model's folder are replaced, one
    immediately after the other, once both are written. Raises `FacesmithError` for neither a dataset nor a classifier,
    photos without attributes, a model without an encoder, and a model folder that must not be written to.
    """
    source = as_model(model, quiet=quiet)
    with _target(source, out) as folder:
        data = dataset if dataset is None or isinstance(dataset, Dataset) else open_dataset(dataset)
        labeller = None if classifier is None else as_classifier(classifier)
        names = label_names(source, data, labeller)
        orthogonal_to = [find_name(name, names) for name in orthogonal_to]
        if data is not None:
            blocks, total = photo_blocks(source, data, labeller), len(data)
        elif labeller is not None:
            blocks, total = generated_blocks(source, labeller, count, seed), count
        statistics, latents, labels = _collect(blocks, total, ClassStatistics(source.latent_size, len(names)), quiet)
        is_fitted = statistics.has_examples(MIN_FACES)
        _report_unfitted(names, is_fitted, quiet)
        names = [*compress(names, is_fitted)]
        orthogonal_to = [name for name in orthogonal_to if name in names]
        directions = _solve(statistics.select(is_fitted), names, orthogonal_to, latents, labels[:, is_fitted])
        directions.about.update(
            dataset=None if data is None else {"name": data.name, "fingerprint": data.fingerprint, "count": len(data)},
            generated=None if data is not None else {"count": count, "seed": seed},
            judge=None if labeller is None else labeller.digest,  # key of version 0.1
            encoder=source.card.get("encoder", {}).get("digest"),
        )
        directions = bound_directions(directions, source.card)
        if labeller is not None:
            directions.about[BEST] = choose_kinds(source, directions, labeller, seed, quiet)
        name = source.name if out is None else Path(out).resolve().name
        sources = [source.terms, *([data.terms] if data else []), *([labeller.terms] if labeller else [])]
        with atomic_file(folder.path / FILE) as file:
            entry = write_directions(directions, file)
            folder.write_card(source.card | {"name": name, "terms": combine_terms(sources), CARD_KEY: entry})
    return load(source.path if out is None else out, source.backend, quiet=True)


def _collect(
    blocks: Iterator[tuple[Floats, Floats, Booleans]], total: int, statistics: ClassStatistics, quiet: bool
) -> tuple[ClassStatistics, Floats, Floats]:
    """Sum the statistics of the training faces, and return the latents and labels of the held-out faces."""
    latents, labels, count = list[Floats](), list[Floats](), 0
    with progress(total, "faces", shown=not quiet) as bar:
        for z, block_labels, is_held_out in blocks:
            statistics.add(z[~is_held_out], block_labels[~is_held_out])
            if count < MAX_CALIBRATION_FACES:
                latents.append(z[is_held_out])
                labels.append(block_labels[is_held_out])
                count += len(latents[-1])
            bar.update(len(z))
    return statistics, np.concatenate(latents)[:MAX_CALIBRATION_FACES], np.concatenate(labels)[:MAX_CALIBRATION_FACES]


def _solve(
    statistics: ClassStatistics, names: list[str], orthogonal_to: list[str], latents: Floats, labels: Floats
) -> Directions:
    """Return directions from the statistics, with probability curves from held-out latents and labels."""
    moves, normals = solve_moves(statistics, names, orthogonal_to)
    offsets = (normals * np.add(*statistics.means()) / 2).sum(1)
    scores = latents @ normals.T - offsets
    curves, accuracy = np.empty((len(names), 2)), {}
    for column, name in enumerate(names):
        is_labelled = ~np.isnan(labels[:, column])
        if not is_labelled.any():
            raise FacesmithError(
                f"no held-out face has a label for {name}, so this attribute cannot be calibrated: label more faces"
            )
        truth = labels[is_labelled, column].astype(np.float64)
        curves[column] = fit_curve(scores[is_labelled, column], truth)
        accuracy[name] = balanced_accuracy(scores[is_labelled, column], truth)
    about = {
        "faces": statistics.count,
        "held_out": len(latents),
        "accuracy": accuracy,
        "orthogonal_to": orthogonal_to or "all",
        "damping": None if orthogonal_to else DAMPING,
        "ridge": RIDGE,
    }
    return Directions(
        names,
        {kind: move.astype(np.float32) for kind, move in moves.items()},
        normals.astype(np.float32),
        offsets.astype(np.float32),
        curves.astype(np.float32),
        statistics.rates().astype(np.float32),
        about,
    )


def _report_unfitted(names: list[str], is_fitted: Booleans, quiet: bool) -> None:
    if not is_fitted.any():
        raise FacesmithError(
            f"too few labelled faces: use at least {MIN_FACES} with an attribute and {MIN_FACES} without it"
        )
    if (unfitted := [*compress(names, ~is_fitted)]) and not quiet:
        tell(
            f"no direction was fitted for {', '.join(unfitted)}: at least {MIN_FACES} faces with an attribute and "
            f"{MIN_FACES} without it are required"
        )


def _check_writable(model: Model) -> None:
    """Refuse to change an included model, and one from the hub, whose files are links into a shared cache."""
    is_included = model.path.resolve().parent == INCLUDED_FOLDER
    if is_included or model.folder.card.is_symlink() or not os.access(model.path, os.W_OK):
        raise FacesmithError(f"{model.path} is read-only: write a copy with --out NEW_MODEL")


@contextmanager
def _target(model: Model, out: str | Path | None) -> Iterator[ModelFolder]:
    """Yield the folder to write into: the model's own, or a copy that appears when it is complete."""
    if out is None:
        _check_writable(model)
        with lock(model.path):
            yield model.folder
        return
    with new_model_folder(Path(out), "generator") as folder:
        for file in model.path.iterdir():
            if file.is_file():
                shutil.copyfile(file, folder.path / file.name)
        yield folder
