import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.metrics.scores import score_key
from facesmith.metrics.scoring import BLOCK, Scorer


@pytest.fixture(scope="module")
def dataset(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(shutil.copytree(builtin_dataset.path, tmp_path_factory.mktemp("scoring") / "faces"))


def test_worse_faces_score_worse(dataset: Dataset) -> None:
    scorer = Scorer(dataset, count=40, seed=1)
    requests: list[tuple[int, int]] = []
    noise = np.random.default_rng(0).integers(-40, 40, dataset.images.shape)

    def draw(start: int, count: int, strength: float = 0) -> np.ndarray:
        requests.append((start, count))
        faces = dataset.images[start : start + count] + strength * noise[start : start + count]
        return np.asarray(faces.clip(0, 255), np.uint8)

    good = scorer.score(draw)
    assert requests == [(0, BLOCK), (BLOCK, 40 - BLOCK)]
    worse, worst = (scorer.score(partial(draw, strength=strength)) for strength in (0.3, 1))
    assert good["fid"] < worse["fid"] < worst["fid"]
    assert good["kid"] < worse["kid"] < worst["kid"]
    assert scorer.score(draw) == good
    assert set(good) == {"fid", "kid", "kid_spread", "diversity"}


def test_one_repeated_face_has_no_diversity(dataset: Dataset) -> None:
    scorer = Scorer(dataset, count=12)
    assert scorer.score(lambda start, count: dataset.images[[0] * count])["diversity"] < 1e-3


def test_a_small_dataset_is_used_completely(dataset: Dataset, tmp_path: Path) -> None:
    small_dataset = Dataset(tmp_path, dataset.card, dataset.images[:16])
    assert Scorer(small_dataset, count=1000).count == 16


def test_ranking_prefers_low_kid_and_puts_low_diversity_last() -> None:
    good, worse, grey = {"kid": 0.1, "diversity": 0.9}, {"kid": 0.2, "diversity": 0.8}, {"kid": 0.01, "diversity": 0.1}
    assert sorted([grey, worse, good], key=score_key) == [good, worse, grey]
