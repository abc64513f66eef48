import pytest
import torch
from torch import Tensor

from facesmith.training.augmentation import augment


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 8, height: int = 16, width: int = 24) -> Tensor:
    x = torch.rand(count, 3, height, width, generator=rng(9)) * 2 - 1
    return x.to(memory_format=torch.channels_last)


def equal_pairs(a: Tensor, b: Tensor) -> list[bool]:
    return [torch.equal(x, y) for x, y in zip(a, b, strict=True)]


@pytest.mark.parametrize("strength", [0.0, torch.tensor(0.0)])
def test_strength_zero_returns_the_input_exactly(strength: float | Tensor) -> None:
    x = pictures()
    assert torch.equal(augment(x, strength, rng()), x)


@pytest.mark.parametrize("shape", [(16, 24), (64, 64), (37, 61), (28, 28)])
def test_augmentation_keeps_shape_order_and_type(shape: tuple[int, int]) -> None:
    x = pictures(4, *shape)
    for x_variant in (x, x.contiguous(), x.bfloat16()):
        augmented = augment(x_variant, 1.0, rng())
        assert augmented.shape == x.shape
        assert augmented.dtype == torch.float32
        assert augmented.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(augment(x, 1.0, rng()), augment(x.contiguous(), 1.0, rng()))


def test_draws_do_not_depend_on_the_strength() -> None:
    x = pictures()
    assert torch.equal(augment(x, 1.0, rng(3)), augment(x, 1.0, rng(3)))
    assert not torch.equal(augment(x, 1.0, rng(3)), augment(x, 1.0, rng(4)))
    states = []
    for strength in (0.0, 0.4, 1.0):
        draws = rng(3)
        augment(x, strength, draws)
        states.append(draws.get_state())
    assert torch.equal(states[0], states[1])
    assert torch.equal(states[0], states[2])


def test_strength_is_the_independent_probability_of_each_kind() -> None:
    x = pictures(4000, 16, 16)
    for strength in (0.3, torch.tensor(0.3)):
        share = sum(equal_pairs(augment(x, strength, rng()), x)) / len(x)
        # A margin of 2 gives 25 movements, and one of them is zero.
        assert share == pytest.approx(0.7 * (0.7 + 0.3 / 25) * 0.7, abs=0.03)


def test_colour_then_box_then_movement_follow_the_paper() -> None:
    """Each pixel is 0, or a pixel up to an eighth away, recoloured with one b, s and k per image."""
    x = pictures(1, 16, 16)
    for seed in range(20):
        augmented = augment(x, 1.0, rng(seed))[0]
        draws = rng(seed)
        torch.rand(3, 1, 1, 1, 1, generator=draws)
        b, s, k = (v.item() for v in torch.rand(3, 1, 1, 1, 1, generator=draws))
        down, right = (int(torch.randint(0, 5, (1, 1, 1, 1), generator=draws).item()) - 2 for _ in range(2))
        top, left = (int(torch.randint(0, 17, (1, 1, 1, 1), generator=draws).item()) - 4 for _ in range(2))
        recoloured = x[0] + (b - 0.5)
        recoloured = (recoloured - recoloured.mean(0)) * (2 * s) + recoloured.mean(0)
        recoloured = (recoloured - recoloured.mean()) * (k + 0.5) + recoloured.mean()
        expected = torch.zeros(3, 16, 16)
        for row in range(16):
            for column in range(16):
                in_box = top <= row < top + 8 and left <= column < left + 8
                if not in_box and 0 <= row - down < 16 and 0 <= column - right < 16:
                    expected[:, row, column] = recoloured[:, row - down, column - right]
        assert torch.allclose(augmented, expected, atol=1e-5)


def test_first_and_second_gradients_are_correct() -> None:
    x = pictures(3, 8, 16).double()

    def squared(values: Tensor) -> Tensor:
        return augment(values, 1.0, rng(1)).double().square().sum((1, 2, 3))

    # The augmentation is affine in x, so finite differences are exact except for rounding.
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(squared(x).sum(), x, create_graph=True)
    direction = torch.randn(x.shape, generator=rng(2), dtype=torch.float64)
    with torch.no_grad():
        slope = (squared(x + direction) - squared(x - direction)).sum() / 2
        bend = (squared(x + direction) - 2 * squared(x) + squared(x - direction)).sum()
    assert (gradient * direction).sum().item() == pytest.approx(slope.item(), rel=1e-4)
    (second,) = torch.autograd.grad((gradient * direction).sum(), x)
    assert (second * direction).sum().item() == pytest.approx(bend.item(), rel=1e-4)


def test_autocast_does_not_round_to_bfloat16() -> None:
    x = pictures()
    with torch.autocast("cpu", torch.bfloat16):
        inside = augment(x, 1.0, rng())
    assert torch.equal(inside, augment(x, 1.0, rng()))
