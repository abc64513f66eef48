import math
from dataclasses import replace

import numpy as np
import pytest

from facesmith import FacesmithError, Model
from facesmith.latent.faces import generate_images
from facesmith.models.directions import KINDS


def test_strength_1_changes_the_score_by_1_for_every_kind(directed_model: Model) -> None:
    directions, z = replace(directed_model.directions, radius=math.inf), directed_model.latents(5, seed=1)
    for kind in KINDS:
        for name in directions.names:
            for strength in (1, -2.5):
                row = directions.names.index(name)
                gained = directions.scores(directions.apply(z, {name: strength}, kind)) - directions.scores(z)
                assert gained[:, row] == pytest.approx(strength, abs=1e-3)


def test_changes_add_up_and_do_not_modify_the_latents(directed_model: Model) -> None:
    directions, z = directed_model.directions, directed_model.latents(3, seed=2)
    original = z.copy()
    a, b = directions.names[:2]
    changed = directions.apply(z, {a: 1, b: -0.5})
    assert np.allclose(changed - z, directions.vector(a) - 0.5 * directions.vector(b), atol=1e-5)
    assert np.array_equal(z, original)
    assert np.array_equal(directions.apply(z, {}), z)
    assert directions.apply(z[0], {a: 1}).shape == z[0].shape


def test_attribute_names_are_case_insensitive(directed_model: Model) -> None:
    directions = directed_model.directions
    assert directions.find("blond hair") == directions.find("BLOND_HAIR") == "Blond_Hair"
    with pytest.raises(FacesmithError, match="did you mean Blond_Hair"):
        directions.find("Blondhair")
    with pytest.raises(FacesmithError, match="'qqqq': choose one of .*Blond_Hair"):
        directions.find("qqqq")


@pytest.mark.parametrize("strength", [21, -21, float("nan"), float("inf")])
def test_an_invalid_strength_or_kind_is_refused(directed_model: Model, strength: float) -> None:
    with pytest.raises(FacesmithError, match="expected -20 to 20"):
        directed_model.directions.apply(directed_model.latents(1), {"Blond_Hair": strength})
    with pytest.raises(FacesmithError, match="invalid kind of direction .*: expected best, mean, boundary, orthogonal"):
        directed_model.directions.vector("Blond_Hair", "median")


def test_an_edit_is_visible_to_the_encoder(directed_model: Model) -> None:
    """The edit shows in the picture: encoded again it scores as it was asked to."""
    directions = directed_model.directions
    z = directed_model.encode(directed_model.sample(32, seed=3))
    for name in ("Eyeglasses", "Blond_Hair"):
        row = directions.names.index(name)
        encoded = directed_model.encode(
            generate_images(directed_model, directions.apply(z, {name: 1}, "mean"), quiet=True)
        )
        gained = (directions.scores(encoded) - directions.scores(z))[:, row]
        assert gained.mean() == pytest.approx(1, abs=0.25)
        assert directions.probabilities(encoded)[:, row].mean() > directions.probabilities(z)[:, row].mean() + 0.1


def test_changes_end_at_the_radius_of_the_latents(directed_model: Model) -> None:
    name, z = directed_model.directions.names[0], directed_model.latents(6, seed=4)
    move = directed_model.directions.vector(name)
    lengths = np.linalg.norm(z, axis=1)
    radius = float(lengths.max()) + 0.5 * float(np.linalg.norm(move))
    directions = replace(directed_model.directions, radius=radius)
    assert directions.reach(z, {name: 0.4}) == pytest.approx(1)
    reach = directions.reach(z, {name: 15})
    changed = directions.apply(z, {name: 15})
    assert (reach < 1).all()
    assert np.linalg.norm(changed, axis=1) == pytest.approx(radius, rel=1e-5)
    assert np.allclose(changed, z + 15 * reach[:, None] * move, atol=1e-4)
    small = replace(directions, radius=float(lengths.min()) / 2)
    for strength in (1, -1):  # longer latents do not become longer
        assert (np.linalg.norm(small.apply(z, {name: strength}), axis=1) <= lengths + 1e-4).all()
    assert directions.reach(z, {}) == pytest.approx(1)


def test_edits_of_the_label_change_only_the_input_and_stay_in_range(directed_model: Model) -> None:
    a, b = directed_model.directions.names[:2]
    columns = {a: 22, b: 23}
    directions, z = replace(directed_model.directions, labels=columns), directed_model.latents(3, seed=5)
    z[:, 22:] = 0
    assert "label" in directions.kinds
    assert "label" not in directed_model.directions.kinds
    changed = directions.apply(z, {a: 0.25, b: -3}, "label")
    assert np.array_equal(changed[:, :22], z[:, :22])
    assert np.allclose(changed[:, 22:], [[0.5, -1]])
    other = directed_model.directions.names[2]
    best = replace(directions, about=directions.about | {"best": {a: "label"}})
    one_by_one = directions.apply(directions.apply(z, {other: 1}, "orthogonal"), {a: 0.25}, "label")
    assert np.allclose(best.apply(z, {a: 0.25, other: 1}), one_by_one)
    with pytest.raises(FacesmithError, match=other):
        directions.apply(z, {other: 1}, "label")
