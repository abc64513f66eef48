import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.training.adversarial_losses import (
    GRID,
    accuracies,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    nearest_distance,
)

REAL, FAKE = torch.tensor([0.3, -1.2, 2.0]), torch.tensor([-0.4, 0.9, 0.1])


def test_bce_is_torchs_cross_entropy_against_the_recipes_labels() -> None:
    recipe = GAN_RECIPES["celebrity"].with_values(real_label=0.9)
    expected = F.binary_cross_entropy_with_logits(REAL, torch.full((3,), 0.9))
    expected += F.binary_cross_entropy_with_logits(FAKE, torch.zeros(3))
    assert discriminator_loss(REAL, FAKE, recipe).item() == pytest.approx(expected.item())
    assert generator_loss(REAL, FAKE, recipe).item() == pytest.approx(
        F.binary_cross_entropy_with_logits(FAKE, torch.ones(3)).item()
    )


def test_digits_gan_averages_ds_loss_and_labels_g_above_one() -> None:
    recipe = GAN_RECIPES["dcgan64"]
    total = discriminator_loss(REAL, FAKE, replace(recipe, average_losses=False))
    assert discriminator_loss(REAL, FAKE, recipe).item() == pytest.approx(total.item() / 2)
    assert generator_loss(REAL, FAKE, recipe).item() == pytest.approx((F.softplus(FAKE) - 1.1 * FAKE).mean().item())


def test_rpgan_compares_pairs_and_ignores_a_constant() -> None:
    recipe = GAN_RECIPES["tiny"]
    expected = torch.log1p(torch.exp(FAKE - REAL)).mean()
    assert discriminator_loss(REAL, FAKE, recipe).item() == pytest.approx(expected.item())
    assert discriminator_loss(REAL + 5, FAKE + 5, recipe).item() == pytest.approx(expected.item())
    assert generator_loss(REAL, FAKE, recipe).item() == pytest.approx(discriminator_loss(FAKE, REAL, recipe).item())


def test_the_penalty_of_a_linear_critic_is_its_squared_weight() -> None:
    weight = torch.randn(3 * 4 * 4, requires_grad=True)
    pictures = torch.randn(5, 3, 4, 4, requires_grad=True)
    penalty = gradient_penalty(pictures.flatten(1) @ weight, pictures)
    assert penalty.item() == pytest.approx(weight.square().sum().item(), rel=1e-5)
    penalty.backward()
    assert weight.grad is not None
    assert torch.allclose(weight.grad, 2 * weight)


def test_accuracies_are_shares_on_the_right_side() -> None:
    real, fake = accuracies(REAL, FAKE, GAN_RECIPES["celebrity"])
    assert real.item() == pytest.approx(2 / 3)
    assert fake.item() == pytest.approx(1 / 3)


def test_accuracy_of_a_pairing_critic_ignores_a_constant() -> None:
    for shift in (0.0, 50.0, -50.0):
        real, fake = accuracies(REAL + shift, FAKE + shift, GAN_RECIPES["tiny"])
        assert real.item() == pytest.approx(2 / 3)  # the line is at 0.283: 0.3 and 2.0 are above it
        assert fake.item() == pytest.approx(2 / 3)


def test_identical_images_have_distance_zero() -> None:
    assert nearest_distance(torch.rand(1, 3, 16, 16).expand(8, -1, -1, -1)).item() == pytest.approx(0, abs=1e-3)


def test_few_modes_have_distance_zero() -> None:
    modes = torch.stack([torch.full((3, 16, 16), value) for value in (-1.0, 0.0, 1.0)])
    assert nearest_distance(modes.repeat(4, 1, 1, 1)).item() == pytest.approx(0, abs=1e-3)


def test_distance_of_grey_images() -> None:
    """Return images of one value each; the nearest image differs by ``gap`` in each of its 3 x 8 x 8 means."""
    gap = 0.1
    pictures = torch.stack([torch.full((3, 32, 24), gap * number) for number in range(9)])
    assert nearest_distance(pictures).item() == pytest.approx(gap * math.sqrt(3 * GRID**2), rel=1e-4)


def test_distance_grows_with_difference_and_ignores_texture() -> None:
    faces = torch.rand(16, 3, 1, 1).expand(-1, -1, 32, 32)
    checks = (torch.arange(32)[:, None] + torch.arange(32)) % 2 * 2.0 - 1  # every mean over a cell is 0
    grainy = torch.rand(16, 1, 1, 1) * checks
    values = [nearest_distance(faces * scale).item() for scale in (0.0, 0.25, 0.5, 1.0)]
    assert all(before < after for before, after in pairwise(values))
    assert nearest_distance(grainy).item() == pytest.approx(0, abs=1e-3)
