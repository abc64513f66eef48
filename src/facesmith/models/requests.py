"""Requested attributes of generated faces, and latents of faces that have them."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from facesmith.arrays import Floats, Integers, Latents, Signs
from facesmith.errors import FacesmithError, did_you_mean
from facesmith.models.model import Model

MAX_BALANCED = 8  # attributes: 256 combinations
STRATUM = 100  # consecutive faces in which every share is reached, to one face
MAX_TRIES = 1000  # latents that are tried for a face
MAX_INPUT_TRIES = 100  # if the generator gets all requests as input: one it still does not show is not learned
TRY_BITS = 40  # try k of face i is the latent k · 2^40 + i, and try 0 the face of a set without requests

Probabilities = Callable[[Latents], Floats]


@dataclass(frozen=True)
class Requests:
    """Requested attributes: those of all faces, those in equal shares of all combinations, and those with a share."""

    fixed: dict[str, bool] = field(default_factory=dict)
    balanced: tuple[str, ...] = ()
    shares: dict[str, float] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [*self.fixed, *self.balanced, *self.shares]

    def signs(self, seed: int, start: int, count: int) -> Signs:
        """Return the requests of the faces ``start`` to ``start + count``: count x names, 1 with and -1 without.

        They depend on seed and index alone.
        """
        indices = np.arange(start, start + count)
        columns = [np.full(count, 1 if value else -1) for value in self.fixed.values()]
        columns += [1 - 2 * (indices >> bit & 1) for bit in range(len(self.balanced))]
        for name, share in self.shares.items():
            first, last = start // STRATUM, -(-(start + count) // STRATUM)
            ranks = [
                np.random.default_rng([seed, block, zlib.crc32(name.encode())]).permutation(STRATUM)
                for block in range(first, last)
            ]
            drawn = np.concatenate(ranks)[start - first * STRATUM :][:count] if count else indices
            columns.append(np.where(drawn < round(share * STRATUM), 1, -1))
        return np.stack(columns, 1).astype(np.int8) if columns else np.zeros((count, 0), np.int8)


def parse_requests(attributes: Sequence[str], balance: Sequence[str], shares: Sequence[str]) -> Requests:
    """Parse "Smiling" and "~Male", "Male,Smiling", and "Eyeglasses=0.3". Raises `FacesmithError` for anything else."""
    fixed = {text.removeprefix("~"): not text.startswith("~") for text in attributes}
    balanced = tuple(name.strip() for text in balance for name in text.split(",") if name.strip())
    parsed: dict[str, float] = {}
    for text in shares:
        name, _, value = text.partition("=")
        try:
            share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
        except ValueError:
            share = -1
        if not name or not 0 <= share <= 1:
            raise FacesmithError(
                f"invalid share {text!r}: expected ATTRIBUTE=SHARE with a SHARE from 0 to 1, for example Eyeglasses=0.3"
            )
        parsed[name] = share
    names = [*(text.removeprefix("~") for text in attributes), *balanced, *(text.partition("=")[0] for text in shares)]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise FacesmithError(f"the attribute {repeated} is requested twice: choose one value")
    if len(balanced) > MAX_BALANCED:
        raise FacesmithError(f"too many attributes to balance ({len(balanced)}): use at most {MAX_BALANCED}")
    return Requests(fixed, balanced, parsed)


def draw_latents(
    model: Model,
    requests: Requests,
    seed: int,
    start: int,
    count: int,
    truncation: float,
    measure: tuple[list[str], Probabilities],
) -> tuple[Latents, Integers, Signs]:
    """Return the latents of faces ``start`` to ``start + count``, their indices in the seed, and their requests.

    Attributes that are an input of the generator are set, which many faces do not follow. Therefore latents are drawn
    until ``measure`` (a list of attributes and a function from latents to their probabilities) finds all requested
    ones that it knows. After `MAX_TRIES` (`MAX_INPUT_TRIES` if all are inputs), the best one is taken. Raises
    `FacesmithError` for an attribute that is neither an input nor known to ``measure``.
    """
    signs = requests.signs(seed, start, count)
    known, probabilities_of = measure
    is_input = np.array([name in model.conditions for name in requests.names], bool)
    inputs = np.flatnonzero(is_input)
    _check_names([name for name in requests.names if name not in model.conditions], model, known)
    selected = np.array([column for column, name in enumerate(requests.names) if name in known], int)
    positions = [model.latent_size - len(model.conditions) + model.conditions.index(requests.names[i]) for i in inputs]

    def at(indices: Integers, rows: Integers) -> Latents:
        z = np.concatenate([model.latents(1, seed, start=int(index)) for index in indices]) * np.float32(truncation)
        z[:, positions] = signs[np.ix_(rows, inputs)]
        return z

    rows = np.arange(count)
    indices = np.arange(start, start + count)
    z = at(indices, rows) if count else np.zeros((0, model.latent_size), np.float32)
    if not len(selected) or not count:
        return z, indices, signs
    columns = [known.index(requests.names[column]) for column in selected]
    best = np.full(count, -1.0)
    pending, trial = rows, z
    for attempt in range(MAX_INPUT_TRIES if is_input.all() else MAX_TRIES):
        tried = start + pending + (attempt << TRY_BITS)
        if attempt:
            trial = at(tried, pending)
        probabilities = probabilities_of(trial)[:, columns]
        scores = np.where(signs[np.ix_(pending, selected)] > 0, probabilities, 1 - probabilities).min(1)
        better = scores > best[pending]
        z[pending[better]], indices[pending[better]], best[pending[better]] = (
            trial[better],
            tried[better],
            scores[better],
        )
        pending = pending[best[pending] < 0.5]
        if not len(pending):
            break
    return z, indices, signs


def _check_names(names: list[str], model: Model, known: list[str]) -> None:
    for name in names:
        if name not in known:
            if not known and not model.conditions:
                raise FacesmithError(
                    f"{model.name} does not take attributes as input and has no direction for {name}: pass --classifier"
                )
            raise FacesmithError(
                f"{model.name} has no attribute {name!r}: {did_you_mean(name, [*model.conditions, *known])}"
            )
