"""Attribute directions in a model's latent space: moves that change an attribute, and boundaries that detect it.

directions = facesmith.load("my-model").directions
z = directions.apply(z, {"Smiling": 1, "Blond_Hair": -1})
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from safetensors import numpy as safetensors

from facesmith.arrays import Floats, Latents
from facesmith.errors import FacesmithError, did_you_mean
from facesmith.models.base import logistic

FILE, CARD_KEY = "directions.safetensors", "directions"
KINDS = ("mean", "boundary", "orthogonal")
DEFAULT_KIND = "orthogonal"
FALLBACK_KIND = "mean"  # where the default changes too few faces: see `choose_kinds`
LABEL = "label"  # the kind of edits that change an attribute which is an input of the generator
BEST = "best"  # for each attribute the kind that measured better: see `choose_kinds`
RADIUS = 1.3  # of the latents that a generator was trained on, in deviations times √d: one in a thousand is longer
MAX_STRENGTH = 20.0  # beyond it there are no faces, and the number is probably a typo


@dataclass(frozen=True, eq=False)
class Directions:
    """The moves and boundaries of A attributes in a latent space of d axes; see `fit_directions`.

    They apply to z. The residual latent that may follow it (see `Model.encode`) is neither changed nor read.

    A move of strength 1, of any kind, shifts the score by 1: by the distance between the average face without the
    attribute (score -0.5) and the average face with it (+0.5), along the boundary's normal. The boundary is at 0.
    """

    names: list[str]
    moves: dict[str, Latents]  # by kind, A x d: added to a latent at strength 1
    normals: Latents  # A x d: the score is z · normal - offset
    offsets: Floats  # A
    curves: Floats  # A x 2: slope and intercept of the probability as a logistic function of the score
    rates: Floats  # A: the share of faces that have the attribute
    about: dict[str, Any] = field(default_factory=dict)  # entry of model.json: which faces, how many, how accurate
    radius: float = math.inf  # changes end where a latent becomes longer than this
    labels: dict[str, int] = field(default_factory=dict)  # the columns of z that are attributes: -1 without, 1 with

    @property
    def kinds(self) -> tuple[str, ...]:
        return (BEST, *KINDS, LABEL) if self.labels else (BEST, *KINDS)

    def best_kind(self, name: str) -> str:
        """Return the kind that an edit of an attribute has by default."""
        kind: str = self.about.get(BEST, {}).get(self.find(name), DEFAULT_KIND)
        return kind

    def find(self, name: str) -> str:
        """Return the attribute's exact name, ignoring case. Raises `FacesmithError` with suggestions."""
        return find_name(name, self.names)

    def vector(self, name: str, kind: str = BEST) -> Latents:
        """Return what strength 1 of an attribute adds to a latent (d); of kind "label", it adds the attribute."""
        if kind not in self.kinds:
            raise FacesmithError(f"invalid kind of direction {kind!r}: expected {', '.join(self.kinds)}")
        kind = self.best_kind(name) if kind == BEST else kind
        if kind == LABEL:
            shift = np.zeros(self.normals.shape[1], np.float32)
            shift[self.labels[find_name(name, list(self.labels))]] = 2.0
            return shift
        move: Latents = self.moves[kind][self.names.index(self.find(name))]
        return move

    def apply(self, z: ArrayLike, changes: Mapping[str, float], kind: str = BEST) -> Latents:
        """Return latents (d or N x d, or with the residual latent) with changed attributes: z + Σ strength · vector.

        A change that would leave the latents that the generator was trained on is reduced: see `reach`.
        """
        latents = np.array(z, np.float32)
        move, labels = self._shifts(changes, kind)
        latents[..., : len(move)] += self.reach(z, changes, kind)[..., None] * move + labels
        self.clip_labels(latents)
        return latents

    def clip_labels(self, latents: Latents) -> None:
        """Limit the attributes that are an input to -1 and 1, in place."""
        columns = list(self.labels.values())
        latents[..., columns] = latents[..., columns].clip(-1, 1)

    def reach(self, z: ArrayLike, changes: Mapping[str, float], kind: str = BEST) -> Floats:
        """Return which fraction of the changes `apply` makes to each latent (N, or a scalar for one): 1, or less.

        It is less where the changed z would be longer than ``radius``, and longer than it was before.
        Attributes that are an input end at -1 and 1 instead.
        """
        move, _ = self._shifts(changes, kind)
        latents = np.asarray(z, np.float64)[..., : len(move)]
        square, along, length = (latents**2).sum(-1), latents @ move, float(move @ move)
        if not length:
            return np.ones_like(square, np.float32)
        spare = np.maximum(self.radius**2 - square, 0.0)
        fraction: Floats = np.minimum((np.sqrt(along**2 + spare * length) - along) / length, 1.0).astype(np.float32)
        return fraction

    def _shifts(self, changes: Mapping[str, float], kind: str) -> tuple[Latents, Latents]:
        """Return what the changes add along directions (d), and to the attributes that are inputs (d)."""
        move, labels = np.zeros((2, self.normals.shape[1]), np.float32)
        for name, strength in changes.items():
            if not abs(strength) <= MAX_STRENGTH:
                raise FacesmithError(f"invalid strength {name}={strength:g}: expected -20 to 20")
            chosen = self.best_kind(name) if kind == BEST else kind
            (labels if chosen == LABEL else move)[:] += np.float32(strength) * self.vector(name, chosen)
        return move, labels

    moved = apply  # the name in version 0.1

    def scores(self, z: ArrayLike) -> Floats:
        """Return the score of latents (N x d) for every attribute: N x A."""
        return np.atleast_2d(np.asarray(z, np.float32))[:, : self.normals.shape[1]] @ self.normals.T - self.offsets

    def probabilities(self, z: ArrayLike) -> Floats:
        """Return the probability of every attribute (N x A) for latents (N x d)."""
        return self.calibrate(self.scores(z))

    def calibrate(self, scores: Floats) -> Floats:
        """Return the probabilities of scores (N x A), calibrated on held-out faces."""
        slopes, intercepts = self.curves.T.astype(np.float64)
        return logistic(scores * slopes + intercepts).astype(np.float32)


def find_name(name: str, names: Sequence[str]) -> str:
    """Return the entry of ``names`` that equals ``name`` up to case and spaces.

    Raises `FacesmithError` with the nearest names if there is none.
    """
    folded = {candidate.casefold(): candidate for candidate in names}
    key = name.strip().casefold().replace(" ", "_")
    if key in folded:
        return folded[key]
    raise FacesmithError(f"unknown attribute {name!r}: {did_you_mean(key, names)}")


def bound_directions(directions: Directions, card: Mapping[str, Any]) -> Directions:
    """Return directions with the radius of the latents, and the labels, of the model that has this card."""
    size = directions.normals.shape[1]
    deviation = 1 / math.sqrt(3) if card["latent"] == "uniform" else 1.0
    conditions = card.get("conditions", [])
    first = size - len(conditions)
    labels = {name: first + i for i, name in enumerate(conditions) if name in directions.names}
    return replace(directions, radius=RADIUS * deviation * math.sqrt(size), labels=labels)


def write_directions(directions: Directions, file: Path) -> dict[str, Any]:
    """Write directions into a file, `FILE` of a model folder, and return their entry for the folder's card."""
    tensors = {
        **directions.moves,
        "normals": directions.normals,
        "offsets": directions.offsets,
        "curves": directions.curves,
        "rates": directions.rates,
    }
    safetensors.save_file(
        {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in tensors.items()},
        file,
        {"attributes": json.dumps(directions.names)},
    )
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"digest": digest, "default": DEFAULT_KIND, "attributes": directions.names, **directions.about}


def read_directions(folder: Path, card: dict[str, Any]) -> Directions:
    """Read the directions of a model folder with this card.

    Raises `FacesmithError` if there are none, if they are damaged, and if they were fitted with a different encoder
    from the model's current one.
    """
    entry = card.get(CARD_KEY)
    if entry is None:
        raise FacesmithError(
            f"{folder} has no attribute directions: add them with facesmith directions MODEL DATASET or, without a "
            "dataset, with facesmith directions MODEL --classifier CLASSIFIER"
        )
    remedy = "fit the directions again with facesmith directions"
    if entry["encoder"] is not None and entry["encoder"] != card.get("encoder", {}).get("digest"):
        raise FacesmithError(f"the directions of {folder} were fitted with a different encoder: {remedy}")
    try:
        data = (folder / FILE).read_bytes()
        if hashlib.sha256(data).hexdigest() != entry["digest"]:
            raise ValueError("its digest differs from that in model.json")
        tensors = safetensors.load(data)
        moves = {kind: tensors.pop(kind) for kind in KINDS}
        names = list(entry["attributes"])
        fitted: dict[str, Any] = tensors
        return bound_directions(Directions(names, moves, about=entry, **fitted), card)
    except Exception as error:  # the errors of safetensors have no common base with the rest
        raise FacesmithError(f"{folder / FILE} cannot be read ({error}): {remedy}") from None
