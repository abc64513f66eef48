import numpy as np
import pytest

import facesmith
from facesmith import FacesmithError, Model
from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_mask


def test_describe_lists_the_most_likely_attributes_first(directed_model: Model) -> None:
    (one,) = facesmith.describe(directed_model, ["seed:5"], quiet=True)
    assert one["face"] == "seed:5"
    described = one["attributes"]
    assert len(described) == 5
    likely = [attribute["probability"] for attribute in described]
    assert likely == sorted(likely, reverse=True)
    directions, z = directed_model.directions, directed_model.latents(1, seed=5)
    encoded = directed_model.encode(directed_model.generate(z))  # they are fitted to encoded pictures
    everything = directions.probabilities(encoded)[0]
    assert likely == pytest.approx(sorted(everything, reverse=True)[:5])
    for attribute in described:
        row = directions.names.index(attribute["name"])
        assert attribute["lift"] == pytest.approx(attribute["probability"] / attribute["rate"], rel=1e-5)
        assert attribute["score"] == pytest.approx(directions.scores(encoded)[0, row], abs=1e-5)
        assert attribute["rate"] == pytest.approx(directions.rates[row])


def test_describe_by_lift_sorts_by_lift(directed_model: Model) -> None:
    (one,) = facesmith.describe(directed_model, ["seed:5"], by="lift", top=3, quiet=True)
    lifts = [attribute["lift"] for attribute in one["attributes"]]
    assert len(lifts) == 3
    assert lifts == sorted(lifts, reverse=True)


def test_described_attributes_are_right_more_often_than_chance(directed_model: Model, builtin_dataset: Dataset) -> None:
    """On faces that made no direction: what is named first is there more often than what is usual."""
    is_held_out = held_out_mask(builtin_dataset)
    names, labels = builtin_dataset.attributes, builtin_dataset.attribute_values()
    pictures = list(builtin_dataset.images[is_held_out])
    described = facesmith.describe(directed_model, pictures, by="lift", top=1, quiet=True)
    columns = [names.index(one["attributes"][0]["name"]) for one in described]
    hit_rate = labels[is_held_out][np.arange(len(columns)), columns].mean()
    usual = labels[:, [names.index(name) for name in directed_model.directions.names]].mean()
    assert hit_rate > 2 * usual


def test_invalid_arguments_of_describe_are_refused(directed_model: Model) -> None:
    with pytest.raises(FacesmithError, match="probability or lift"):
        facesmith.describe(directed_model, ["seed:5"], by="beauty")
    with pytest.raises(FacesmithError, match="at least 1"):
        facesmith.describe(directed_model, ["seed:5"], top=0)
