import base64
import io

import numpy as np
from PIL import Image

from facesmith.latent.face_map import thumbnails


def plain(count: int, width: int, height: int) -> np.ndarray:
    """Pictures of one grey each, no two next to each other alike."""
    greys = (np.arange(count) * 37 % 256).astype(np.uint8)
    return np.broadcast_to(greys[:, None, None, None], (count, height, width, 3)).copy()


def test_atlases_hold_every_face_at_its_place() -> None:
    pictures = plain(1800, 64, 64)
    made = thumbnails.make_atlases(pictures)
    assert (made["width"], made["height"], made["columns"], made["rows"]) == (48, 48, 42, 42)
    opened = [Image.open(io.BytesIO(base64.b64decode(one.split(",")[1]))).convert("L") for one in made["atlases"]]
    assert [one.size for one in opened] == [(2016, 2016), (36 * 48, 48)]
    for face in (0, 41, 42, 1763, 1764, 1799):
        atlas, at = divmod(face, 42 * 42)
        middle = (at % 42 * 48 + 24, at // 42 * 48 + 24)
        assert abs(int(opened[atlas].getpixel(middle)) - int(pictures[face, 0, 0, 0])) <= 3  # type: ignore[arg-type]


def test_pictures_that_are_not_square_or_small_keep_their_shape() -> None:
    assert [thumbnails.make_atlases(plain(3, 80, 100))[key] for key in ("width", "height")] == [38, 48]
    assert [thumbnails.make_atlases(plain(3, 28, 28))[key] for key in ("width", "height")] == [28, 28]


def test_a_sprite_is_near_square_exact_and_never_larger_than_tensorboard_takes() -> None:
    pictures = plain(7, 32, 32)
    image, size = thumbnails.make_sprite(pictures)
    assert (size, image.size) == ((32, 32), (96, 96))
    assert [np.asarray(image)[row * 32, column * 32, 0] for row in range(3) for column in range(3)][:7] == list(
        pictures[:, 0, 0, 0]
    )
    assert thumbnails.make_sprite(plain(70_000, 8, 8))[0].size[0] <= thumbnails.MAX_SPRITE_SIDE
