"""Attribute directions of a model's latents: moves that add or take away a smile, and boundaries that see one.

directions = facesmith.load("my-model").directions
z = directions.moved(z, {"Smiling": 1, "Blond_Hair": -1})
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import numpy as safetensors

from facesmith.errors import FacesmithError
from facesmith.files import atomic_file
from facesmith.latent.calibration import logistic

FILE, ENTRY = "directions.safetensors", "directions"
KINDS = ("mean", "boundary", "orthogonal")
DEFAULT_KIND = "orthogonal"
LARGEST = 20.0  # the strongest edit: far beyond it there are no faces, and a slip of the keyboard is likelier

Latents = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Directions:
    """The moves and boundaries of A attributes in a latent space of d axes. Made by `fit_directions`.

    They live in z: the detail that may follow it (see `Model.encode`) is neither moved nor looked at.

    A move of strength 1, of any kind, takes the average face without the attribute as far along the attribute's
    boundary normal as the average face with it lies. Scores are in the same unit: -0.5 is the average face without,
    +0.5 the average face with, 0 the boundary.
    """

    names: list[str]
    moves: dict[str, Latents]  # by kind, A x d: what strength 1 adds to a latent
    normals: Latents  # A x d: what a latent is multiplied with for its score,
    offsets: NDArray[np.float32]  # A: and what is then taken away
    curves: NDArray[np.float32]  # A x 2: slope and intercept of the probability over the score
    rates: NDArray[np.float32]  # A: the share of faces that have the attribute
    about: dict[str, Any] = field(default_factory=dict)  # what model.json says: which faces, how many, how accurate

    @property
    def kinds(self) -> tuple[str, ...]:
        return KINDS

    def find(self, name: str) -> str:
        """The attribute's name as it is written here, for any capitals; `FacesmithError` with a guess for no name."""
        return find_name(name, self.names)

    def vector(self, name: str, kind: str = DEFAULT_KIND) -> Latents:
        """What strength 1 of an attribute adds to a latent (d)."""
        if kind not in KINDS:
            raise FacesmithError(f"{kind!r} is no kind of direction: use {', '.join(KINDS)}")
        found: Latents = self.moves[kind][self.names.index(self.find(name))]
        return found

    def moved(self, z: ArrayLike, changes: Mapping[str, float], kind: str = DEFAULT_KIND) -> Latents:
        """Latents (d or N x d, or with detail), each attribute changed by its strength: z + Σ strength · vector."""
        moved = np.array(z, np.float32)
        for name, strength in changes.items():
            if not abs(strength) <= LARGEST:
                raise FacesmithError(f"{name}={strength:g} is too strong: strengths are between -20 and 20")
            moved[..., : self.normals.shape[1]] += np.float32(strength) * self.vector(name, kind)
        return moved

    def scores(self, z: ArrayLike) -> NDArray[np.float32]:
        """Where latents (N x d) lie between the average faces without (-0.5) and with (+0.5) each attribute: N x A."""
        return np.atleast_2d(np.asarray(z, np.float32))[:, : self.normals.shape[1]] @ self.normals.T - self.offsets

    def probabilities(self, z: ArrayLike) -> NDArray[np.float32]:
        """How likely the faces of latents (N x d) have each attribute, calibrated on held-out faces: N x A."""
        slopes, intercepts = self.curves.T.astype(np.float64)
        return logistic(self.scores(z) * slopes + intercepts).astype(np.float32)


def find_name(name: str, names: Sequence[str]) -> str:
    """The one of ``names`` that is meant, whatever its capitals; `FacesmithError` with a guess where none is."""
    folded = {known.casefold(): known for known in names}
    wanted = name.strip().casefold().replace(" ", "_")
    if wanted in folded:
        return folded[wanted]
    near = [folded[one] for one in get_close_matches(wanted, folded, 3, 0.5)]
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
    raise FacesmithError(f"there is no attribute {name!r} here: {hint}")


def save_directions(directions: Directions, folder: Path) -> dict[str, Any]:
    """Write directions into a model folder; what is returned is their entry for its model.json."""
    tensors = {
        **directions.moves,
        "normals": directions.normals,
        "offsets": directions.offsets,
        "curves": directions.curves,
        "rates": directions.rates,
    }
    with atomic_file(folder / FILE) as beside:
        safetensors.save_file(
            {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in tensors.items()},
            beside,
            {"attributes": json.dumps(directions.names)},
        )
        beside.chmod(0o644)  # safetensors keeps its files from everyone else
        digest = hashlib.sha256(beside.read_bytes()).hexdigest()
    return {"digest": digest, "default": DEFAULT_KIND, "attributes": directions.names, **directions.about}


def load_directions(folder: Path, card: dict[str, Any]) -> Directions:
    """The directions of the model folder ``folder``, whose model.json is ``card``.

    Raises `FacesmithError` where there are none, where they are damaged, and where they were fitted to the latents of
    another encoder than the model now has.
    """
    entry = card.get(ENTRY)
    if entry is None:
        raise FacesmithError(
            f"{folder} has no attribute directions: facesmith directions MODEL DATASET makes them, "
            "or facesmith directions MODEL --judge JUDGE without a dataset"
        )
    again = "fit them again with facesmith directions"
    if entry["encoder"] is not None and entry["encoder"] != card.get("encoder", {}).get("digest"):
        raise FacesmithError(f"the directions of {folder} were fitted with another encoder than it has now: {again}")
    try:
        data = (folder / FILE).read_bytes()
        if hashlib.sha256(data).hexdigest() != entry["digest"]:
            raise ValueError("its digest is not that of model.json")
        tensors = safetensors.load(data)
        moves = {kind: tensors.pop(kind) for kind in KINDS}
        return Directions(list(entry["attributes"]), moves, about=entry, **tensors)
    except Exception as error:  # safetensors' errors have no common base with the rest
        raise FacesmithError(f"{folder / FILE} cannot be read ({error}): {again}") from None
