import numpy as np
import pytest

import facesmith
from facesmith import FacesmithError, Model
from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_mask


def test_the_likeliest_attributes_come_first_with_all_that_is_known(directed_model: Model) -> None:
    (one,) = facesmith.describe(directed_model, ["seed:5"], quiet=True)
    assert one["face"] == "seed:5"
    found = one["attributes"]
    assert len(found) == 5
    likely = [attribute["probability"] for attribute in found]
    assert likely == sorted(likely, reverse=True)
    directions, z = directed_model.directions, directed_model.latents(1, seed=5)
    everything = directions.probabilities(z)[0]
    assert likely == pytest.approx(sorted(everything, reverse=True)[:5])
    for attribute in found:
        row = directions.names.index(attribute["name"])
        assert attribute["lift"] == pytest.approx(attribute["probability"] / attribute["rate"], rel=1e-5)
        assert attribute["score"] == pytest.approx(directions.scores(z)[0, row], abs=1e-5)
        assert attribute["rate"] == pytest.approx(directions.rates[row])


def test_what_is_special_comes_first_by_lift(directed_model: Model) -> None:
    (one,) = facesmith.describe(directed_model, ["seed:5"], by="lift", top=3, quiet=True)
    lifts = [attribute["lift"] for attribute in one["attributes"]]
    assert len(lifts) == 3
    assert lifts == sorted(lifts, reverse=True)


def test_true_attributes_are_named_far_more_often_than_by_chance(
    directed_model: Model, builtin_dataset: Dataset
) -> None:
    """On faces that made no direction: what is named first is there more often than what is usual."""
    apart = held_out_mask(builtin_dataset)
    names, labels = builtin_dataset.attributes, builtin_dataset.attribute_values()
    pictures = list(builtin_dataset.images[apart])
    found = facesmith.describe(directed_model, pictures, by="lift", top=1, quiet=True)
    named = [names.index(one["attributes"][0]["name"]) for one in found]
    right = labels[apart][np.arange(len(named)), named].mean()
    usual = labels[:, [names.index(name) for name in directed_model.directions.names]].mean()
    assert right > 2 * usual


def test_what_cannot_be_asked_is_one_sentence(directed_model: Model) -> None:
    with pytest.raises(FacesmithError, match="probability or lift"):
        facesmith.describe(directed_model, ["seed:5"], by="beauty")
    with pytest.raises(FacesmithError, match="at least 1"):
        facesmith.describe(directed_model, ["seed:5"], top=0)
