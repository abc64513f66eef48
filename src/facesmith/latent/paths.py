"""Write series of faces: between faces, along a direction, and the plane of an analogy."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from facesmith.arrays import Floats
from facesmith.errors import FacesmithError
from facesmith.images.grid import image_suffixes, save_table
from facesmith.images.video import VIDEO_SUFFIXES, check_fps, new_series, save_series
from facesmith.latent.arithmetic import analogy_grid, latent_path
from facesmith.latent.faces import FaceSource, face_marks, generate_images, load_faces
from facesmith.latent.latents_file import read_arrays
from facesmith.models.directions import BEST, MAX_STRENGTH
from facesmith.models.model import Model, as_model

MAX_SERIES_FACES = 10_000


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
    refine: int | None = None,
    quiet: bool = False,
) -> Path:
    """Write ``frames`` faces between two or more ``faces`` to ``out``: .gif, .mp4, or a sheet as .png.

    ``spherical`` follows arcs instead of straight lines; ``loop`` returns to the first face. See `latent_path`.
    """
    with _start(model, out, frames, fps, quiet) as (source, path):
        keyframes = load_faces(source, faces, face=face, aligned=aligned, refine=refine, quiet=quiet)
        latents = latent_path([keyframe.z for keyframe in keyframes], frames, spherical=spherical, loop=loop)
        marks = face_marks(source, keyframes)
        save_series(generate_images(source, latents, quiet=quiet), path, marks, fps=fps, loop=loop)
    return Path(out)


def sweep(
    model: str | Path | Model,
    faces: Sequence[FaceSource],
    out: str | Path,
    *,
    attribute: str | None = None,
    axis: int | None = None,
    direction: str | Path | Floats | None = None,
    start: float = -3.0,
    stop: float = 3.0,
    steps: int = 7,
    kind: str = BEST,
    fps: int = 8,
    face: str = "largest",
    aligned: bool = False,
    refine: int | None = None,
    quiet: bool = False,
) -> Path:
    """Write faces moved by ``start`` to ``stop``, in ``steps`` even steps, to ``out``: .png (a table), .gif or .mp4.

    Exactly one of these selects the move: an ``attribute``, in its strengths; an ``axis`` of the latent, in units of
    about one standard deviation of random latents; or a ``direction``: latent_size numbers, or an .npz file with one
    such array.
    """
    with _start(model, out, steps, fps, quiet) as (source, path):
        if sum(choice is not None for choice in (attribute, axis, direction)) != 1:
            raise FacesmithError("a sweep requires exactly one of attribute, axis and direction: pass one of them")
        if not (abs(start) <= MAX_STRENGTH and abs(stop) <= MAX_STRENGTH):
            raise FacesmithError(f"invalid range {start:g} to {stop:g}: expected numbers between -20 and 20")
        if attribute is not None:
            move = source.directions.vector(attribute, kind)
        elif axis is not None:
            move = _axis_vector(axis, source.latent_size)
        else:
            move = _read_direction(direction, source.latent_size)
        originals = load_faces(source, faces, face=face, aligned=aligned, refine=refine, quiet=quiet)
        marks = face_marks(source, originals)
        strengths = np.linspace(start, stop, steps, dtype=np.float32)
        latents = np.stack([original.z for original in originals])[:, None].repeat(steps, 1)
        latents[..., : source.latent_size] += strengths[:, None] * move
        if attribute is not None:
            source.directions.clip_labels(latents)
        images = generate_images(source, latents.reshape(-1, latents.shape[-1]), quiet=quiet)
        images = images.reshape(*latents.shape[:2], *images.shape[1:])
        if path.suffix.lower() in VIDEO_SUFFIXES:  # forward and back, with the faces side by side
            row = np.concatenate(list(images), axis=2)
            save_series(np.concatenate([row, row[-2:0:-1]]), path, marks, fps=fps, loop=True)
        else:
            labels = [f"{strength:+.2g}" if strength else "0" for strength in strengths]
            save_table(images, [original.name for original in originals], labels, path, marks)
    return Path(out)


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
    refine: int | None = None,
    quiet: bool = False,
) -> Path:
    """Write the plane between A, B, C (the three ``faces``) and D = B - A + C to ``out``: D is to C as B is to A.

    A .png has ``rows`` x ``columns`` faces with A and B at the top and C and D at the bottom; see `analogy_grid`. A
    .gif or .mp4 follows the border of this grid clockwise from A.
    """
    with _start(model, out, max(rows * columns, 2), fps, quiet) as (source, path):
        corners = load_faces(source, faces, face=face, aligned=aligned, refine=refine, quiet=quiet)
        if len(corners) != 3:
            raise FacesmithError(f"an analogy requires three faces (A, B and C), not {len(corners)}")
        marks = face_marks(source, corners)
        grid = analogy_grid(corners[0].z, corners[1].z, corners[2].z, rows, columns)
        if path.suffix.lower() in VIDEO_SUFFIXES:
            border = np.concatenate([grid[0, :-1], grid[:-1, -1], grid[-1, :0:-1], grid[:0:-1, 0]])
            save_series(generate_images(source, border, quiet=quiet), path, marks, fps=fps, loop=True)
        else:
            images = generate_images(source, grid.reshape(rows * columns, -1), quiet=quiet)
            save_series(images, path, marks, fps=fps, loop=True, columns=columns)
    return Path(out)


@contextmanager
def _start(
    model: str | Path | Model, out: str | Path, count: int, fps: int, quiet: bool
) -> Iterator[tuple[Model, Path]]:
    """Check the arguments, and yield the loaded model and the file that becomes ``out``."""
    if not 2 <= count <= MAX_SERIES_FACES:
        raise FacesmithError(f"invalid number of faces {count:,}: expected 2 to {MAX_SERIES_FACES:,}")
    check_fps(fps)
    with new_series(Path(out), {*VIDEO_SUFFIXES, *image_suffixes()}) as file:
        yield as_model(model, quiet=quiet), file


def _axis_vector(axis: int, size: int) -> Floats:
    if not 0 <= axis < size:
        raise FacesmithError(f"invalid axis {axis}: expected 0 to {size - 1}")
    return np.asarray(np.eye(size, dtype=np.float32)[axis])


def _read_direction(direction: str | Path | Floats | None, size: int) -> Floats:
    """Return a direction given as numbers, or the only array of that size in a file."""
    if isinstance(direction, str | Path):
        arrays = [array.squeeze() for array in read_arrays(Path(direction), "a direction", "use an .npz file").values()]
        arrays = [array for array in arrays if array.shape == (size,)]
        if len(arrays) != 1:
            raise FacesmithError(f"{direction} has {len(arrays)} arrays of {size} numbers: expected one")
        direction = arrays[0]
    move = np.asarray(direction, np.float32)
    if move.shape != (size,) or not np.isfinite(move).all():
        raise FacesmithError(f"invalid direction of shape {move.shape}: expected {size} finite numbers")
    return move
