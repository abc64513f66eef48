"""From any photo to the pictures a model works on: faces found, aligned and cut as the model's dataset holds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.images.align import HEIGHT, WIDTH, Floats, Picture, after, align, alignment, scaled, turning
from facesmith.images.decode import BadPicture, Box, Frame, decode, framed, parse_frame
from facesmith.images.find_faces import Face, find_faces, photo_name, read_photo

FRAME = "celeba-178x218"
LEAST_DETAIL = 8  # a face of an eighth of the model's resolution would be more invented than seen


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """A picture as a model's dataset would hold it, and where in the photo it is from."""

    picture: Picture  # uint8, (H, W, 3)
    face: Face | None  # None where no face was looked for
    transform: (
        Floats  # (2, 3): from pixels of the upright photo to those of `picture`; the first pixel's middle is 0, 0
    )


def cut_faces(
    photo: str | Path | bytes | Picture,
    data: dict[str, Any],
    *,
    faces: str | Sequence[Face] = "largest",
    aligned: bool = False,
) -> list[FaceCrop]:
    """Cut the faces of a photo as the dataset with the card ``data`` has its own; at least one.

    For a dataset of CelebA, or one imported with ``align``, faces are found and aligned: the ``"largest"``, ``"all"``
    of them from left to right, or one by its number from the left, ``"0"``, ``"1"``, ...; faces that `find_faces` has
    found in the photo are not looked for again. A photo that is 178 x 218, or said to be ``aligned``, goes straight
    through the dataset's crop and resize, and so does any photo for other datasets; one of the model's own size is
    taken as it is.

    Raises `FacesmithError` for a photo that cannot be read or is smaller than the crop, one without a face, and a face
    too small or a number that is not there.
    """
    if isinstance(faces, str) and faces not in ("largest", "all") and not faces.isdecimal():
        raise FacesmithError(
            f"faces {faces!r} is no choice: write largest, all, or a number from the left, 0 the first"
        )
    width, height = data["size"]
    frame = parse_frame(f"{width}x{height}", data["crop"], data["resize"])
    picture = read_photo(photo)
    seen = picture.shape[1], picture.shape[0]
    try:
        if seen == (frame.width, frame.height):
            return [FaceCrop(picture, None, scaled(1))]
        if not of_faces(data):
            file = None if isinstance(photo, np.ndarray) else photo
            return [_part(picture, frame, frame.box(*seen), file)]
        if aligned or seen == (WIDTH, HEIGHT):
            return [_part(picture, frame, _aligned_box(frame, *seen))]
        found = find_faces(picture) if isinstance(faces, str) else list(faces)
        if isinstance(faces, str) or not found:
            found = chosen(found, str(faces), photo_name(photo))
        large = [face for face in found if not too_small(face, frame)]
        if not large:
            raise FacesmithError(
                f"{photo_name(photo)} has too small a face, its eyes are {found[0].eye_distance:.0f} pixels apart: "
                f"take a larger photo of it"
            )
        original = "alignment" not in data
        return [cut_face(picture, face, frame, original) for face in large]
    except BadPicture as bad:
        raise FacesmithError(f"{photo_name(photo)} cannot be used, it is {bad}: take another photo") from None


def of_faces(data: dict[str, Any]) -> bool:
    """Whether the pictures of the dataset with this card are aligned photos of faces."""
    return "alignment" in data or data["source"]["kind"] == "celeba"


def chosen(found: list[Face], faces: str, name: str) -> list[Face]:
    """The faces that are asked for, or `FacesmithError` where there is none such in the photo ``name``."""
    if not found:
        raise FacesmithError(
            f"{name} shows no face that is found: take a photo that shows one from the front, or say that it is aligned"
        )
    if faces == "largest":
        return found[:1]
    in_row = from_the_left(found)
    if faces == "all":
        return in_row
    if int(faces) >= len(found):
        has = "one face, and its number is 0" if len(found) == 1 else f"{len(found)} faces, 0 to {len(found) - 1}"
        raise FacesmithError(f"{name} has no face {int(faces)}: it has {has}, counted from the left")
    return [in_row[int(faces)]]


def from_the_left(found: list[Face]) -> list[Face]:
    return sorted(found, key=lambda face: face.box[0] + face.box[2] / 2)


def too_small(face: Face, frame: Frame) -> bool:
    """Whether a photo shows a face with less than an eighth of the resolution that its cut has."""
    turn = after(cut_matrix(frame, frame.box(WIDTH, HEIGHT)), alignment(face))
    return bool(np.hypot(turn[0, 0], turn[1, 0]) > LEAST_DETAIL)


def cut_face(picture: Picture, face: Face, frame: Frame, original: bool = False) -> FaceCrop:
    """Align one face and take the frame's crop of it; `BadPicture` where the crop is larger than CelebA's frame.

    Where the crop is smaller than the result the face is aligned into a larger frame, so that nothing the photo shows
    is lost, unless ``original`` asks for CelebA's own resolution.
    """
    box = frame.box(WIDTH, HEIGHT)
    wanted = max(frame.width / (box[2] - box[0]), frame.height / (box[3] - box[1]))
    zoom = 1 if original else max(1, int(np.ceil(wanted)))
    left, top, right, bottom = (zoom * side for side in box)
    pixels = framed(align(picture, face, zoom), frame, (left, top, right, bottom))
    return FaceCrop(pixels, face, after(cut_matrix(frame, box), alignment(face)))


def _part(picture: Picture, frame: Frame, box: Box, file: str | Path | bytes | None = None) -> FaceCrop:
    """A part of the photo, without looking for a face; a file is decoded as an import decodes it, to the same bits."""
    encoded = file if isinstance(file, bytes) else str(file)
    pixels = framed(picture, frame, box) if file is None else decode(encoded, frame)
    return FaceCrop(pixels, None, cut_matrix(frame, box))


def _aligned_box(frame: Frame, width: int, height: int) -> Box:
    """The crop in an aligned photo: CelebA's frame at any size, or, of another shape, its largest middle part."""
    if abs(width * HEIGHT / (height * WIDTH) - 1) > 0.01:
        return Frame(frame.width, frame.height, "fit", frame.resize).box(width, height)
    left, top, right, bottom = frame.box(WIDTH, HEIGHT)
    across, down = width / WIDTH, height / HEIGHT
    return left * across, top * down, right * across, bottom * down


def cut_matrix(frame: Frame, box: Box) -> NDArray[np.float64]:
    """From the pixels of a picture to those of its part ``box`` resized to the frame."""
    left, top, right, bottom = box
    return after(scaled(frame.width / (right - left), frame.height / (bottom - top)), turning(1, complex(-left, -top)))
