from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from facesmith.tasks.gan.recipe import GAN_RECIPES
from facesmith.training.gan_losses import accuracies, discriminator_loss, generator_loss, gradient_penalty

REAL, FAKE = torch.tensor([0.3, -1.2, 2.0]), torch.tensor([-0.4, 0.9, 0.1])


def test_bce_is_torchs_cross_entropy_against_the_recipes_labels() -> None:
    recipe = GAN_RECIPES["celebrity"].changed(real_label=0.9)
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
