"""The built-in faces: labelled truthfully, the same for the same seed, and pictures without a hole."""

import json
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesmith.data.dataset import Dataset
from facesmith.data.importer import import_dataset
from facesmith.data.sources.builtin import builtin_source, plan_face
from facesmith.data.sources.builtin_styles import STYLES, style_attributes
from facesmith.errors import FacesmithError


def test_faces_are_varied_and_labelled(builtin_dataset: Dataset) -> None:
    assert builtin_dataset.card["skipped"] == []
    assert builtin_dataset.card["source"]["kind"] == "builtin"
    assert "Pablo Stanley" in builtin_dataset.card["source"]["credit"]
    assert builtin_dataset.card["splits"] == {"train": 206, "valid": 25, "test": 25}
    share = builtin_dataset.labels().mean(0)
    assert (share > 0.01).all()
    assert (share < 0.95).all()
    assert len({image.tobytes() for image in builtin_dataset.images}) == 256


def test_the_labels_can_be_seen(builtin_dataset: Dataset) -> None:
    """Averages where a label shows: dark hair above the brow, glasses around the eyes, pale cheeks."""
    labels = dict(zip(builtin_dataset.attributes, builtin_dataset.labels().T, strict=True))
    images = np.asarray(builtin_dataset.images, np.float32)
    crown = images[:, 2:6, 12:20].mean((1, 2, 3))
    assert crown[labels["Black_Hair"]].mean() + 40 < crown[labels["Blond_Hair"]].mean()
    assert crown[labels["Black_Hair"]].mean() + 20 < crown[labels["Brown_Hair"]].mean()
    eyes = images[:, 12:17, 9:23].mean((1, 2, 3))
    assert eyes[labels["Eyeglasses"]].mean() + 10 < eyes[~labels["Eyeglasses"]].mean()
    cheek = images[:, 16:19, 12:14].mean((1, 2, 3))
    plain = labels["No_Beard"] & ~labels["Eyeglasses"]
    assert cheek[plain & labels["Pale_Skin"]].mean() > cheek[plain & ~labels["Pale_Skin"]].mean() + 60


@pytest.mark.parametrize("style", sorted(STYLES))
def test_every_face_of_a_style_has_no_contradiction(style: str) -> None:
    colors = {"Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"}
    named = set(style_attributes(STYLES[style]))
    for index in range(2000):
        having = plan_face(style, 0, index)[1]
        assert having <= named
        assert len(having & colors) <= 1
        assert not having & colors or not having & {"Bald", "Wearing_Hat"}
        assert ("No_Beard" in having) != bool(having & {"Mustache", "Goatee", "5_o_Clock_Shadow"})


@pytest.mark.parametrize("style", sorted(STYLES))
def test_every_shape_named_exists_in_the_style(style: str) -> None:
    components = json.loads(files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8"))["components"]
    for index in range(500):
        for option, shape in plan_face(style, 0, index)[0].items():
            if option.endswith("Variant"):
                assert shape in components[option.removesuffix("Variant")]["variants"]


def test_a_face_depends_on_its_seed_and_index_alone(tmp_path: Path) -> None:
    few = import_dataset("builtin:personas:6", tmp_path / "few", size="16", seed=5, quiet=True, workers=1)
    more = import_dataset("builtin:personas:9", tmp_path / "more", size="16", seed=5, quiet=True, workers=2)
    other = import_dataset("builtin:personas:6", tmp_path / "other", size="16", seed=6, quiet=True, workers=1)
    assert np.array_equal(few.images, more.images[:6])
    assert not np.array_equal(few.images, other.images)
    assert few.card["source"]["fingerprint"] != other.card["source"]["fingerprint"]
    assert "CC BY 4.0" in few.card["source"]["credit"]


def test_the_picture_is_filled_to_its_edge() -> None:
    source = builtin_source("builtin:avataaars:3", 0, 64)
    for handle in source.handles(np.arange(3)):
        data = handle.open()
        assert isinstance(data, bytes)
        alpha = np.asarray(Image.open(BytesIO(data)).convert("RGBA"))[..., 3]
        assert alpha.min() == 255


@pytest.mark.parametrize(
    "text", ["builtin:", "builtin:0", "builtin:many", "builtin:lorelei", "builtin:99999999999", "builtin:5:personas"]
)
def test_a_name_that_is_none_of_ours_is_answered(text: str) -> None:
    with pytest.raises(FacesmithError, match="builtin:STYLE:COUNT"):
        builtin_source(text, 0, 64)
