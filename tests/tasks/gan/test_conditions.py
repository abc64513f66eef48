from collections.abc import Callable

import numpy as np
import pytest
import torch

from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError
from facesmith.tasks.gan.conditions import balance, draw_conditions, known_conditions
from facesmith.tasks.gan.recipes import GAN_RECIPES, GANRecipe
from facesmith.tasks.gan.step import new_state, train_step
from facesmith.training.adversarial_losses import conditional_logits

CPU = torch.device("cpu")


def recipe(**changes: object) -> GANRecipe:
    return GAN_RECIPES["tiny"].with_values(batch_size=1000, **changes)


def test_conditions_follow_the_labels_of_the_dataset(labelled: Dataset) -> None:
    name = labelled.attributes[1]
    known = known_conditions(recipe(attributes=name), labelled)[:, 0].numpy()
    truth = labelled.attribute_values()[:, 1]
    assert set(known[truth == 1]) <= {1.0}
    assert set(known[truth == 0]) <= {-1.0}
    with pytest.raises(FacesmithError, match="Smilling"):
        known_conditions(recipe(attributes="Smilling"), labelled)


def test_images_with_rare_values_are_repeated() -> None:
    conditions = torch.ones(100, 1)
    conditions[:4] = -1
    repeats = np.bincount(balance(conditions, np.arange(100), seed=0))
    assert repeats[4:].tolist() == [1] * 96
    assert repeats[:4].min() >= 3
    assert repeats[:4].max() <= 4


def test_some_conditions_are_left_open() -> None:
    conditions, rows = torch.ones(50, 4), np.arange(50)
    settings = recipe(attributes="a,b,c,d", open_attributes=0.25)
    y = draw_conditions(conditions, rows, settings, 0, CPU, 3)
    assert torch.equal(y, draw_conditions(conditions, rows, settings, 0, CPU, 3))
    given = y.sum(1)
    assert (given == 0).float().mean().item() == pytest.approx(0.25, abs=0.1)
    assert (given == 4).float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert 0 < y.mean(0).min() < 1


def test_a_condition_changes_the_logits() -> None:
    outputs = torch.tensor([[1.0, 2.0, 3.0]])
    assert conditional_logits(outputs, torch.tensor([[1.0, -1.0]])).tolist() == [0.0]
    assert conditional_logits(outputs, torch.zeros(1, 2)).tolist() == [1.0]


@pytest.mark.parametrize("name", ["tiny", "portrait", "small", "base", "dcgan64"])
def test_every_family_learns_with_conditions(name: str, narrow: Callable[..., GANRecipe]) -> None:
    settings = narrow(name, attributes="Male,Smiling")
    state = new_state(settings, (16, 16), CPU)
    weight = state.nets["D"].get_parameter("head.weight")
    before = weight.detach().clone()
    z = torch.randn(8, settings.latent_size + 2)
    metrics = train_step(state, torch.rand(8, 3, 16, 16), z, settings, 0, 0)
    assert all(torch.isfinite(value) for value in metrics.values())
    assert all(not torch.equal(new, old) for new, old in zip(weight, before, strict=True)), "one row per output"
