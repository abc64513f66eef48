import numpy as np
import pytest

from facesmith.data.dataset import Dataset
from facesmith.metrics.memorisation import Memorisation, memorisation
from facesmith.metrics.memorisation_sheet import ROWS, memorisation_sheet
from facesmith.metrics.reference import Reference

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def training(builtin_dataset: Dataset) -> tuple[Dataset, Reference]:
    """The last 200 pictures with features that we choose: rows and positions are not the same."""
    rows = np.arange(56, 256)
    return builtin_dataset, Reference(rows, RNG.standard_normal((200, 8)).astype(np.float32))


def _compare(training: tuple[Dataset, Reference], generated: np.ndarray, real: np.ndarray) -> Memorisation:
    dataset, reference = training
    return memorisation(generated, real, np.zeros((len(real), 32, 32, 3), np.uint8), dataset, reference)


def test_copies_of_training_faces_are_reported(training: tuple[Dataset, Reference]) -> None:
    dataset, reference = training
    real = RNG.standard_normal((300, 8)).astype(np.float32)
    generated = RNG.standard_normal((100, 8)).astype(np.float32)
    generated[40:60] = reference.features[100:120] + np.float32(1e-3)
    result = _compare(training, generated, real)
    assert 0.2 <= result.share < 0.25
    assert "some may be copies" in result.sentence(dataset)
    first = result.generated.first(20)
    assert set(first) == set(range(40, 60))
    assert np.array_equal(result.generated.rows[first, 0], first - 40 + 100 + 56)
    assert (np.diff(result.generated.distances, axis=1) >= 0).all()


def test_faces_distributed_as_real_ones_are_not_suspicious(training: tuple[Dataset, Reference]) -> None:
    result = _compare(training, *RNG.standard_normal((2, 1000, 8)).astype(np.float32))
    assert result.share < 0.03
    assert result.shared == 0
    assert "no sign of memorised faces" in result.sentence(training[0])
    assert "held-out" in result.sentence(training[0])


def test_a_real_training_face_is_not_its_own_neighbour(training: tuple[Dataset, Reference]) -> None:
    dataset, reference = training
    result = memorisation(reference.features, reference.features, dataset.images[reference.rows], dataset, reference)
    assert result.shared == 200
    assert result.real.distances.min() > 0
    assert (result.real.rows != reference.rows[:, None]).all()
    assert result.share == 1, "what was generated is no real face, and may not be let off"
    assert "held-out" not in result.sentence(dataset)


def test_the_sheet_shows_each_face_with_its_neighbours(training: tuple[Dataset, Reference]) -> None:
    dataset, reference = training
    result = _compare(
        training, reference.features[:20] + np.float32(1e-3), RNG.standard_normal((50, 8)).astype(np.float32)
    )
    order = result.generated.first(ROWS)
    red, green = (np.full((ROWS, 32, 32, 3), colour, np.uint8) for colour in ([255, 0, 0], [0, 255, 0]))
    picture = np.asarray(memorisation_sheet(result, red, green, dataset.images))
    assert (picture == [255, 0, 0]).all(axis=2).sum() == (picture == [0, 255, 0]).all(axis=2).sum() == ROWS * 96 * 96
    top, left = np.argwhere((picture == [255, 0, 0]).all(axis=2)).min(axis=0)
    neighbour_area = picture[top : top + 96, left + 96 :]
    nearest = dataset.images[result.generated.rows[order[0], 0]]
    small = neighbour_area[:, 36 : 36 + 96].reshape(32, 3, 32, 3, 3).mean((1, 3))
    assert np.abs(small - nearest).mean() < 12, "the nearest training face stands beside the most suspicious one"
