import numpy as np
import pytest

from facesmith import FacesmithError
from facesmith.latent.class_statistics import ClassStatistics
from facesmith.latent.direction_solver import DAMPING, solve_moves

NAMES = ["Beard", "Male", "Smiling"]
TRUTH = np.zeros((3, 8))
TRUTH[0, :2], TRUTH[1, 1], TRUTH[2, 5] = (1, 1), 2, 1.5  # a beard is half of it what makes a man


@pytest.fixture(scope="module")
def moments() -> ClassStatistics:
    """A linear world: labels are drawn by log-odds along known directions of Gaussian latents."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((20_000, 8))
    labels = rng.random((20_000, 3)) < 1 / (1 + np.exp(-2 * z @ TRUTH.T))
    moves = ClassStatistics(8, 3)
    moves.add(z.astype(np.float32), labels.astype(np.float32))
    return moves


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_strength_1_is_the_class_distance_for_every_kind(moments: ClassStatistics) -> None:
    for orthogonal_to in ((), ("Male",), ("Male", "Smiling")):
        moves, normals = solve_moves(moments, NAMES, orthogonal_to)
        for kind, move in moves.items():
            assert np.allclose((move * normals).sum(1), 1), kind


def test_the_known_directions_are_recovered(moments: ClassStatistics) -> None:
    moves, normals = solve_moves(moments, NAMES)
    for row in range(3):
        assert cosine(normals[row], TRUTH[row]) > 0.99
        assert cosine(moves["mean"][row], TRUTH[row]) > 0.99
        assert cosine(moves["boundary"][row], normals[row]) == pytest.approx(1)
    without, with_it = moments.means()
    assert np.array_equal(moves["mean"], with_it - without)


def test_orthogonal_moves_do_not_change_the_named_attributes(moments: ClassStatistics) -> None:
    moves, normals = solve_moves(moments, NAMES, ("Male",))
    drift = moves["orthogonal"] @ normals[1]
    assert drift[[0, 2]] == pytest.approx([0, 0], abs=1e-9)
    assert drift[1] == pytest.approx(1), "an attribute is not kept from itself"
    assert abs(moves["boundary"][0] @ normals[1]) > 0.3, "there was something to take away"
    everything = solve_moves(moments, NAMES, NAMES)[0]["orthogonal"]
    assert np.allclose(everything @ normals.T, np.eye(3), atol=1e-9)


def test_orthogonal_moves_reduce_drift_and_stay_short(moments: ClassStatistics) -> None:
    moves, normals = solve_moves(moments, NAMES)
    banned = solve_moves(moments, NAMES, NAMES)[0]["orthogonal"]
    drift = {kind: np.abs(move @ normals.T)[~np.eye(3, dtype=bool)].mean() for kind, move in moves.items()}
    assert drift["orthogonal"] < 0.9 * drift["boundary"]
    assert np.linalg.norm(moves["orthogonal"][0]) < np.linalg.norm(banned[0])
    others = moments.weights()[1:]

    def price(move: np.ndarray) -> float:
        return float(move @ move + DAMPING * ((others @ move) ** 2).sum())

    optimum = price(moves["orthogonal"][0])
    rng = np.random.default_rng(2)
    for _ in range(20):
        nudge = rng.standard_normal(8) * 0.01
        nudge -= normals[0] * (nudge @ normals[0]) / (normals[0] @ normals[0])
        assert price(moves["orthogonal"][0] + nudge) > optimum


def test_opposite_attributes_are_refused_only_if_orthogonal() -> None:
    rng = np.random.default_rng(1)
    z = rng.standard_normal((4000, 5)).astype(np.float32)
    labels = np.stack([z[:, 0] > 0, z[:, 0] < 0, z[:, 1] > 0], 1).astype(np.float32)
    moments = ClassStatistics(5, 3)
    moments.add(z, labels)
    names = ["Beard", "No_Beard", "Smiling"]
    moves, _ = solve_moves(moments, names)
    assert np.isfinite(moves["orthogonal"]).all()
    assert np.linalg.norm(moves["orthogonal"][0]) < 1.1 * np.linalg.norm(moves["boundary"][0])
    with pytest.raises(FacesmithError, match="changes No_Beard without changing Beard"):
        solve_moves(moments, names, ("Beard",))
