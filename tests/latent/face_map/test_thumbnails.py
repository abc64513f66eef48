import base64
import io

import numpy as np
from PIL import Image

from facesmith.images.decode import read_marks
from facesmith.images.provenance import GENERATED, Marks
from facesmith.latent.face_map import thumbnails


def grey_images(count: int, width: int, height: int) -> np.ndarray:
    """Pictures of one grey each, no two next to each other alike."""
    greys = (np.arange(count) * 37 % 256).astype(np.uint8)
    return np.broadcast_to(greys[:, None, None, None], (count, height, width, 3)).copy()


def test_atlases_hold_every_face_at_its_position() -> None:
    pictures = grey_images(1800, 64, 64)
    atlases = thumbnails.make_atlases(pictures)
    assert (atlases["width"], atlases["height"], atlases["columns"], atlases["rows"]) == (48, 48, 42, 42)
    opened = [
        Image.open(io.BytesIO(base64.b64decode(atlas.split(",")[1]))).convert("L") for atlas in atlases["atlases"]
    ]
    assert [atlas.size for atlas in opened] == [(2016, 2016), (36 * 48, 48)]
    for face in (0, 41, 42, 1763, 1764, 1799):
        atlas, at = divmod(face, 42 * 42)
        middle = (at % 42 * 48 + 24, at // 42 * 48 + 24)
        assert abs(int(opened[atlas].getpixel(middle)) - int(pictures[face, 0, 0, 0])) <= 3  # type: ignore[arg-type]


def test_thumbnails_keep_the_aspect_ratio_and_small_sizes() -> None:
    assert [thumbnails.make_atlases(grey_images(3, 80, 100))[key] for key in ("width", "height")] == [38, 48]
    assert [thumbnails.make_atlases(grey_images(3, 28, 28))[key] for key in ("width", "height")] == [28, 28]


def test_atlases_of_generated_faces_are_marked() -> None:
    marks = Marks(GENERATED, "m", "ab", "any use")
    (atlas,) = thumbnails.make_atlases(grey_images(3, 28, 28), marks)["atlases"]
    assert read_marks(base64.b64decode(atlas.split(",")[1])) == marks


def test_a_sprite_is_nearly_square_and_within_the_size_limit() -> None:
    pictures = grey_images(7, 32, 32)
    image, size = thumbnails.make_sprite(pictures)
    assert (size, image.size) == ((32, 32), (96, 96))
    assert [np.asarray(image)[row * 32, column * 32, 0] for row in range(3) for column in range(3)][:7] == list(
        pictures[:, 0, 0, 0]
    )
    assert thumbnails.make_sprite(grey_images(70_000, 8, 8))[0].size[0] <= thumbnails.MAX_SPRITE_SIDE
