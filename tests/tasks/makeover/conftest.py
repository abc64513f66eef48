"""Makeovers with exact results, of plain images and of aligned faces, and a photo with two faces."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

import facesmith
from facesmith import Makeover
from facesmith.data.sources.builtin import DrawnFace

SIDE = 32
PLAIN = {"size": [SIDE, SIDE], "crop": "fit", "resize": "lanczos", "source": {"kind": "folder"}}
FACES = (("avataaars", 23), ("avataaars", 68))  # YuNet detects few drawn faces, but these reliably


@pytest.fixture(scope="session")
def plain(write_makeover: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Makeover:
    """Return a makeover of 32x32 images without face detection; it uses the largest square of a photo."""
    return facesmith.load_makeover(write_makeover(tmp_path_factory.mktemp("plain") / "plain", PLAIN))


@pytest.fixture(scope="session")
def of_faces(write_makeover: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Makeover:
    """Return a makeover of 40x50 faces, aligned like CelebA and cropped like deep-makeover."""
    card = {"size": [40, 50], "crop": "box:49,90,80,100", "resize": "box", "source": {"kind": "celeba"}}
    return facesmith.load_makeover(write_makeover(tmp_path_factory.mktemp("faces") / "faces", card))


@pytest.fixture(scope="session")
def party(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dim photo of 700 x 450 with two faces: a small one, tilted, and a large one to the right of it."""
    image = Image.new("RGB", (700, 450), (120, 130, 140))
    for (style, index), side, x, y, tilt in zip(FACES, (380, 200), (290, 40), (40, 120), (0, 12), strict=True):
        face = Image.open(BytesIO(DrawnFace(style, 0, index, 256).open())).convert("RGB")
        tilted = face.rotate(tilt, Image.Resampling.BICUBIC, fillcolor=face.getpixel((0, 0)))
        image.paste(tilted.resize((side, side), Image.Resampling.LANCZOS), (x, y))
    path = tmp_path_factory.mktemp("party") / "party.png"
    image.point(lambda level: round(0.8 * level)).save(path)  # so that no lighter face is clipped
    return path
