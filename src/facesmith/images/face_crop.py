"""Crop the faces of any photo the way a dataset was cropped: find, align, crop and resize; and the region of a face."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.arrays import Booleans, Doubles, ImageArray
from facesmith.errors import FacesmithError, ImageError
from facesmith.images.align import (
    HEIGHT,
    TEMPLATE,
    WIDTH,
    align,
    alignment_matrix,
    compose,
    invert,
    scale_matrix,
    similarity_matrix,
)
from facesmith.images.crop import Box, CropSpec, card_crop_spec
from facesmith.images.decode import crop_and_resize, decode, photo_name, read_photo
from facesmith.images.faces import Face, find_faces, sort_left_to_right

# The distance of the ellipse's centre below the eyes, and its half axes along and across the face, fitted by hand to
# example faces. The unit is the distance between the eyes or, for a turned head, from their middle to the mouth.
CENTRE_BELOW_EYES, HALF_HEIGHT, HALF_WIDTH = 0.4, 1.4, 1.05
MAX_ENLARGEMENT = 8  # a face enlarged more than this would be mostly invented


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """A face, cropped like a model's dataset, and its position in the photo."""

    image: ImageArray
    face: Face | None  # None if the photo was taken as it is, without detection
    transform: Doubles  # (2, 3): from pixels of the upright photo to pixels of `image`


def crop_faces(
    photo: str | Path | bytes | ImageArray,
    card: dict[str, Any],
    *,
    faces: str | Sequence[Face] = "largest",
    aligned: bool = False,
) -> list[FaceCrop]:
    """Crop the faces of a photo like those of the dataset with this card. Returns at least one.

    For a dataset of aligned faces, faces are found and aligned: the ``"largest"``, ``"all"`` from left to right, or one
    by its number from the left, ``"0"``, ``"1"``, ... Faces that `find_faces` returned for this photo are not searched
    again. A photo of 178 x 218 pixels, or one that is declared ``aligned``, is only cropped and resized, as is every
    photo for a dataset without aligned faces. A photo of the model's size is used unchanged.

    Raises `FacesmithError` for a photo that cannot be read, is smaller than the crop or shows no such face, and for a
    face that is too small.
    """
    check_face_choice(faces if isinstance(faces, str) else "all")
    spec = card_crop_spec(card)
    image = read_photo(photo)
    width, height = image.shape[1], image.shape[0]
    try:
        only_crop = None
        if (width, height) == (spec.width, spec.height):
            only_crop = FaceCrop(image, None, scale_matrix(1))
        elif not has_aligned_faces(card):
            file = None if isinstance(photo, np.ndarray) else photo
            only_crop = _crop_part(image, spec, spec.box(width, height), file)
        elif aligned or (width, height) == (WIDTH, HEIGHT):
            only_crop = _crop_part(image, spec, _aligned_box(spec, width, height))
        if only_crop is not None:
            _check_number(str(faces), 1, photo_name(photo))
            return [only_crop]
        selected = find_faces(image) if isinstance(faces, str) else list(faces)
        if isinstance(faces, str) or not selected:
            selected = select_faces(selected, str(faces), photo_name(photo))
        large = [face for face in selected if not is_too_small(face, spec)]
        if not large:
            raise FacesmithError(
                f"{photo_name(photo)} contains only a small face (eyes {selected[0].eye_distance:.0f} pixels "
                "apart): use a photo with a larger face"
            )
        at_celeba_resolution = "alignment" not in card
        return [crop_face(image, face, spec, at_celeba_resolution) for face in large]
    except ImageError as error:
        raise FacesmithError(f"{photo_name(photo)} cannot be used ({error}): use a different photo") from None


def has_aligned_faces(card: dict[str, Any]) -> bool:
    """Return whether the images of the dataset with this card are aligned faces."""
    return "alignment" in card or card["source"]["kind"] == "celeba"


def check_face_choice(faces: str) -> None:
    if faces not in ("largest", "all") and not faces.isdecimal():
        raise FacesmithError(
            f"invalid face {faces!r}: expected largest, all, or a number counted from the left, starting at 0"
        )


def select_faces(faces: list[Face], choice: str, photo: str) -> list[Face]:
    """Select faces by ``choice``, or raise `FacesmithError` that names the photo; ``faces`` start with the largest."""
    if not faces:
        raise FacesmithError(
            f"no face was found in {photo}: use a photo that shows a face from the front, or an aligned one with "
            "--aligned (aligned=True)"
        )
    if choice == "largest":
        return faces[:1]
    ordered = sort_left_to_right(faces)
    if choice == "all":
        return ordered
    _check_number(choice, len(faces), photo)
    return [ordered[int(choice)]]


def _check_number(choice: str, count: int, photo: str) -> None:
    """Raise `FacesmithError` for the number of a face that a photo with ``count`` faces does not have."""
    if choice.isdecimal() and int(choice) >= count:
        numbers = "0, its only face" if count == 1 else f"0 to {count - 1}, counted from the left"
        raise FacesmithError(f"{photo} has no face {int(choice)}: choose {numbers}")


def is_too_small(face: Face, spec: CropSpec) -> bool:
    """Return whether the crop of this face would enlarge it more than eight times."""
    matrix = compose(crop_matrix(spec, spec.box(WIDTH, HEIGHT)), alignment_matrix(face.landmarks))
    return bool(np.hypot(matrix[0, 0], matrix[1, 0]) > MAX_ENLARGEMENT)


def crop_face(image: ImageArray, face: Face, spec: CropSpec, at_celeba_resolution: bool = False) -> FaceCrop:
    """Align one face, and crop and resize it; `ImageError` if the crop is larger than CelebA's frame.

    If the result is larger than its part of CelebA's frame, the face is aligned into a larger frame, so that no detail
    of the photo is lost, unless ``at_celeba_resolution``.
    """
    box = spec.box(WIDTH, HEIGHT)
    enlargement = max(spec.width / (box[2] - box[0]), spec.height / (box[3] - box[1]))
    zoom = 1 if at_celeba_resolution else max(1, int(np.ceil(enlargement)))
    left, top, right, bottom = (zoom * side for side in box)
    pixels = crop_and_resize(align(image, face.landmarks, zoom), spec, (left, top, right, bottom))
    return FaceCrop(pixels, face, compose(crop_matrix(spec, box), alignment_matrix(face.landmarks)))


def crop_matrix(spec: CropSpec, box: Box) -> Doubles:
    """Return the matrix from the pixels of an image to those of its part ``box``, resized as specified."""
    left, top, right, bottom = box
    scale = scale_matrix(spec.width / (right - left), spec.height / (bottom - top))
    return compose(scale, similarity_matrix(1, complex(-left, -top)))


def face_region(points: Doubles, transform: Doubles, size: tuple[int, int]) -> Booleans:
    """Return which pixels (H, W) of a crop of ``size`` (width, height) show the face.

    ``points`` (3, 2) are the eye on the left, the eye on the right and the mouth, in pixels of the photo; ``transform``
    (2, 3) maps these to pixels of the crop.
    """
    width, height = size
    y, x = np.mgrid[:height, :width]
    inverse = np.array([1, 1j]) @ invert(transform)
    pixels = x * inverse[0] + y * inverse[1] + inverse[2]
    left, right, mouth = points @ (1, 1j)
    eyes = (left + right) / 2
    face = (pixels - eyes) / (mouth - eyes) * abs(mouth - eyes) / max(abs(right - left), abs(mouth - eyes))
    return np.asarray(((face.real - CENTRE_BELOW_EYES) / HALF_HEIGHT) ** 2 + (face.imag / HALF_WIDTH) ** 2 <= 1)


def aligned_face_region(card: dict[str, Any]) -> Booleans | None:
    """Return `face_region` for the aligned faces of the dataset with this card, or None if they are not aligned."""
    if not has_aligned_faces(card):
        return None
    spec = card_crop_spec(card)
    return face_region(TEMPLATE, crop_matrix(spec, spec.box(WIDTH, HEIGHT)), (spec.width, spec.height))


def _crop_part(image: ImageArray, spec: CropSpec, box: Box, file: str | Path | bytes | None = None) -> FaceCrop:
    """Crop a part of the photo without detection. A ``file`` is decoded again, to the same bits as by an import."""
    if file is None:
        pixels = crop_and_resize(image, spec, box)
    else:
        pixels = decode(file if isinstance(file, bytes) else str(file), spec)
    return FaceCrop(pixels, None, crop_matrix(spec, box))


def _aligned_box(spec: CropSpec, width: int, height: int) -> Box:
    """Return the crop in an aligned photo: in CelebA's frame at any size, else the largest centred part."""
    if abs(width * HEIGHT / (height * WIDTH) - 1) > 0.01:
        return CropSpec(spec.width, spec.height, "fit", spec.resize).box(width, height)
    left, top, right, bottom = spec.box(WIDTH, HEIGHT)
    x, y = width / WIDTH, height / HEIGHT
    return left * x, top * y, right * x, bottom * y
