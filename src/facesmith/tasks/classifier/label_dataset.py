"""Dataset and judge → the same pictures, labelled by the judge."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.data.dataset_writer import new_dataset
from facesmith.data.metadata import free_attribute_name
from facesmith.errors import FacesmithError
from facesmith.files import refuse_existing
from facesmith.models.classifier import AttributeClassifier
from facesmith.models.loader import as_classifier
from facesmith.progress import progress

CHUNK = 1024  # pictures read at a time


def label(
    dataset: str | Path | Dataset,
    out: str | Path,
    judge: str | Path | AttributeClassifier,
    *,
    replace: bool = False,
    quiet: bool = False,
) -> Dataset:
    """Make the new dataset folder ``out``: the pictures of ``dataset``, with the attributes the judge sees in them.

    A picture has an attribute where the judge's probability reaches its threshold for it. Other attributes are kept as
    they are; those of the same names are refused, or with ``replace`` give way. The judge is named in the card under
    ``labelled``. images.npy is the same file under a second name where the disk allows it, else a copy. Raises
    `FacesmithError` for pictures of another size than the judge's, and for a folder that exists.
    """
    data = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    eye = as_classifier(judge)
    if data.size != eye.size:
        theirs, its = ("x".join(map(str, size)) for size in (data.size, eye.size))
        raise FacesmithError(
            f"{data.path} has pictures of {theirs} and {eye.name} judges {its}: import them with --size {its}"
        )
    names = [free_attribute_name(name) for name in eye.attributes]
    both = [name for name in data.attributes if name in names]
    if both and not replace:
        raise FacesmithError(
            f"{data.path} has {both[0]} already{f' and {len(both) - 1} more' if both[1:] else ''}: let the judge "
            f"replace what it names with --replace"
        )
    import pyarrow as pa

    refuse_existing(Path(out), "dataset")  # before the work
    labels = _judged(data, eye, quiet)
    table = data.metadata().drop_columns(both)
    for column, name in enumerate(names):
        table = table.append_column(name, pa.array(labels[:, column]))
    by = {"judge": eye.name, "digest": eye.digest, "attributes": names, "replaced": both}
    with new_dataset(Path(out)) as writer:
        writer.copy_images(data)
        writer.finish(table, {**data.card, "labelled": by})
    return open_dataset(Path(out))


def _judged(data: Dataset, judge: AttributeClassifier, quiet: bool) -> NDArray[np.bool_]:
    """What the judge says of every picture, (N, A)."""
    labels = np.zeros((len(data), len(judge.attributes)), bool)
    with progress(len(data), "labelling", shown=not quiet) as bar:
        for start in range(0, len(data), CHUNK):
            chunk = data.images[start : start + CHUNK]
            labels[start : start + len(chunk)] = judge.label(chunk) >= judge.thresholds
            bar.update(len(chunk))
    return labels
