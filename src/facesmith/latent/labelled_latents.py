"""Faces with latents and labels, in blocks: photos of a dataset, or generated faces labelled by a classifier."""

from collections.abc import Iterator

import numpy as np

from facesmith.arrays import Booleans, Floats
from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_mask
from facesmith.errors import FacesmithError
from facesmith.models.classifier import AttributeClassifier
from facesmith.models.model import Model

BLOCK = 64  # faces in memory
HELD_OUT_EVERY = 10  # every tenth generated face is held out

# Latents (N x latent_size), labels (N x A; 1 with, 0 without, a probability in between, NaN unknown) and whether each
# face is held out (N).
Block = tuple[Floats, Floats, Booleans]


def label_names(model: Model, dataset: Dataset | None, classifier: AttributeClassifier | None) -> list[str]:
    """Return the attributes that `photo_blocks` or `generated_blocks` label.

    Raises `FacesmithError` if nothing provides labels.
    """
    if dataset is None:
        if classifier is None:
            raise FacesmithError("directions require labelled faces: pass a dataset with attributes, or a classifier")
        return list(classifier.attributes)
    check_size(model, dataset)
    names = dataset.attributes if classifier is None else classifier.attributes
    if not names:
        raise FacesmithError(
            f"{dataset.name} has no attributes: label it with facesmith data label, or pass a classifier"
        )
    return list(names)


def photo_blocks(model: Model, dataset: Dataset, classifier: AttributeClassifier | None) -> Iterator[Block]:
    """Yield the photos of a dataset: latents by the encoder, labels by the dataset or by the classifier if given."""
    is_held_out = held_out_mask(dataset)
    table = dataset.attribute_values()
    for start in range(0, len(dataset), BLOCK):
        rows = slice(start, start + BLOCK)
        images = dataset.images[rows]
        known = np.where(table[rows] < 0, np.nan, table[rows]).astype(np.float32)
        labels = known if classifier is None else classifier.label(images)
        yield model.encode(images)[:, : model.latent_size], labels, is_held_out[rows]


def generated_blocks(model: Model, classifier: AttributeClassifier, count: int, seed: int) -> Iterator[Block]:
    """Yield the first ``count`` faces of ``seed`` with their exact latents and labels by the classifier.

    The latents of held-out faces come from the encoder, if the model has one: the probability curves are fitted to
    them and have to hold for photos, whose latents come from the encoder.
    """
    for start in range(0, count, BLOCK):
        z = model.latents(min(BLOCK, count - start), seed, start=start)
        is_held_out = np.arange(start, start + len(z)) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
        images = model.generate(z)
        if "encoder" in model.card and is_held_out.any():
            z[is_held_out] = model.encode(images[is_held_out])[:, : model.latent_size]
        yield z, classifier.label(images), is_held_out


def check_size(model: Model | AttributeClassifier, dataset: Dataset) -> None:
    """Raise `FacesmithError` for a dataset whose images have a size that the model does not take."""
    if not model.takes(dataset.size):
        (width, height), (data_width, data_height) = model.size, dataset.size
        raise FacesmithError(
            f"{dataset.name} has images of {data_width}x{data_height}, but {model.name} uses {width}x{height}: "
            f"import the photos with --size {width}x{height}"
        )
