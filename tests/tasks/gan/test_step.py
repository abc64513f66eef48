import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from facesmith.tasks.gan.recipes import GAN_RECIPES, GANRecipe
from facesmith.tasks.gan.step import new_state, on_device, run_step, step_scalars, step_variant, train_step

CPU = torch.device("cpu")
SIDES = {"mini28": 28, "artiface": 32}  # the smallest size, where it is not 16


def small(name: str, **changes: Any) -> GANRecipe:
    return GAN_RECIPES[name].with_values(generator_width=4, discriminator_width=4, device="cpu", precision="float32",
        memory_format="channels_last", batch_size=8, **changes,
    )  # fmt: skip


def test_the_discriminator_learns_against_a_fixed_generator() -> None:
    recipe = replace(small("celebrity"), learning_rate=1e-3)
    state = new_state(recipe, (16, 16), CPU)
    real = torch.linspace(-1, 1, 16).expand(8, 3, 16, 16).contiguous()
    metrics = {}
    for step in range(30):
        frozen = copy.deepcopy(state.nets["G"].state_dict())
        metrics = train_step(state, real.clone(), torch.randn(8, 100), recipe, step, step * 8)
        state.nets["G"].load_state_dict(frozen)
    assert metrics["accuracy_real"] == 1
    assert metrics["accuracy_fake"] == 1


@pytest.mark.parametrize("name", GAN_RECIPES)
def test_both_networks_learn_and_d_leaves_no_gradient_for_g(name: str) -> None:
    recipe = small(name)
    side = SIDES.get(name, 16)
    state = new_state(recipe, (side, side), CPU)
    before = copy.deepcopy((state.nets["G"].state_dict(), state.nets["D"].state_dict()))
    for step in range(3):  # weights before a residual block's zeros change only after the zeros
        real, z = torch.randn(8, 3, side, side), torch.randn(8, recipe.latent_size)
        metrics = train_step(state, real, z, recipe, step, step * 8)
        assert all(torch.isfinite(value) for value in metrics.values())
    for net, old in zip(state.nets.values(), before, strict=True):
        constant_names = {key for key, p in net.named_parameters() if torch.equal(p, old[key])}
        assert constant_names <= {"head.bias"}, "only what every logit shares, a pairing loss cannot see"
        assert all(p.requires_grad for p in net.parameters())


def test_a_step_never_waits_for_the_device() -> None:
    """On a GPU, that would wait for all pending work and prevent recording."""
    blocking_ops = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal"}

    class Blind(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            assert func._schema.name not in blocking_ops, func
            return func(*args, **(kwargs or {}))

    for name in GAN_RECIPES:
        recipe = replace(small(name), augment=0.5)
        side = SIDES.get(name, 16)
        state = new_state(recipe, (side, side), CPU)
        scalars, rng = on_device(step_scalars(recipe, 0), CPU), torch.Generator()
        with Blind():  # type: ignore[no-untyped-call]
            for d_step in (0, 1, None):
                real, z = torch.randn(8, 3, side, side), torch.randn(8, recipe.latent_size)
                run_step(state, real, z, recipe, step_variant(recipe, d_step), scalars, rng)


def test_scalars_on_the_device_equal_numbers() -> None:
    recipe = small("tiny", ema_kimg=0.05)
    state, on_device_state = new_state(recipe, (16, 16), CPU), new_state(recipe, (16, 16), CPU)
    real, z = torch.randn(8, 3, 16, 16), torch.randn(8, 64)
    variant, scalars = step_variant(recipe, 0), step_scalars(recipe, 0)
    run_step(state, real, z, recipe, variant, scalars)
    run_step(on_device_state, real, z, recipe, variant, on_device(scalars, CPU))
    for state_weight, device_weight in zip(state.ema.parameters(), on_device_state.ema.parameters(), strict=True):
        assert torch.allclose(state_weight, device_weight, atol=1e-7)


def test_a_scheduled_beta2_takes_few_values() -> None:
    assert step_variant(small("tiny", beta2=0.98765), 0).beta2 == 0.98765
    moving = [small("tiny", beta2=0.9 + 0.09 * i / 10_000, beta2_end=0.99) for i in range(10_001)]
    beta2_values = [step_variant(recipe, 0).beta2 for recipe in moving]
    assert len(set(beta2_values)) < 100
    assert beta2_values[0] == pytest.approx(0.9)
    assert beta2_values[-1] == pytest.approx(0.99)
    for recipe, beta2 in zip(moving, beta2_values, strict=True):
        assert 1 - beta2 == pytest.approx(1 - recipe.beta2, rel=0.051)


def test_one_step_of_celebrity_equals_the_textbook_loop() -> None:
    """The step equals the three backward passes of the textbook."""
    recipe = small("celebrity")
    state, plain = new_state(recipe, (16, 16), CPU), new_state(recipe, (16, 16), CPU)
    real, z = torch.randn(8, 3, 16, 16), torch.randn(8, 100)
    train_step(state, real.clone(), z, recipe, 0, 0)

    bce, real_labels, fake_labels = torch.nn.functional.binary_cross_entropy_with_logits, torch.ones(8), torch.zeros(8)
    bce(plain.nets["D"](real), real_labels).backward()
    fake = plain.nets["G"](z)
    bce(plain.nets["D"](fake.detach()), fake_labels).backward()
    plain.optimizers["D"].step()
    plain.nets["G"].zero_grad()
    bce(plain.nets["D"](fake), real_labels).backward()
    plain.optimizers["G"].step()
    for weight, expected in zip(state.nets["G"].parameters(), plain.nets["G"].parameters(), strict=True):
        assert torch.allclose(weight, expected, atol=2e-6)
    for weight, expected in zip(state.nets["D"].parameters(), plain.nets["D"].parameters(), strict=True):
        assert torch.allclose(weight, expected, atol=2e-6)


def test_penalties_fall_on_every_kth_step() -> None:
    recipe = small("tiny")
    state = new_state(recipe, (16, 16), CPU)
    keys = [train_step(state, torch.randn(8, 3, 16, 16), torch.randn(8, 64), recipe, i, i * 8).keys() for i in range(5)]
    assert ["r1" in k for k in keys] == [True, False, False, False, True]


def test_the_ema_approaches_a_constant_generator() -> None:
    recipe = small("tiny", ema_kimg=0.05, learning_rate=0.0)
    state = new_state(recipe, (16, 16), CPU)
    with torch.no_grad():
        for p in state.nets["G"].parameters():
            p.add_(1.0)
    gaps = []
    for step in range(40):
        train_step(state, torch.randn(8, 3, 16, 16), torch.randn(8, 64), recipe, step, step * 8)
        latest, average = (
            state.nets["G"].state_dict()["project.weight"],
            state.ema.state_dict()["project.weight"],
        )
        gaps.append((average - latest).abs().max().item())
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 0.01


def test_bfloat16_stays_close_to_float32() -> None:
    real, z = torch.randn(8, 3, 16, 16), torch.randn(8, 64)
    losses = []
    for precision in ("float32", "bfloat16"):
        recipe = replace(small("tiny"), precision=precision)
        losses.append(train_step(new_state(recipe, (16, 16), CPU), real.clone(), z, recipe, 0, 0))
    for name in ("loss_D", "loss_G"):
        assert losses[0][name].item() == pytest.approx(losses[1][name].item(), abs=0.02)


def test_the_memory_format_changes_rounding_only() -> None:
    """Fused Adam is wrong for a gradient with another memory order than its weight."""
    nets = []
    for memory_format in ("channels_last", "contiguous"):
        recipe = replace(small("tiny"), memory_format=memory_format)
        state = new_state(recipe, (16, 16), CPU)
        torch.manual_seed(0)
        for step in range(3):
            train_step(state, torch.randn(8, 3, 16, 16), torch.randn(8, 64), recipe, step, step * 8)
        nets.append((state.nets["G"].state_dict(), state.nets["D"].state_dict()))
    for first, second in zip(*nets, strict=True):
        for name in first:
            assert torch.allclose(first[name].float(), second[name].float(), atol=2e-4), name
