"""Files of saved latents (.npz): ``z`` (N x latent_size, or with the residual latent) and ``names`` (N)."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facesmith.arrays import Latents
from facesmith.errors import FacesmithError
from facesmith.files import atomic_file, refuse_existing
from facesmith.latent.face_refs import LATENTS_SUFFIX


def check_latents_path(path: Path) -> None:
    """Refuse an existing file and a name that does not end in .npz, before any work is done."""
    refuse_existing(path, "latents")
    if path.suffix.lower() != LATENTS_SUFFIX:
        raise FacesmithError(f"invalid latents file {str(path)!r}: its name must end in {LATENTS_SUFFIX}")


def save_latents(path: Path, names: Sequence[str], z: Latents) -> None:
    """Write latents and their names."""
    with atomic_file(path) as partial:
        np.savez_compressed(partial, z=z, names=np.array(names))  # compressed, because many residuals are zero


def read_latents(path: Path) -> tuple[list[str], Latents]:
    """Return the names and the latents of a file. Rows without a name are named by their number.

    Raises `FacesmithError` for a file that is missing, damaged, or holds values that are not finite.
    """
    if not path.is_file():
        raise FacesmithError(f"{path} does not exist: write a latents file with facesmith encode")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            z = np.asarray(file["z"], np.float32)
            names = [str(name) for name in file["names"]] if "names" in file else [str(i) for i in range(len(z))]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError) as error:
        raise FacesmithError(f"{path} cannot be read as latents ({error}): write it with facesmith encode") from None
    if z.ndim != 2 or len(names) != len(z):
        raise FacesmithError(f"{path} holds latents of shape {z.shape} and {len(names)} names: write it again")
    if not np.isfinite(z).all():
        raise FacesmithError(f"{path} holds values that are not finite: encode the photos again")
    return names, z
