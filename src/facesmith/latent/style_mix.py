"""Style mixing: the large of one face and the small of another, by networks that are styled level by level."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import refuse_existing
from facesmith.images.pixels import to_uint8
from facesmith.latent.face_grids import save_table
from facesmith.latent.faces import FaceSource, load_faces
from facesmith.models import backends
from facesmith.models.model import WEIGHTS, Model, load

MOST = 1_000  # faces of a table


def style_mix(
    model: str | Path | Model,
    coarse: Sequence[FaceSource],
    fine: Sequence[FaceSource],
    out: str | Path,
    *,
    level: int = 2,
    face: str = "largest",
    aligned: bool = False,
    refine: int = 0,
    quiet: bool = False,
) -> Path:
    """Write a table of faces to ``out``: a row for each of ``coarse``, a column for each of ``fine``.

    Each is the row's face, styled from ``level`` on (0 is the coarsest) as the column's is; the first row and column
    are the faces themselves. Needs torch. Raises `FacesmithError` for a network that takes its latent once, as all but
    those of `small` and `base` do, and for a level that it has not.
    """
    torch = require("torch", "train", "mixing styles")
    refuse_existing(Path(out), "picture")
    source = model if isinstance(model, Model) else load(model, quiet=quiet)
    net, device = backends.torch_module(source.path / WEIGHTS, source.card["network"])
    if not hasattr(net, "mixed"):
        raise FacesmithError(
            f"{source.name} has no styles to mix, its network takes the latent once: train one with the recipe small"
        )
    styled = [number for number, blocks in enumerate(net.levels) if len(blocks)]
    if level not in styled:
        raise FacesmithError(f"level {level} is not styled in {source.name}: use one of {', '.join(map(str, styled))}")
    rows, columns = (
        load_faces(source, one, face=face, aligned=aligned, refine=refine, quiet=quiet) for one in (coarse, fine)
    )
    if (len(rows) + 1) * (len(columns) + 1) > MOST:
        raise FacesmithError(f"{len(rows)} times {len(columns)} faces are too many for one table: use fewer")
    large, small = (torch.from_numpy(np.stack([one.z for one in faces])).to(device) for faces in (rows, columns))
    height, width = source.size[1], source.size[0]
    table = np.zeros((len(rows) + 1, len(columns) + 1, height, width, 3), np.uint8)
    with torch.inference_mode():
        for number, one in enumerate(large):
            table[number + 1, 1:] = to_uint8(net.mixed(one.expand(len(small), -1), small, level))
    table[0, 1:] = source.generate(np.stack([one.z for one in columns]))
    table[1:, 0] = source.generate(np.stack([one.z for one in rows]))
    save_table(table, ["", *(one.name for one in rows)], ["", *(one.name for one in columns)], Path(out))
    return Path(out)
