"""The morph from before to after as a film."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from facesmith import Makeover
from facesmith.tasks.makeover import film as morphing
from facesmith.tasks.makeover.film import FPS, FRAMES, write_morph

FACES = np.random.default_rng(0).integers(90, 110, (3, 32, 32, 3), np.uint8)


def brightness(path: Path) -> list[float]:
    """Return the brightness of the middle of the first face in each frame."""
    if path.suffix == ".gif":
        with Image.open(path) as film:
            tick, frames = round(100 / FPS) * 10, []  # GIF counts hundredths of a second
            for frame in ImageSequence.Iterator(film):  # equal frames are written as one longer frame
                frames += [np.asarray(frame.convert("RGB"))] * round(frame.info["duration"] / tick)
    else:
        import av

        with av.open(str(path)) as film:
            frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    return [float(frame[20:100, 20:100].mean()) for frame in frames]


@pytest.mark.parametrize("ending", [".gif", ".mp4"])
def test_a_morph_goes_smoothly_to_the_result_and_back(ending: str, plain: Makeover, tmp_path: Path) -> None:
    path = tmp_path / f"way{ending}"
    write_morph(plain, FACES, path, plain.marks(), direction="lighter", strength=0.8, quiet=True)
    levels = brightness(path)
    assert len(levels) == 2 * FRAMES - 2, "no face is shown twice where it turns, or where it begins again"
    forward, backward = levels[:FRAMES], levels[FRAMES - 1 :]
    assert forward[0] == pytest.approx(FACES[0].mean(), abs=3)
    assert forward[-1] == pytest.approx(FACES[0].mean() + 0.8 * 38.25, abs=3)
    assert forward[FRAMES // 2] - forward[FRAMES // 2 - 1] > 0.5 > forward[1] - forward[0]
    assert np.allclose(backward[1:], forward[-2:0:-1], atol=2)


def test_a_film_of_many_faces_shows_the_first(plain: Makeover, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(morphing, "FRAMES", 3)
    sizes = []
    for count in (16, 40):
        path = tmp_path / f"{count}.gif"
        write_morph(plain, FACES[:1].repeat(count, 0), path, plain.marks(), direction=None, strength=1, quiet=True)
        with Image.open(path) as film:
            sizes.append(film.size)
    assert sizes[0] == sizes[1]
