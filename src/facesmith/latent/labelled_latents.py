"""Faces with latents and labels, a block at a time: photos of a dataset, or generated faces that a judge labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_mask
from facesmith.errors import FacesmithError
from facesmith.models.model import Model

if TYPE_CHECKING:
    from facesmith.models.classifier import AttributeClassifier

    pass

BLOCK = 64  # faces in memory at once
TENTH = 10  # one generated face of so many is held out

Block = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]


def known_judge(judge: "str | Path | AttributeClassifier | None") -> "AttributeClassifier | None":
    """The judge itself, loaded where it was named by its folder."""
    if not isinstance(judge, str | Path):
        return judge
    from facesmith.models.classifier import load_classifier

    return load_classifier(judge)


def attributes(model: Model, dataset: Dataset | None, judge: "AttributeClassifier | None") -> list[str]:
    """The attributes there will be labels for; `FacesmithError` where there is nothing to take them from."""
    if dataset is None:
        if judge is None:
            raise FacesmithError("directions want labelled faces: name a dataset with attributes, or a judge")
        return list(judge.attributes)
    refuse_other_size(model, dataset)
    names = dataset.attributes if judge is None else judge.attributes
    if not names:
        raise FacesmithError(f"{dataset.name} has no attributes: label it with facesmith data label, or name a judge")
    return list(names)


def photos(model: Model, dataset: Dataset, judge: "AttributeClassifier | None") -> Iterator[Block]:
    """The photos of a dataset: latents by the encoder, labels by the dataset or the judge, and which are held out.

    Labels (N x A) are 1 with, 0 without, a probability between them, and NaN where nothing is known.
    """
    apart = held_out_mask(dataset)
    table = dataset.attribute_values() if judge is None else None
    for start in range(0, len(dataset), BLOCK):
        rows = slice(start, start + BLOCK)
        pictures = dataset.images[rows]
        if judge is not None:
            labels = judge.label(pictures)
        elif table is not None:
            labels = np.where(table[rows] < 0, np.nan, table[rows]).astype(np.float32)
        yield model.encode(pictures)[:, : model.latent_size], labels, apart[rows]


def generated(model: Model, judge: "AttributeClassifier", count: int, seed: int) -> Iterator[Block]:
    """The first ``count`` faces of ``seed``: latents as they are, labels by the judge, every tenth face held out.

    The latents of held-out faces are what the encoder finds in them, where the model has one: the curves fitted to them
    are to hold for photos, whose latents come from the encoder.
    """
    for start in range(0, count, BLOCK):
        z = model.latents(min(BLOCK, count - start), seed, start=start)
        apart = np.arange(start, start + len(z)) % TENTH == TENTH - 1
        pictures = model.generate(z)
        if "encoder" in model.card and apart.any():
            z[apart] = model.encode(pictures[apart])[:, : model.latent_size]
        yield z, judge.label(pictures), apart


def refuse_other_size(model: Model, dataset: Dataset) -> None:
    """Raise `FacesmithError` for a dataset whose pictures the model's encoder does not take."""
    if dataset.size != model.size:
        (width, height), (wide, high) = model.size, dataset.size
        raise FacesmithError(
            f"{dataset.name} has pictures of {wide}x{high} and {model.name} of {width}x{height}: "
            f"import the photos with --size {width}x{height}"
        )
