import re
from glob import has_magic
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from facesmith import FacesmithError, Model
from facesmith.files import exists
from facesmith.latent.face_refs import FaceRef, Mix, parse_face_ref
from facesmith.latent.faces import load_faces

PHOTO_ID = "kq3Yh0aBcDeFgHiJkLmN-_"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("seed:7", FaceRef("seed:7", "seed", seed=7)),
        ("SEED:7:3", FaceRef("seed:7:3", "seed", seed=7, index=3)),
        ("seed:7:3:0.7", FaceRef("seed:7:3:0.7", "seed", seed=7, index=3, truncation=0.7)),
        ("seed:7:3:0", FaceRef("seed:7:3:0", "seed", seed=7, index=3, truncation=0.0)),
        (
            "seed:7~9:4:30@Male@Young~1:0:100",
            FaceRef(
                "seed:7~9:4:30@male@young~1:0:100",
                "seed",
                seed=7,
                mixes=(Mix(9, 4, 30, ("male", "young")), Mix(1, 0, 100)),
            ),
        ),
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
    ["", "seed:", "seed:-1", "seed:x:1", "seed:1:2:3", "seed:1:2:2.5", "seed:1:2:0.7:1", "seed:1:", "seed:1~2:3",
     "seed:1~2:3:101", "seed:1" + 9 * "~1:1:1", "photo:short",
     "latents.npz:", "latents.npz:-1", "latents.npz:x"],
)  # fmt: skip
def test_an_invalid_reference_is_quoted_with_the_grammar(text: str) -> None:
    with pytest.raises(FacesmithError, match="seed:SEED") as error:
        parse_face_ref(text)
    assert repr(text) in str(error.value)


def test_the_http_pattern_accepts_seeds_and_photos_only() -> None:
    for text in ("seed:7:3:0.7", "seed:7~9:4:30@Male", f"photo:{PHOTO_ID}"):
        assert re.fullmatch(FaceRef.HTTP_PATTERN, text)
    for text in ("holiday.jpg", "latents.npz:2", "seed:x", f"photo:{PHOTO_ID}x"):
        assert not re.fullmatch(FaceRef.HTTP_PATTERN, text)


TRUNCATIONS = st.decimals(0, 2, places=6).map(lambda number: f"{number:f}")
SEEDS = st.tuples(st.integers(0, 10**18 - 1), st.integers(0, 10**9 - 1), TRUNCATIONS)
PARTS = st.sampled_from(
    ["seed", "SEED", "photo", ":", "7", "-1", "0.7", "2.000001", "٣", ".npz", ".NPZ", "a/b", " ", "\n", "\0", PHOTO_ID]
)
TEXTS = st.text() | st.lists(PARTS, max_size=8).map("".join)


@given(SEEDS, st.integers(1, 3), st.booleans())
def test_every_seed_has_a_reference(numbers: tuple[int, int, str], count: int, is_upper: bool) -> None:
    text = ":".join(["seed", *map(str, numbers[:count])])
    ref = parse_face_ref(text.upper() if is_upper else text)
    seed, index, truncation = (*numbers[:count], 0, 1)[:count] + (0, 0, 1)[count:]
    assert (ref.text, ref.kind, ref.seed, ref.index, ref.truncation) == (text, "seed", seed, index, float(truncation))
    assert re.fullmatch(FaceRef.HTTP_PATTERN, text)


@given(TEXTS)
def test_any_text_is_a_reference_or_an_error_that_quotes_it(text: str) -> None:
    try:
        ref = parse_face_ref(text)
    except FacesmithError as failure:
        message = str(failure)
    else:
        message = repr(text)
        assert parse_face_ref(ref.text) == ref
        assert ref.kind in ("seed", "photo") or not re.fullmatch(FaceRef.HTTP_PATTERN, text)
    assert repr(text) in message


@given(TEXTS)
@example("a" * 300)
@example("a" * 300 + ".npz:1")
@example("a" * 5000 + "/b.jpg")
@example("a\0b")
@example("\udcff.jpg")
def test_any_reference_is_loaded_or_refused(linear_model: Model, text: str) -> None:
    assume(not exists(Path(text)) and not has_magic(text))  # folders and patterns may lead to the files of this machine
    try:
        faces = load_faces(linear_model, [text], quiet=True)
    except FacesmithError:
        return
    assert len(faces) == 1
