"""The pictures on which encoders, judges and edits are measured, which no training of these looks at."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import pyarrow as pa

MOST = 5  # at most one picture of so many is held out: the rest is there to learn from
UNKNOWN = -1


def held_out(dataset: Dataset, count: int = 2000, seed: int = 0) -> NDArray[np.bool_]:
    """Which pictures are held out: bool of shape (N,), the same for every tool that asks with the same ``seed``.

    Those of the splits ``valid`` and ``test`` where there are any. Else whole identities, drawn by ``seed`` until they
    have ``count`` pictures or a fifth of the dataset, whichever is less: nobody is then on both sides. Else, where no
    identity is known or each has too many pictures, that many pictures at random.
    """
    table = dataset.metadata()
    split = np.array(table["split"].to_pylist(), object)
    held = np.asarray((split == "valid") | (split == "test"), bool)
    if held.any():
        return held
    wanted = min(count, len(dataset) // MOST)
    if "identity" in table.column_names:
        held = _people(table, wanted, len(dataset) // MOST, seed)
    if not held.any():
        held[np.random.default_rng(seed).permutation(len(dataset))[:wanted]] = True
    return held


def parted(dataset: Dataset) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The indices of the pictures that are held out, and of those that are learned from; neither may be empty."""
    held = held_out(dataset)
    if held.all() or not held.any():
        raise FacesmithError(
            f"{dataset.name} has {int((~held).sum())} pictures to learn from and {int(held.sum())} to measure on: "
            "import more of them, of all splits"
        )
    return np.flatnonzero(held), np.flatnonzero(~held)


def attribute_table(dataset: Dataset) -> tuple[list[str], NDArray[np.int8]]:
    """The attributes' names, and what is known of them: int8 of shape (N, A), 1 with it, 0 without, -1 unknown."""
    table = dataset.metadata()
    names = dataset.attributes
    values = np.full((len(dataset), len(names)), UNKNOWN, np.int8)
    for column, name in enumerate(names):
        values[:, column] = _filled(table, name)
    return names, values


def _people(table: "pa.Table", wanted: int, most: int, seed: int) -> NDArray[np.bool_]:
    """Whole identities, in the order ``seed`` gives them, until they have ``wanted`` pictures; never above ``most``."""
    identity = _filled(table, "identity")
    people, pictures = np.unique(identity[_known(table, "identity")], return_counts=True)
    chosen: list[int] = []
    held = 0
    for one in np.random.default_rng(seed).permutation(len(people)):
        if held >= wanted:
            break
        if held + pictures[one] <= most:
            chosen.append(int(people[one]))
            held += int(pictures[one])
    return np.asarray(np.isin(identity, chosen) & _known(table, "identity"), bool)


def _known(table: "pa.Table", name: str) -> NDArray[np.bool_]:
    return np.asarray(table[name].is_valid().to_numpy(), bool)


def _filled(table: "pa.Table", name: str) -> NDArray[Any]:
    """A column as int64, `UNKNOWN` where it is null."""
    import pyarrow as pa

    return np.asarray(table[name].cast(pa.int64()).fill_null(UNKNOWN).to_numpy(), np.int64)
