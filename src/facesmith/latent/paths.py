"""Faces → series of faces: between two of them, along a direction, and the plane of an analogy."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.latent.arithmetic import analogy_grid, latent_path
from facesmith.latent.directions import DEFAULT_KIND, LARGEST
from facesmith.latent.edit import generated
from facesmith.latent.face_grids import FILMS, check_series, save_series, save_table
from facesmith.latent.faces import FaceSource, load_faces
from facesmith.models.model import Model, load

MOST = 10_000  # faces of one series


def interpolate(
    model: str | Path | Model,
    faces: Sequence[FaceSource],
    out: str | Path,
    *,
    frames: int = 32,
    spherical: bool = True,
    loop: bool = False,
    fps: int = 16,
    face: str = "largest",
    aligned: bool = False,
    refine: int = 0,
    quiet: bool = False,
) -> Path:
    """Write ``frames`` faces on the way through two or more ``faces`` to ``out``: .gif, .mp4, or a sheet as .png.

    ``spherical`` follows arcs, else straight lines; ``loop`` comes back to the first face. See `latent_path`.
    """
    source, path = _begin(model, out, frames, fps, quiet)
    people = load_faces(source, faces, face=face, aligned=aligned, refine=refine, quiet=quiet)
    latents = latent_path([one.z for one in people], frames, spherical=spherical, loop=loop)
    save_series(generated(source, latents, quiet), path, fps=fps, loop=loop)
    return path


def sweep(
    model: str | Path | Model,
    faces: Sequence[FaceSource],
    out: str | Path,
    *,
    attribute: str | None = None,
    axis: int | None = None,
    direction: str | Path | NDArray[np.float32] | None = None,
    start: float = -3.0,
    stop: float = 3.0,
    steps: int = 7,
    kind: str = DEFAULT_KIND,
    fps: int = 8,
    face: str = "largest",
    aligned: bool = False,
    refine: int = 0,
    quiet: bool = False,
) -> Path:
    """Write faces moved by ``start`` to ``stop``, in ``steps`` even steps, to ``out``: .png (a table), .gif or .mp4.

    They move along an ``attribute`` in its strengths, along an ``axis`` of the latent in its own unit, in which the
    latents of a seed have a deviation of about 1, or by multiples of a ``direction``: latent_size numbers, or an .npz
    file with one such array. One of the three is needed.
    """
    source, path = _begin(model, out, steps, fps, quiet)
    if sum(way is not None for way in (attribute, axis, direction)) != 1:
        raise FacesmithError("a sweep follows one thing: name an attribute, an axis or a direction")
    if not (abs(start) <= LARGEST and abs(stop) <= LARGEST):
        raise FacesmithError(f"a sweep from {start:g} to {stop:g} leaves all faces behind: stay within -20 and 20")
    if attribute is not None:
        move = source.directions.vector(attribute, kind)
    elif axis is not None:
        move = _axis(axis, source.latent_size)
    else:
        move = _direction(direction, source.latent_size)
    people = load_faces(source, faces, face=face, aligned=aligned, refine=refine, quiet=quiet)
    strengths = np.linspace(start, stop, steps, dtype=np.float32)
    latents = np.stack([one.z for one in people])[:, None].repeat(steps, 1)
    latents[..., : source.latent_size] += strengths[:, None] * move
    pictures = generated(source, latents.reshape(-1, latents.shape[-1]), quiet)
    pictures = pictures.reshape(*latents.shape[:2], *pictures.shape[1:])
    if path.suffix.lower() in FILMS:  # there and back, the faces beside each other
        row = np.concatenate(list(pictures), axis=2)
        save_series(np.concatenate([row, row[-2:0:-1]]), path, fps=fps, loop=True)
    else:
        save_table(pictures, [one.name for one in people], [f"{x:+.2g}" if x else "0" for x in strengths], path)
    return path


def analogy(
    model: str | Path | Model,
    faces: Sequence[FaceSource],
    out: str | Path,
    *,
    rows: int = 10,
    columns: int = 10,
    fps: int = 16,
    face: str = "largest",
    aligned: bool = False,
    refine: int = 0,
    quiet: bool = False,
) -> Path:
    """Write the plane between A, B, C (the three ``faces``) and D = B - A + C to ``out``: what is to C as B is to A.

    As .png it is ``rows`` x ``columns`` faces with A, B above and C, D below, see `analogy_grid`. As .gif or
    .mp4 it is the way round its border, clockwise from A, again and again.
    """
    source, path = _begin(model, out, max(rows * columns, 2), fps, quiet)
    people = load_faces(source, faces, face=face, aligned=aligned, refine=refine, quiet=quiet)
    if len(people) != 3:
        raise FacesmithError(f"an analogy wants three faces, A, B and C, not {len(people)}")
    a, b, c = (one.z for one in people)
    grid = analogy_grid(a, b, c, rows, columns)
    if path.suffix.lower() in FILMS:
        border = np.concatenate([grid[0, :-1], grid[:-1, -1], grid[-1, :0:-1], grid[:0:-1, 0]])
        save_series(generated(source, border, quiet), path, fps=fps, loop=True)
    else:
        pictures = generated(source, grid.reshape(rows * columns, -1), quiet)
        save_series(pictures, path, fps=fps, loop=True, columns=columns)
    return path


def _begin(model: str | Path | Model, out: str | Path, count: int, fps: int, quiet: bool) -> tuple[Model, Path]:
    """The model and the place to write to; refuses what would fail after the work."""
    path = Path(out)
    check_series(path)
    if not 2 <= count <= MOST:
        raise FacesmithError(f"{count:,} faces make no series: ask for 2 to {MOST:,}")
    if not 1 <= fps <= 60:
        raise FacesmithError(f"{fps} frames a second cannot be shown: ask for 1 to 60")
    return model if isinstance(model, Model) else load(model, quiet=quiet), path


def _axis(axis: int, size: int) -> NDArray[np.float32]:
    if not 0 <= axis < size:
        raise FacesmithError(f"the latent has axes 0 to {size - 1}, and none with the number {axis}")
    return np.asarray(np.eye(size, dtype=np.float32)[axis])


def _direction(direction: str | Path | NDArray[np.float32] | None, size: int) -> NDArray[np.float32]:
    """A direction as it was given, or the only array of that size in a file."""
    if isinstance(direction, str | Path):
        try:
            with Path(direction).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = [np.asarray(file[name]).squeeze() for name in file.files]
        except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise FacesmithError(f"{direction} cannot be read as a direction ({error}): use an .npz file") from None
        arrays = [array for array in arrays if array.shape == (size,)]
        if len(arrays) != 1:
            raise FacesmithError(f"{direction} has {len(arrays)} arrays of {size} numbers: it must have one")
        direction = arrays[0]
    move = np.asarray(direction, np.float32)
    if move.shape != (size,) or not np.isfinite(move).all():
        raise FacesmithError(f"a direction of this model is {size} ordinary numbers, not an array of {move.shape}")
    return move
