import copy
from dataclasses import replace
from typing import Any

import pytest
import torch

from facesmith.training.recipes import RECIPES, Recipe
from facesmith.training.step import set_up, train_step

CPU = torch.device("cpu")


def small(name: str, **changes: Any) -> Recipe:
    return replace(
        RECIPES[name], generator_width=4, discriminator_width=4, device="cpu", precision="float32",
        memory_format="channels_last", batch_size=8, **changes,
    )  # fmt: skip


def test_the_discriminator_learns_to_tell_a_fixed_generator_from_the_truth() -> None:
    recipe = replace(small("celebrity"), learning_rate=1e-3)
    players = set_up(recipe, (16, 16), CPU)
    real = torch.linspace(-1, 1, 16).expand(8, 3, 16, 16).contiguous()
    measured = {}
    for step in range(30):
        frozen = copy.deepcopy(players.G.state_dict())
        measured = train_step(players, real.clone(), torch.randn(8, 100), recipe, step, step * 8)
        players.G.load_state_dict(frozen)
    assert measured["accuracy_real"] == 1
    assert measured["accuracy_fake"] == 1


@pytest.mark.parametrize("name", RECIPES)
def test_both_players_move_and_leave_no_gradient_of_d_to_g(name: str) -> None:
    recipe = small(name)
    players = set_up(recipe, (16, 16), CPU)
    before = copy.deepcopy((players.G.state_dict(), players.D.state_dict()))
    measured = train_step(players, torch.randn(8, 3, 16, 16), torch.randn(8, recipe.latent_size), recipe, 0, 0)
    assert all(torch.isfinite(value) for value in measured.values())
    for net, old in zip((players.G, players.D), before, strict=True):
        still = {key for key, p in net.named_parameters() if torch.equal(p, old[key])}
        assert still <= {"judge.bias"}, "only what every logit shares, a pairing loss cannot see"
        assert all(p.requires_grad for p in net.parameters())


def test_one_step_of_the_classic_recipe_is_the_plain_loop() -> None:
    """The same update as the textbook's three backward passes, written out."""
    recipe = small("celebrity")
    players, plain = set_up(recipe, (16, 16), CPU), set_up(recipe, (16, 16), CPU)
    real, z = torch.randn(8, 3, 16, 16), torch.randn(8, 100)
    train_step(players, real.clone(), z, recipe, 0, 0)

    bce, ones, zeros = torch.nn.functional.binary_cross_entropy_with_logits, torch.ones(8), torch.zeros(8)
    bce(plain.D(real), ones).backward()
    fake = plain.G(z)
    bce(plain.D(fake.detach()), zeros).backward()
    plain.optimizer_D.step()
    plain.G.zero_grad()
    bce(plain.D(fake), ones).backward()
    plain.optimizer_G.step()
    for ours, theirs in zip(players.G.parameters(), plain.G.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=2e-6)
    for ours, theirs in zip(players.D.parameters(), plain.D.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=2e-6)


def test_penalties_fall_on_every_kth_step() -> None:
    recipe = small("tiny")
    players = set_up(recipe, (16, 16), CPU)
    keys = [
        train_step(players, torch.randn(8, 3, 16, 16), torch.randn(8, 64), recipe, i, i * 8).keys() for i in range(5)
    ]
    assert ["r1" in k for k in keys] == [True, False, False, False, True]


def test_the_average_lags_behind_and_reaches_a_standing_generator() -> None:
    recipe = small("tiny", ema_kimg=0.05, learning_rate=0.0)
    players = set_up(recipe, (16, 16), CPU)
    with torch.no_grad():
        for p in players.G.parameters():
            p.add_(1.0)
    gaps = []
    for step in range(40):
        train_step(players, torch.randn(8, 3, 16, 16), torch.randn(8, 64), recipe, step, step * 8)
        gaps.append((players.average.project.weight - players.G.project.weight).abs().max().item())
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 0.01


def test_bfloat16_stays_close_to_float32() -> None:
    real, z = torch.randn(8, 3, 16, 16), torch.randn(8, 64)
    losses = []
    for precision in ("float32", "bfloat16"):
        recipe = replace(small("tiny"), precision=precision)
        losses.append(train_step(set_up(recipe, (16, 16), CPU), real.clone(), z, recipe, 0, 0))
    for name in ("loss_D", "loss_G"):
        assert losses[0][name].item() == pytest.approx(losses[1][name].item(), abs=0.02)
