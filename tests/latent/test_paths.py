from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import facesmith
from facesmith import FacesmithError, Model
from facesmith.latent.arithmetic import analogy_grid, latent_path

FACES = ["seed:1", "seed:1:1", "seed:1:2"]
SIDE = 32 * 4


def face_at(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
    top, left = 2 + row * (SIDE + 2), 2 + column * (SIDE + 2)
    return sheet[top : top + SIDE : 4, left : left + SIDE : 4]


def test_an_interpolation_sheet_shows_the_faces_of_its_path(linear_model: Model, tmp_path: Path) -> None:
    z = linear_model.latents(3, seed=1)
    for loop, spherical in ((False, True), (True, False)):
        out = tmp_path / f"{loop}.png"
        facesmith.interpolate(linear_model, FACES, out, frames=9, spherical=spherical, loop=loop, quiet=True)
        expected = linear_model.generate(latent_path(list(z), 9, spherical=spherical, loop=loop))
        sheet = np.asarray(Image.open(out))
        assert all(np.array_equal(face_at(sheet, i // 3, i % 3), expected[i]) for i in range(9))


@pytest.mark.parametrize("ending", [".gif", ".mp4"])
def test_a_film_has_every_frame(linear_model: Model, tmp_path: Path, ending: str) -> None:
    import av

    out = facesmith.interpolate(linear_model, FACES, tmp_path / f"way{ending}", frames=6, loop=True, quiet=True)
    if ending == ".gif":
        with Image.open(out) as film:
            assert film.n_frames == 6  # type: ignore[attr-defined]
            assert film.size == (SIDE, SIDE)
    else:
        with av.open(str(out)) as film:
            assert sum(1 for _ in film.decode(video=0)) == 6
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_an_analogy_is_a_grid_or_a_film_around_its_edge(linear_model: Model, tmp_path: Path) -> None:
    a, b, c = linear_model.latents(3, seed=1)
    grid = analogy_grid(a, b, c, rows=3, columns=5)
    out = facesmith.analogy(linear_model, FACES, tmp_path / "grid.png", rows=3, columns=5, quiet=True)
    sheet = np.asarray(Image.open(out))
    for row in range(3):
        for column in range(5):
            assert np.array_equal(face_at(sheet, row, column), linear_model.generate(grid[row, column])[0])
    out = facesmith.analogy(linear_model, FACES, tmp_path / "round.gif", rows=3, columns=5, quiet=True)
    with Image.open(out) as film:
        assert film.n_frames == 2 * (3 + 5) - 4  # type: ignore[attr-defined]


def test_a_sweep_follows_an_attribute_an_axis_or_a_direction(directed_model: Model, tmp_path: Path) -> None:
    z = directed_model.latents(2, seed=1)
    axis = np.eye(directed_model.latent_size, dtype=np.float32)[12]
    np.savez(tmp_path / "way.npz", way=2 * axis)
    sweeps: list[tuple[dict[str, object], np.ndarray]] = [
        ({"attribute": "eyeglasses", "kind": "mean"}, directed_model.directions.vector("Eyeglasses", "mean")),
        ({"axis": 12}, axis),
        ({"direction": tmp_path / "way.npz"}, 2 * axis),
        ({"direction": 2 * axis}, 2 * axis),
    ]
    for number, (options, move) in enumerate(sweeps):
        out = tmp_path / f"{number}.png"
        facesmith.sweep(directed_model, FACES[:2], out, **options, start=-1, stop=2, steps=4, quiet=True)  # type: ignore[arg-type]
        sheet = np.asarray(Image.open(out))
        sheet = sheet[25:, sheet.shape[1] - 4 * (SIDE + 2) - 2 :]
        for row in range(2):
            for column, strength in enumerate((-1, 0, 1, 2)):
                expected = directed_model.generate(z[row] + np.float32(strength) * move)[0]
                assert np.abs(face_at(sheet, row, column).astype(int) - expected).max() <= 1
    out = facesmith.sweep(directed_model, FACES[:2], tmp_path / "film.gif", axis=0, steps=4, quiet=True)
    with Image.open(out) as film:
        assert film.n_frames == 6, "there and back, no end twice"  # type: ignore[attr-defined]
        assert film.size == (2 * SIDE, SIDE)


def test_an_invalid_series_is_refused(directed_model: Model, tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    np.savez(tmp_path / "two.npz", a=np.zeros(24), b=np.zeros(24))
    (tmp_path / "broken.npz").write_bytes(b"no")
    calls: dict[str, Callable[[], object]] = {
        "at least two faces, not 1": lambda: facesmith.interpolate(directed_model, FACES[:1], out),
        "invalid number of faces 1": lambda: facesmith.interpolate(directed_model, FACES, out, frames=1),
        "three faces .A, B and C., not 2": lambda: facesmith.analogy(directed_model, FACES[:2], out),
        "at least 2 rows": lambda: facesmith.analogy(directed_model, FACES, out, rows=1),
        "ends in .png, .gif or .mp4": lambda: facesmith.analogy(directed_model, FACES, tmp_path / "x.doc"),
        "invalid frame rate 61": lambda: facesmith.interpolate(directed_model, FACES, out, fps=61),
        "exactly one of attribute, axis and direction": lambda: facesmith.sweep(directed_model, FACES, out),
        "exactly one": lambda: facesmith.sweep(directed_model, FACES, out, axis=1, attribute="Eyeglasses"),
        "expected 0 to 23": lambda: facesmith.sweep(directed_model, FACES, out, axis=24),
        "invalid range": lambda: facesmith.sweep(directed_model, FACES, out, axis=2, stop=float("nan")),
        "has 2 arrays of 24": lambda: facesmith.sweep(directed_model, FACES, out, direction=tmp_path / "two.npz"),
        "cannot be read as a dir": lambda: facesmith.sweep(
            directed_model, FACES, out, direction=tmp_path / "broken.npz"
        ),
        "24 finite numbers": lambda: facesmith.sweep(directed_model, FACES, out, direction=np.zeros(3, np.float32)),
    }
    for sentence, call in calls.items():
        with pytest.raises(FacesmithError, match=sentence):
            call()
    assert not out.exists()
