"""Photos with faces, made of drawn faces that the detector finds."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesmith.arrays import Images
from facesmith.data.sources.builtin import DrawnFace

FACES = (("avataaars", 23), ("avataaars", 68), ("personas", 31))  # YuNet finds few drawn faces, and these surely
SIDE = 256


@pytest.fixture(scope="session")
def drawn_faces() -> list[Images]:
    """Three faces, 256 x 256."""
    pictures = (DrawnFace(style, 0, index, SIDE).open() for style, index in FACES)
    return [np.asarray(Image.open(BytesIO(picture)).convert("RGB")) for picture in pictures]


@pytest.fixture(scope="session")
def group(drawn_faces: list[Images], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of 900 x 500 with the three: the second, small; the first, large; the third."""
    image = Image.new("RGB", (900, 500), (120, 130, 140))
    for index, side, left, top in ((1, 160, 20, 300), (0, 380, 220, 60), (2, 256, 630, 100)):
        image.paste(Image.fromarray(drawn_faces[index]).resize((side, side), Image.Resampling.LANCZOS), (left, top))
    path = tmp_path_factory.mktemp("photos") / "group.png"
    image.save(path)
    return path


@pytest.fixture
def noise() -> Callable[[int, int], np.ndarray]:
    """Noise images (height, width, 3) that no resizing preserves, bright enough that a small change is not clipped."""
    rng = np.random.default_rng(0)
    return lambda height, width: rng.integers(60, 190, (height, width, 3), np.uint8)
