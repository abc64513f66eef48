"""Faces on their way from before to after and back, as a film."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import refuse_existing
from facesmith.images.grid import make_grid
from facesmith.latent.face_grids import VIDEO_SUFFIXES, enlargement, save_series
from facesmith.models.makeover import Makeover
from facesmith.progress import progress

FRAMES, FPS = 24, 16  # one way, and a second
MOST = 16  # faces beside each other: of more, none would be seen well

Pictures = NDArray[np.uint8]


def morph(
    makeover: Makeover, before: Pictures, path: Path, *, direction: str | None, strength: float, quiet: bool
) -> None:
    """Write the first 16 of the faces (N x H x W x 3, uint8) on the way to ``strength`` and back: .mp4 or .gif.

    It starts and arrives gently, and plays again and again.
    """
    faces, scale = before[:MOST], enlargement(before.shape[1])
    way = strength * (1 - np.cos(np.linspace(0, np.pi, FRAMES))) / 2
    frames = []
    with progress(FRAMES, "filming", "frames", shown=not quiet and len(faces) > 1) as bar:
        for share in way:
            frames.append(np.asarray(make_grid(makeover.apply(faces, direction, float(share)), scale=scale)))
            bar.update()
    save_series(np.stack([*frames, *frames[-2:0:-1]]), path, fps=FPS, loop=True)


def check_film(path: Path) -> None:
    """Refuse a film that could not be written, before the work is done."""
    refuse_existing(path, "film")
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        raise FacesmithError(f"{path} is no name for a film: let it end in .mp4 or .gif")
    if path.suffix.lower() == ".mp4":
        require("av", "train", "making a video")
