"""Label the images of a dataset with an attribute classifier."""

import warnings
from pathlib import Path

import numpy as np

from facesmith.arrays import Booleans
from facesmith.data.dataset import Dataset, new_dataset, open_dataset
from facesmith.data.source import free_attribute_name
from facesmith.errors import FacesmithError
from facesmith.models.classifier import AttributeClassifier, as_classifier
from facesmith.progress import progress
from facesmith.terms import combine_terms

CHUNK_IMAGES = 1024  # images in memory at once


def label(
    dataset: str | Path | Dataset,
    out: str | Path,
    classifier: str | Path | AttributeClassifier | None = None,
    *,
    replace: bool = False,
    quiet: bool = False,
    judge: str | Path | AttributeClassifier | None = None,
) -> Dataset:
    """Copy ``dataset`` to the new folder ``out``, with the attributes that ``classifier`` predicts.

    An image has an attribute if its probability reaches the classifier's threshold for it. Existing attributes with
    other names are copied. With ``replace``, those with the same names are replaced. The card names the classifier
    under ``labelled``. images.npy is a hard link where the file system supports it, and a copy otherwise. ``judge`` is
    the name that version 0.1 had for ``classifier``.

    Raises `FacesmithError` for an image size that differs from the classifier's, existing attributes without
    ``replace``, and an existing ``out``.
    """
    if judge is not None:
        warnings.warn("judge is now classifier", DeprecationWarning, stacklevel=2)
        classifier = judge
    if classifier is None:
        raise TypeError("label() requires a classifier")
    data = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    network = as_classifier(classifier)
    if not network.takes(data.size):
        data_size, network_size = ("x".join(map(str, size)) for size in (data.size, network.size))
        raise FacesmithError(
            f"{data.path} has images of {data_size}, but the classifier {network.name} requires {network_size} or a "
            f"multiple: import them with --size {network_size}"
        )
    names = [free_attribute_name(name) for name in network.attributes]
    duplicates = [name for name in data.attributes if name in names]
    if duplicates and not replace:
        raise FacesmithError(f"{data.path} already has {', '.join(duplicates)}: add --replace to replace them")
    import pyarrow as pa

    with new_dataset(Path(out)) as writer:
        labels = _predict_labels(data, network, quiet)
        table = data.metadata().drop_columns(duplicates)
        for column, name in enumerate(names):
            table = table.append_column(name, pa.array(labels[:, column]))
        # Version 0.1 reads the classifier's name as "judge".
        entry = {"judge": network.name, "digest": network.digest, "attributes": names, "replaced": duplicates}
        writer.copy_images(data)
        terms = combine_terms([data.terms, network.terms])
        writer.finish(table, {**data.card, "terms": terms, "labelled": entry})
    return open_dataset(Path(out))


def _predict_labels(data: Dataset, classifier: AttributeClassifier, quiet: bool) -> Booleans:
    """Return the labels of every image, N x attributes."""
    labels = np.zeros((len(data), len(classifier.attributes)), bool)
    with progress(len(data), "labelling", shown=not quiet) as bar:
        for start in range(0, len(data), CHUNK_IMAGES):
            chunk = data.images[start : start + CHUNK_IMAGES]
            labels[start : start + len(chunk)] = classifier.label(chunk) >= classifier.thresholds
            bar.update(len(chunk))
    return labels
