import numpy as np

from facesmith.images.align import TEMPLATE, WIDTH
from facesmith.images.face_region import aligned_face_region, face_region
from facesmith.images.geometry import scale_matrix

CELEBA = {"source": {"kind": "celeba"}, "crop": "box:49,90,80,100", "resize": "lanczos", "size": [80, 100]}


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
    tight = aligned_face_region(CELEBA)
    assert tight is not None
    assert tight.shape == (100, 80)
    large = aligned_face_region(CELEBA | {"size": [160, 200]})
    assert large is not None
    assert abs(large.mean() - tight.mean()) < 0.01
    wide = aligned_face_region(CELEBA | {"crop": "center:178", "size": [64, 64]})
    assert wide is not None
    assert wide.mean() < tight.mean() / 2
    assert aligned_face_region(CELEBA | {"source": {"kind": "folder"}}) is None
