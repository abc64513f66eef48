from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesmith.errors import FacesmithError
from facesmith.images.grid import BACKGROUND, add_caption, make_grid, resize_images, save_image, save_sheet
from facesmith.images.provenance import EDITED, GENERATED, Marks


def pictures(count: int, height: int = 8, width: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def test_a_grid_shows_the_exact_pixels_row_by_row() -> None:
    images = pictures(5, 8, 6)
    pixels = np.asarray(make_grid(images, columns=3, gap=2))
    assert pixels.shape == (2 * 10 + 2, 3 * 8 + 2, 3)
    for index, image in enumerate(images):
        top, left = 2 + index // 3 * 10, 2 + index % 3 * 8
        np.testing.assert_array_equal(pixels[top : top + 8, left : left + 6], image)


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (9, 3, 3), (10, 4, 3), (64, 8, 8)])
def test_a_sheet_is_nearly_square(count: int, columns: int, rows: int) -> None:
    assert make_grid(pictures(count), gap=0).size == (columns * 8, rows * 8)


def test_scale_makes_every_pixel_a_square() -> None:
    images = pictures(1, 2, 2)
    pixels = np.asarray(make_grid(images, gap=0, scale=3))
    np.testing.assert_array_equal(pixels[::3, ::3], images[0])
    np.testing.assert_array_equal(pixels[1::3, 2::3], images[0])


def test_labels_are_written_below_the_unchanged_images() -> None:
    images = pictures(2, 64, 64)
    unlabelled, labelled = (
        make_grid(images),
        make_grid(images, labels=["a", "second line\nof a label that is far too long for it"]),
    )
    assert labelled.height > unlabelled.height
    assert labelled.width == unlabelled.width
    pixels = np.asarray(labelled)
    np.testing.assert_array_equal(pixels[2:66, 2:66], images[0])
    assert (pixels[66:, 2:66] > 150).any()
    assert not (pixels[:, -2:] > 150).any()


def test_a_grid_refuses_invalid_images_and_labels() -> None:
    with pytest.raises(ValueError, match="uint8 images of shape"):
        make_grid(pictures(1).astype(np.float32))
    with pytest.raises(ValueError, match="uint8 images of shape"):
        make_grid(pictures(0))
    with pytest.raises(ValueError, match="1 labels for 2"):
        make_grid(pictures(2), labels=["a"])


def test_fit_keeps_proportions() -> None:
    assert resize_images(pictures(2, 40, 20), 10).shape == (2, 10, 5, 3)
    assert resize_images(pictures(2, 4, 2), 10).shape == (2, 10, 5, 3)
    assert resize_images(pictures(2, 4, 2), 10, enlarge=False).shape == (2, 4, 2, 3)


def test_an_image_is_saved_in_the_format_of_its_suffix(tmp_path: Path) -> None:
    image = make_grid(pictures(1))
    for name, kind in {"a.png": "PNG", "b.jpg": "JPEG", "c.webp": "WEBP"}.items():
        save_image(image, tmp_path / "new" / name)
        with Image.open(tmp_path / "new" / name) as read:
            assert read.format == kind
    with pytest.raises(FacesmithError, match=r"invalid image file name"):
        save_image(image, tmp_path / "picture")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.png", "b.jpg", "c.webp"]


@pytest.mark.parametrize("width", [40, 120, 600])
def test_a_sheet_has_a_line_that_fits(tmp_path: Path, width: int) -> None:
    marks = Marks(GENERATED, "a-model", seed=3)
    sheet = Image.new("RGB", (width, 20), (200, 0, 0))
    save_sheet(sheet, tmp_path / "sheet.png", marks)
    with Image.open(tmp_path / "sheet.png") as read:
        pixels = np.asarray(read)
    assert (pixels[:20] == (200, 0, 0)).all()
    line = (pixels[20:] != BACKGROUND).any((0, 2)).nonzero()[0]
    assert line[0] >= 4
    assert line[-1] < width - 4
    edited = add_caption(sheet, replace(marks, source_type=EDITED))
    assert edited.width == width
    assert (edited.tobytes() != pixels.tobytes()) == (width > 40)  # there, both say AI
