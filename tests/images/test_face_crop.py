"""Cutting: which face is taken, what is looked for at all, and where a cut lies in its photo."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError
from facesmith.images.align import (
    HEIGHT,
    TEMPLATE,
    WIDTH,
    alignment_matrix,
    fit_similarity,
    invert,
    scale_matrix,
    similarity_matrix,
)
from facesmith.images.crop import parse_crop_spec
from facesmith.images.decode import crop_and_resize, decode, decode_full_size
from facesmith.images.face_crop import aligned_face_region, crop_face, crop_faces, face_region
from facesmith.images.faces import Face, find_faces

FACES: dict[str, Any] = {"size": [64, 64], "crop": "center:178", "resize": "lanczos", "source": {"kind": "celeba"}}
FOLDER: dict[str, Any] = {**FACES, "crop": "fit", "source": {"kind": "folder"}}
ALIGNED: dict[str, Any] = {**FACES, "source": {"kind": "folder"}, "alignment": {"frame": "celeba-178x218"}}


def ramp(width: int, height: int) -> np.ndarray:
    """A picture whose red is x and whose green is y, as parts of 255."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 / (width - 1), y * 255 / (height - 1), 0 * x], 2).round().astype(np.uint8)


def position_error(picture: np.ndarray, transform: np.ndarray, crop: np.ndarray) -> float:
    """How many pixels of ``picture``, a ramp, a cut lies from where its transform says, at the worst inner place."""
    height, width = crop.shape[:2]
    y, x = np.mgrid[4 : height - 4, 4 : width - 4]
    source_points = np.stack([x.ravel(), y.ravel()], 1) @ invert(transform)[:, :2].T + invert(transform)[:, 2]
    expected = source_points * 255 / (np.array(picture.shape[1::-1]) - 1)
    return float(np.abs(crop[y, x, :2].reshape(-1, 2) - expected).max() * max(picture.shape) / 255)


def face_at(matrix: np.ndarray) -> Face:
    eye, other, mouth = TEMPLATE @ matrix[:, :2].T + matrix[:, 2]
    return Face((0, 0, 1, 1), np.array([eye, other, mouth, mouth, mouth], np.float32), 1.0)


@pytest.mark.parametrize(("size", "crop"), [("64", "center:178"), ("32x48", "fit"), ("256", "center:140")])
def test_the_crop_transform_locates_every_pixel(size: str, crop: str) -> None:
    picture, frame = ramp(900, 800), parse_crop_spec(size, crop, "lanczos")
    cut = crop_face(picture, face_at(similarity_matrix(2 * np.exp(0.5j), 300 + 100j)), frame)
    assert cut.image.shape == (frame.height, frame.width, 3)
    assert position_error(picture, cut.transform, cut.image) < 6  # a level of the ramp is 3.5 pixels


def test_a_crop_of_a_celeba_photo_equals_the_dataset_image() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (218, 178, 3), dtype=np.uint8)
    cropped = crop_face(photo, face_at(similarity_matrix(1, 0)), parse_crop_spec("64", "center:178", "lanczos")).image
    imported = crop_and_resize(photo, parse_crop_spec("64", "center:178", "lanczos"))
    assert np.abs(cropped.astype(int) - imported).max() <= 1


def test_large_crops_keep_detail_unless_celeba_resolution_is_set() -> None:
    """Stripes that CelebA's frame cannot hold are there in a cut of twice its size."""
    stripes = np.zeros((1200, 1200, 3), np.uint8)
    stripes[:, ::3] = stripes[:, 1::3] = 255
    face, frame = face_at(similarity_matrix(3, 100 + 50j)), parse_crop_spec("356", "center:178", "lanczos")
    assert crop_face(stripes, face, frame).image[100:200, 100:200].std() > 50
    assert crop_face(stripes, face, frame, at_celeba_resolution=True).image[100:200, 100:200].std() < 10


def test_faces_are_selected_by_size_or_position(group: Path) -> None:
    (largest,) = crop_faces(group, FACES)
    crops = crop_faces(group, FACES, faces="all")
    middles = [cut.face.box[0] + cut.face.box[2] / 2 for cut in crops if cut.face]
    assert middles == sorted(middles)
    assert len(middles) == 3
    assert (largest.image == crops[1].image).all()
    assert (crop_faces(group, FACES, faces="2")[0].image == crops[2].image).all()
    faces = [cut.face for cut in crops[::-1] if cut.face]
    repeated = crop_faces(group, FACES, faces=faces)  # in the order that they were given in
    assert all((crop.image == other.image).all() for crop, other in zip(repeated, crops[::-1], strict=True))
    with pytest.raises(FacesmithError, match="no face was found in"):
        crop_faces(group, FACES, faces=[])
    with pytest.raises(FacesmithError, match=r"group.png has no face 3: .* 0 to 2"):
        crop_faces(group, FACES, faces="3")
    with pytest.raises(FacesmithError, match="invalid face"):
        crop_faces(group, FACES, faces="second")


def test_a_crop_transform_aligns_the_landmarks(group: Path) -> None:
    """The transform carries the landmarks to where CelebA's photos have them."""
    for cut in crop_faces(group, ALIGNED, faces="all"):
        assert cut.face is not None
        carried = cut.face.landmarks @ cut.transform[:, :2].T + cut.transform[:, 2]
        eyes = (TEMPLATE[:2] + 0.5 - (0, 20)) * 64 / 178 - 0.5
        assert carried[:2] == pytest.approx(eyes, abs=2.5)


def test_a_photo_without_a_large_enough_face_is_refused(drawn_faces: list[Any]) -> None:
    with pytest.raises(FacesmithError, match="no face was found in the photo"):
        crop_faces(np.full((300, 300, 3), 99, np.uint8), FACES)
    tall = {**FACES, "size": [1024, 1024]}
    small = np.asarray(Image.fromarray(drawn_faces[2]).resize((110, 110), Image.Resampling.LANCZOS))
    photo = np.pad(small, ((60, 60), (60, 60), (0, 0)), mode="edge")
    assert len(crop_faces(photo, FACES)) == 1
    with pytest.raises(FacesmithError, match="small face .eyes 2. pixels apart"):
        crop_faces(photo, tall)


def test_a_photo_that_is_only_cropped_has_one_face() -> None:
    photo = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    assert len(crop_faces(photo, FACES, faces="0")) == 1
    with pytest.raises(FacesmithError, match="has no face 1: choose 0, its only face"):
        crop_faces(photo, FACES, faces="1")


def test_aligned_photos_are_not_searched() -> None:
    frame = parse_crop_spec("64", "center:178", "lanczos")
    photo = np.random.default_rng(0).integers(0, 256, (218, 178, 3), dtype=np.uint8)
    (cut,) = crop_faces(photo, FACES)
    assert cut.face is None
    assert (cut.image == crop_and_resize(photo, frame)).all()
    patch = photo[:64, :64]
    assert (crop_faces(patch, FACES)[0].image == patch).all()
    double = ramp(356, 436)
    (cut,) = crop_faces(double, FACES, aligned=True)
    assert position_error(double, cut.transform, cut.image) < 3
    assert cut.transform[0, 0] == pytest.approx(64 / 356)
    (cut,) = crop_faces(ramp(300, 200), FACES, aligned=True)
    assert position_error(ramp(300, 200), cut.transform, cut.image) < 3


def test_models_of_other_datasets_use_their_own_crop(
    builtin_dataset: Dataset, drawn_faces: list[Any], tmp_path: Path
) -> None:
    Image.fromarray(np.pad(drawn_faces[0], ((0, 0), (20, 80), (0, 0)))).save(tmp_path / "wide.jpg")
    (cut,) = crop_faces(tmp_path / "wide.jpg", FOLDER)
    assert cut.face is None
    assert (cut.image == decode(str(tmp_path / "wide.jpg"), parse_crop_spec("64", "fit", "lanczos"))).all()
    picture = ramp(500, 300)
    (cut,) = crop_faces(picture, FOLDER)
    assert position_error(picture, cut.transform, cut.image) < 3
    assert crop_faces(drawn_faces[0], builtin_dataset.card)[0].image.shape == (32, 32, 3)
    with pytest.raises(FacesmithError, match="cannot be used .smaller than the crop"):
        crop_faces(np.zeros((100, 100, 3), np.uint8), {**FOLDER, "crop": "center:178"})


def test_alignment_reproduces_the_celeba_frame(celeba_root: Path) -> None:
    """Photos of CelebA, put tilted, larger and elsewhere into another one, come back to where they were."""
    import cv2

    errors = []
    for number, path in enumerate(sorted((celeba_root / "img_align_celeba").iterdir())[:8]):
        photo = decode_full_size(str(path))
        rotation = 1.5 * np.exp(1j * np.deg2rad(45 * number))
        placement = similarity_matrix(rotation, 300 + 350j - rotation * (88.5 + 108.5j))
        larger = np.asarray(cv2.warpAffine(photo, placement, (600, 700), borderValue=(128, 128, 128)), np.uint8)
        matrix = alignment_matrix(find_faces(larger)[0].landmarks)
        expected = TEMPLATE @ placement[:, :2].T + placement[:, 2]
        errors.append(np.hypot(*(expected @ matrix[:, :2].T + matrix[:, 2] - TEMPLATE).T).mean())
    assert np.median(errors) < 4
    assert max(errors) < 15


def test_the_template_maps_to_itself() -> None:
    assert fit_similarity(TEMPLATE, TEMPLATE) == pytest.approx(similarity_matrix(1, 0))


CELEBA_CARD = {"source": {"kind": "celeba"}, "crop": "box:49,90,80,100", "resize": "lanczos", "size": [80, 100]}


def test_the_face_region_surrounds_eyes_and_mouth() -> None:
    size, identity = (WIDTH, 218), scale_matrix(1)
    region = face_region(TEMPLATE, identity, size)
    for across, down in TEMPLATE.round().astype(int):
        assert region[down, across]
    middle = TEMPLATE[:, 0].mean()
    down, across = np.nonzero(region)
    assert abs(across.mean() - middle) < 2
    assert TEMPLATE[2, 1] < down.max() < 200, "its chin is below its mouth"
    assert 60 < down.min() < TEMPLATE[:2, 1].min(), "its forehead above its eyes"
    turned = face_region(TEMPLATE @ np.array([[0, 1], [-1, 0]]) + [218, 0], identity, (218, WIDTH))
    assert abs(turned.sum() / region.sum() - 1) < 0.01, "a lying head is as large"


def test_the_aligned_face_region_follows_the_crop() -> None:
    tight = aligned_face_region(CELEBA_CARD)
    assert tight is not None
    assert tight.shape == (100, 80)
    large = aligned_face_region(CELEBA_CARD | {"size": [160, 200]})
    assert large is not None
    assert abs(large.mean() - tight.mean()) < 0.01
    wide = aligned_face_region(CELEBA_CARD | {"crop": "center:178", "size": [64, 64]})
    assert wide is not None
    assert wide.mean() < tight.mean() / 2
    assert aligned_face_region(CELEBA_CARD | {"source": {"kind": "folder"}}) is None
