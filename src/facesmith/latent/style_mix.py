"""Mix styles: the coarse structure of one face and the fine style of another, for generators with styled levels."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from facesmith.arrays import Images, Latents
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.images.grid import image_suffixes, save_table
from facesmith.images.pixels import to_uint8
from facesmith.images.video import new_series
from facesmith.latent.faces import FaceSource, face_marks, load_faces
from facesmith.models.model import Model, as_model

MAX_TABLE_FACES = 1_000


def style_mix(
    model: str | Path | Model,
    coarse: Sequence[FaceSource],
    fine: Sequence[FaceSource],
    out: str | Path,
    *,
    level: int = 2,
    face: str = "largest",
    aligned: bool = False,
    refine: int | None = None,
    quiet: bool = False,
) -> Path:
    """Write a table of mixed faces to ``out``: a row for each of ``coarse``, a column for each of ``fine``.

    Each cell is the row's face with the style of the column's face from ``level`` on (0 is the coarsest). The first row
    and column show the faces themselves. Requires torch. Raises `FacesmithError` for a generator without styled levels
    (only `small` and `base` have them), and for a level that is not styled.
    """
    with new_series(Path(out), image_suffixes()) as file:
        source = as_model(model, quiet=quiet)
        levels, mix = _open_styles(source)
        if level not in levels:
            raise FacesmithError(f"level {level} of {source.name} has no style: use {', '.join(map(str, levels))}")
        rows, columns = (
            load_faces(source, side, face=face, aligned=aligned, refine=refine, quiet=quiet) for side in (coarse, fine)
        )
        if (len(rows) + 1) * (len(columns) + 1) > MAX_TABLE_FACES:
            raise FacesmithError(f"{len(rows)} x {len(columns)} faces are too many for one sheet: use fewer")
        row_z, column_z = (np.stack([item.z for item in faces]) for faces in (rows, columns))
        width, height = source.size
        table = np.zeros((len(rows) + 1, len(columns) + 1, height, width, 3), np.uint8)
        for number, coarse_z in enumerate(row_z, 1):
            table[number, 1:] = mix(np.broadcast_to(coarse_z, column_z.shape), column_z, level)
        table[0, 1:], table[1:, 0] = source.generate(column_z), source.generate(row_z)
        marks = face_marks(source, [*rows, *columns])
        save_table(table, ["", *(row.name for row in rows)], ["", *(column.name for column in columns)], file, marks)
    return Path(out)


def mix_styles(model: Model, coarse: Latents, fine: Latents) -> Images:
    """Return the face of the latent ``coarse`` with the style of ``fine`` from each styled level on: L x H x W x 3.

    The first is styled from the coarsest level on, the last only at the finest. Requires torch. Raises
    `FacesmithError` for a generator without styled levels.
    """
    levels, mix = _open_styles(model)
    return np.concatenate([mix(coarse[None], fine[None], level) for level in levels])


def _open_styles(model: Model) -> tuple[list[int], Callable[[Latents, Latents, int], Images]]:
    """Return the styled levels of a generator, and a function that mixes latents (N x latent_size) from a level on."""
    torch = require("torch", "train", "mixing styles")
    net, device = model.torch_generator()
    if not hasattr(net, "mixed"):
        raise FacesmithError(
            f"{model.name} does not support style mixing: use a model trained with the small or base recipe"
        )

    def mix(coarse: Latents, fine: Latents, level: int) -> Images:
        with torch.inference_mode():
            sides = (torch.from_numpy(np.array(z)).to(device) for z in (coarse, fine))
            return to_uint8(net.mixed(*sides, level))

    return [number for number, blocks in enumerate(net.levels) if len(blocks)], mix
