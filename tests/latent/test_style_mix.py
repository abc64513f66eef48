from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import facesmith
from facesmith import FacesmithError, Model

FACE, GAP = 128, 2


def test_style_mix_changes_styles_from_the_level_on(styled_model: Model, tmp_path: Path) -> None:
    coarse, fine = ["seed:1", "seed:1:1"], ["seed:1", "seed:2", "seed:2:1"]
    changes = {}
    for level in (0, 2):
        out = facesmith.style_mix(styled_model, coarse, fine, tmp_path / f"{level}.png", level=level, quiet=True)
        picture = np.asarray(Image.open(out).convert("RGB"))
        left, top = picture.shape[1] - 4 * (FACE + GAP) - GAP, 25
        cells = [
            [
                picture[top + GAP + r * (FACE + GAP) :, left + GAP + c * (FACE + GAP) :][:FACE:4, :FACE:4]
                for c in range(4)
            ]
            for r in range(3)
        ]
        assert np.abs(cells[1][0].astype(int) - styled_model.sample(1, seed=1)[0]).max() <= 1
        assert np.abs(cells[1][1].astype(int) - cells[1][0]).max() <= 1, "seed:1 in its own style"
        changes[level] = np.abs(cells[1][2].astype(int) - cells[1][0]).mean()
    assert changes[0] > changes[2] > 0.5, "the fewer levels are styled anew, the less changes"


def test_styles_are_mixed_at_every_level(styled_model: Model) -> None:
    one, two = styled_model.latents(2, seed=1)
    mixed = facesmith.mix_styles(styled_model, one, two).astype(int)
    changes = [np.abs(face - styled_model.generate(one)[0]).mean() for face in mixed]
    assert len(mixed) == 3, "the levels that have blocks"
    assert changes == sorted(changes, reverse=True), "the fewer levels are styled anew, the less changes"
    assert np.abs(facesmith.mix_styles(styled_model, one, one).astype(int) - styled_model.generate(one)).max() <= 1


def test_an_invalid_style_mix_is_refused(styled_model: Model, small_model: Model, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="does not support style mixing"):
        facesmith.style_mix(small_model, ["seed:1"], ["seed:2"], tmp_path / "a.png", quiet=True)
    with pytest.raises(FacesmithError, match="level 9 .*use 0, 1, 2"):
        facesmith.style_mix(styled_model, ["seed:1"], ["seed:2"], tmp_path / "a.png", level=9, quiet=True)
