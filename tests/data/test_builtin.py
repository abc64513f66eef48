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


def test_builtin_labels_are_visible_in_the_images(builtin_dataset: Dataset) -> None:
    """Averages where a label shows: dark hair above the brow, glasses around the eyes, pale cheeks."""
    labels = dict(zip(builtin_dataset.attributes, builtin_dataset.labels().T, strict=True))
    images = np.asarray(builtin_dataset.images, np.float32)
    crown = images[:, 2:6, 12:20].mean((1, 2, 3))
    assert crown[labels["Black_Hair"]].mean() + 40 < crown[labels["Blond_Hair"]].mean()
    assert crown[labels["Black_Hair"]].mean() + 20 < crown[labels["Brown_Hair"]].mean()
    eyes = images[:, 12:17, 9:23].mean((1, 2, 3))
    assert eyes[labels["Eyeglasses"]].mean() + 10 < eyes[~labels["Eyeglasses"]].mean()
    cheek = images[:, 16:19, 12:14].mean((1, 2, 3))
    is_clean = labels["No_Beard"] & ~labels["Eyeglasses"]
    assert cheek[is_clean & labels["Pale_Skin"]].mean() > cheek[is_clean & ~labels["Pale_Skin"]].mean() + 60


@pytest.mark.parametrize("style", sorted(STYLES))
def test_attributes_of_a_builtin_face_do_not_contradict(style: str) -> None:
    colors = {"Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"}
    style_names = set(style_attributes(STYLES[style]))
    for index in range(2000):
        attributes = plan_face(style, 0, index)[1]
        assert attributes <= style_names
        assert len(attributes & colors) <= 1
        assert not attributes & colors or not attributes & {"Bald", "Wearing_Hat"}
        assert ("No_Beard" in attributes) != bool(attributes & {"Mustache", "Goatee", "5_o_Clock_Shadow"})


@pytest.mark.parametrize("style", sorted(STYLES))
def test_every_shape_of_a_face_exists_in_its_style(style: str) -> None:
    components = json.loads(files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8"))["components"]
    for index in range(500):
        for option, shape in plan_face(style, 0, index)[0].items():
            if option.endswith("Variant"):
                assert shape in components[option.removesuffix("Variant")]["variants"]


def test_a_builtin_face_depends_only_on_seed_and_index(tmp_path: Path) -> None:
    six = import_dataset("builtin:personas:6", tmp_path / "few", size="16", seed=5, quiet=True, workers=1)
    nine = import_dataset("builtin:personas:9", tmp_path / "more", size="16", seed=5, quiet=True, workers=2)
    other_seed = import_dataset("builtin:personas:6", tmp_path / "other", size="16", seed=6, quiet=True, workers=1)
    assert np.array_equal(six.images, nine.images[:6])
    assert not np.array_equal(six.images, other_seed.images)
    assert six.card["source"]["fingerprint"] != other_seed.card["source"]["fingerprint"]
    assert "CC BY 4.0" in six.card["source"]["credit"]


def test_builtin_images_are_opaque() -> None:
    source = builtin_source("builtin:avataaars:3", 0, 64)
    for handle in source.handles(np.arange(3)):
        data = handle.open()
        assert isinstance(data, bytes)
        alpha = np.asarray(Image.open(BytesIO(data)).convert("RGBA"))[..., 3]
        assert alpha.min() == 255


@pytest.mark.parametrize(
    "text", ["builtin:", "builtin:0", "builtin:many", "builtin:lorelei", "builtin:99999999999", "builtin:5:personas"]
)
def test_an_invalid_builtin_name_is_refused(text: str) -> None:
    with pytest.raises(FacesmithError, match="builtin:STYLE:COUNT"):
        builtin_source(text, 0, 64)
