import re
from pathlib import Path

import pytest

from facesmith import FacesmithError
from facesmith.latent.face_refs import FaceRef, parse_face_ref

PHOTO_ID = "kq3Yh0aBcDeFgHiJkLmN-_"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("seed:7", FaceRef("seed:7", "seed", seed=7)),
        ("SEED:7:3", FaceRef("seed:7:3", "seed", seed=7, index=3)),
        ("seed:7:3:0.7", FaceRef("seed:7:3:0.7", "seed", seed=7, index=3, truncation=0.7)),
        ("seed:7:3:0", FaceRef("seed:7:3:0", "seed", seed=7, index=3, truncation=0.0)),
        (f"photo:{PHOTO_ID}", FaceRef(f"photo:{PHOTO_ID}", "photo", photo_id=PHOTO_ID)),
        ("a/latents.npz", FaceRef("a/latents.npz", "latents", path=Path("a/latents.npz"))),
        ("a/latents.NPZ:5", FaceRef("a/latents.NPZ:5", "latents", path=Path("a/latents.NPZ"), row=5)),
        ("a/holiday.jpg", FaceRef("a/holiday.jpg", "file", path=Path("a/holiday.jpg"))),
        ("C:/holiday.jpg", FaceRef("C:/holiday.jpg", "file", path=Path("C:/holiday.jpg"))),
    ],
)
def test_every_form_of_a_reference_is_parsed(text: str, ref: FaceRef) -> None:
    assert parse_face_ref(text) == ref


@pytest.mark.parametrize(
    "text",
    ["", "seed:", "seed:-1", "seed:x:1", "seed:1:2:3", "seed:1:2:2.5", "seed:1:2:0.7:1", "seed:1:", "photo:short",
     "latents.npz:", "latents.npz:-1", "latents.npz:x"],
)  # fmt: skip
def test_an_invalid_reference_is_quoted_with_the_grammar(text: str) -> None:
    with pytest.raises(FacesmithError, match="seed:SEED") as error:
        parse_face_ref(text)
    assert repr(text) in str(error.value)


def test_the_http_pattern_accepts_seeds_and_photos_only() -> None:
    for text in ("seed:7:3:0.7", f"photo:{PHOTO_ID}"):
        assert re.fullmatch(FaceRef.HTTP_PATTERN, text)
    for text in ("holiday.jpg", "latents.npz:2", "seed:x", f"photo:{PHOTO_ID}x"):
        assert not re.fullmatch(FaceRef.HTTP_PATTERN, text)
