import io
import json

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base

from facesmith import Marks, read_marks
from facesmith.arrays import Images
from facesmith.images.provenance import EDITED, GENERATED
from facesmith.studio.image_responses import encode_image, image_metadata, tile
from facesmith.version import __version__


@pytest.fixture
def faces() -> Images:
    return np.random.default_rng(0).integers(0, 256, (5, 6, 4, 3), np.uint8)


def test_images_are_tiled_without_gaps(faces: Images) -> None:
    sheet = tile(faces, 3)
    assert sheet.shape == (12, 12, 3)
    assert np.array_equal(sheet[6:12, 4:8], faces[4])
    assert not sheet[6:, 8:].any()
    assert tile(faces).shape == (12, 12, 3)
    assert tile(faces[:2], 9).shape == (6, 8, 3)
    assert np.array_equal(tile(faces[:1], 1, 3)[::3, ::3], faces[0])
    assert np.array_equal(tile(faces[:1], 1, 3)[2::3, 2::3], faces[0])


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_every_image_has_metadata(faces: Images, form: str, edited: bool) -> None:
    marks = Marks(EDITED if edited else GENERATED, "mine", "d" * 64, "any use", 7, tool=f"facesmith {__version__}")
    about = image_metadata(marks, seed=7)
    assert read_marks(encode_image(faces[0], form, about)) == marks
    picture = Image.open(io.BytesIO(encode_image(faces[0], form, about)))
    assert picture.format == form.upper()
    if form == "png":
        sentence, software = picture.info["Description"], picture.info["Software"]
        assert json.loads(picture.info["facesmith"]) == about
    else:
        description, software = picture.getexif()[Base.ImageDescription], picture.getexif()[Base.Software]
        sentence, brace, facts = description.partition("{")
        assert json.loads(brace + facts) == about
    assert ("edited photo" in sentence) == edited
    assert ("synthetic face" in sentence) != edited
    assert software.startswith("facesmith ")
    if form != "jpeg":
        assert np.array_equal(np.asarray(picture.convert("RGB")), faces[0])
