"""Write a video of faces that change from before to after and back."""

from pathlib import Path

import numpy as np

from facesmith.arrays import Images
from facesmith.images.grid import enlargement, make_grid
from facesmith.images.provenance import Marks
from facesmith.images.video import save_series
from facesmith.models.makeover import Makeover
from facesmith.progress import progress

FRAMES, FPS = 24, 16  # frames of one way, and per second
MAX_FACES = 16  # side by side; more would be too small


def write_morph(
    makeover: Makeover, before: Images, path: Path, marks: Marks, *, direction: str | None, strength: float, quiet: bool
) -> None:
    """Write an .mp4 or .gif of the first 16 faces (N x H x W x 3, uint8), changing to ``strength`` and back.

    The change eases in and out, and the video loops.
    """
    faces, scale = before[:MAX_FACES], enlargement(before.shape[1])
    strengths = strength * (1 - np.cos(np.linspace(0, np.pi, FRAMES))) / 2
    frames = []
    with progress(FRAMES, "filming", "frames", shown=not quiet and len(faces) > 1) as bar:
        for value in strengths:
            frames.append(np.asarray(make_grid(makeover.apply(faces, direction, float(value)), scale=scale)))
            bar.update()
    save_series(np.stack([*frames, *frames[-2:0:-1]]), path, marks, fps=FPS, loop=True)
