import numpy as np
import pytest

from facesmith import FacesmithError, Model
from facesmith.latent.faces import generate_images
from facesmith.models.directions import KINDS


def test_a_move_of_strength_1_changes_the_score_by_1_for_every_kind(directed_model: Model) -> None:
    directions, z = directed_model.directions, directed_model.latents(5, seed=1)
    for kind in KINDS:
        for name in directions.names:
            for strength in (1, -2.5):
                row = directions.names.index(name)
                gained = directions.scores(directions.apply(z, {name: strength}, kind)) - directions.scores(z)
                assert gained[:, row] == pytest.approx(strength, abs=1e-3)


def test_several_changes_add_up_and_the_latents_are_not_touched(directed_model: Model) -> None:
    directions, z = directed_model.directions, directed_model.latents(3, seed=2)
    kept = z.copy()
    a, b = directions.names[:2]
    both = directions.apply(z, {a: 1, b: -0.5})
    assert np.allclose(both - z, directions.vector(a) - 0.5 * directions.vector(b), atol=1e-5)
    assert np.array_equal(z, kept)
    assert np.array_equal(directions.apply(z, {}), z)
    assert directions.apply(z[0], {a: 1}).shape == z[0].shape


def test_names_are_found_whatever_their_capitals(directed_model: Model) -> None:
    directions = directed_model.directions
    assert directions.find("blond hair") == directions.find("BLOND_HAIR") == "Blond_Hair"
    with pytest.raises(FacesmithError, match="did you mean Blond_Hair"):
        directions.find("Blondhair")
    with pytest.raises(FacesmithError, match="no attribute 'qqqq': there are .*Blond_Hair"):
        directions.find("qqqq")


@pytest.mark.parametrize("strength", [21, -21, float("nan"), float("inf")])
def test_a_strength_that_is_none_is_one_sentence(directed_model: Model, strength: float) -> None:
    with pytest.raises(FacesmithError, match="expected -20 to 20"):
        directed_model.directions.apply(directed_model.latents(1), {"Blond_Hair": strength})
    with pytest.raises(FacesmithError, match="invalid kind of direction .*: expected mean, boundary, orthogonal"):
        directed_model.directions.vector("Blond_Hair", "median")


def test_glasses_on_a_face_are_seen_there(directed_model: Model) -> None:
    """The edit shows in the picture: encoded again it scores as it was asked to."""
    directions = directed_model.directions
    z = directed_model.encode(directed_model.sample(32, seed=3))
    for name in ("Eyeglasses", "Blond_Hair"):
        row = directions.names.index(name)
        seen = directed_model.encode(
            generate_images(directed_model, directions.apply(z, {name: 1}, "mean"), quiet=True)
        )
        gained = (directions.scores(seen) - directions.scores(z))[:, row]
        assert gained.mean() == pytest.approx(1, abs=0.25)
        assert directions.probabilities(seen)[:, row].mean() > directions.probabilities(z)[:, row].mean() + 0.1
