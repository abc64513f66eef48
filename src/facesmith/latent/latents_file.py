"""The latents file (.npz): latents ``z`` (N x latent_size, float32, or with the residual latent) and ``names`` (N)."""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.arrays import Latents
from facesmith.errors import FacesmithError
from facesmith.files import atomic_file, exists, new_file
from facesmith.latent.face_refs import LATENTS_SUFFIX


@contextmanager
def new_latents(path: Path) -> Iterator[Path]:
    """Yield the file that becomes ``path``. Refuse an existing file and a name that does not end in .npz."""
    if path.suffix.lower() != LATENTS_SUFFIX:
        raise FacesmithError(f"invalid latents file {str(path)!r}: its name must end in {LATENTS_SUFFIX}")
    with new_file(path, "latents") as file:
        yield file


def save_latents(path: Path, names: Sequence[str], z: Latents) -> None:
    """Write latents and their names."""
    with atomic_file(path) as partial:
        np.savez_compressed(partial, z=z, names=np.array(names))  # compressed, because many residuals are zero


def read_arrays(path: Path, noun: str, remedy: str) -> dict[str, Any]:
    """Return the arrays of an .npz file by name. Raises `FacesmithError` for a file that is no such archive."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise FacesmithError(f"{path} cannot be read as {noun} ({error}): {remedy}") from None


def read_latents(path: Path) -> tuple[list[str], Latents]:
    """Return the names and the latents of a file. Rows without a name are named by their number.

    Raises `FacesmithError` for a file that is missing, damaged, or holds values that are not finite.
    """
    if not exists(path):
        raise FacesmithError(f"{path} does not exist: create a latents file with facesmith encode")
    arrays = read_arrays(path, "latents", "create it with facesmith encode")
    z = arrays.get("z", np.zeros(0))
    names = [str(name) for name in arrays.get("names", range(len(z)))]
    if z.dtype.kind not in "fiu" or z.ndim != 2 or len(names) != len(z):
        shape = f"z of {z.dtype} {z.shape}, {len(names)} names"
        raise FacesmithError(f"{path} cannot be read as latents ({shape}): create it with facesmith encode")
    if not np.isfinite(z).all():
        raise FacesmithError(f"{path} contains non-finite values: encode the photos again")
    return names, z.astype(np.float32)
