"""Compare the fast layers with those of torch in every form."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from facesmith.networks.convolutions import (
    Conv,
    ConvTranspose,
    no_weight_gradients,
    transform_input,
    transform_output,
    transform_weight,
)

# (in, out, height, width): below and above the minimum width of the Winograd form, RGB ends, odd sides.
SHAPES = [(3, 8, 16, 16), (8, 3, 16, 12), (16, 24, 8, 8), (128, 128, 8, 8), (128, 160, 8, 12), (128, 128, 9, 8)]


def pair(transposed: bool, before: int, after: int, bias: bool = True) -> tuple[nn.Module, nn.Module]:
    fast = (ConvTranspose if transposed else Conv)(before, after, 4, 2, 1, bias=bias)
    plain = (nn.ConvTranspose2d if transposed else nn.Conv2d)(before, after, 4, 2, 1, bias=bias)
    plain.load_state_dict(fast.state_dict())
    return fast, plain


def gradients(net: nn.Module, x: Tensor, bfloat16: bool) -> list[Tensor]:
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        y = net(x).float()
    return [y, *torch.autograd.grad(y.square().sum(), [x, *net.parameters()])]


@pytest.mark.parametrize(("shape", "transposed"), [*product(SHAPES, [False, True])])
def test_values_and_gradients_match_torch_in_bfloat16(shape: tuple[int, int, int, int], transposed: bool) -> None:
    before, after, height, width = shape
    fast, plain = pair(transposed, before, after)
    x = torch.randn(3, before, height, width).to(memory_format=torch.channels_last)
    for actual, exact in zip(gradients(fast, x, True), gradients(plain, x, False), strict=True):
        assert actual.shape == exact.shape
        assert ((actual - exact).norm() / exact.norm()).item() < 0.02


@pytest.mark.parametrize("transposed", [False, True])
def test_outside_bfloat16_training_results_are_bit_exact(transposed: bool) -> None:
    fast, plain = pair(transposed, 128, 128)
    x = torch.randn(2, 128, 8, 8)
    assert torch.equal(fast(x), plain(x))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(fast(x), plain(x))


def test_the_winograd_form_is_exact_in_float64() -> None:
    """In float64, the tiles, products and sums equal the convolution."""
    conv = nn.Conv2d(6, 5, 4, 2, 1, bias=False).double()
    x = torch.randn(2, 6, 8, 12).double()
    with torch.no_grad():
        products = transform_input(x.permute(0, 2, 3, 1).contiguous()) @ transform_weight(conv.weight).mT
        result = transform_output(products, 2, 4, 6)
    assert torch.allclose(result.permute(0, 3, 1, 2), conv(x), atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 8, 16, 16), (128, 128, 8, 8)])
def test_gradient_penalties_have_the_same_gradients(shape: tuple[int, int, int, int]) -> None:
    before, after, height, width = shape
    fast, plain = pair(False, before, after, bias=False)
    x = torch.randn(3, before, height, width).to(memory_format=torch.channels_last)
    gradients_of_penalty = []
    for net, bfloat16 in ((fast, True), (plain, False)):
        images = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16), no_weight_gradients():
            logits = net(images).float().square().sum((1, 2, 3))
            (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        gradients_of_penalty.append(torch.autograd.grad(gradient.float().square().sum(), list(net.parameters()))[0])
    assert ((gradients_of_penalty[0] - gradients_of_penalty[1]).norm() / gradients_of_penalty[1].norm()).item() < 0.03


def test_gradients_are_reproducible() -> None:
    fast, _ = pair(False, 128, 128)
    x = torch.randn(4, 128, 8, 8)
    assert all(torch.equal(a, b) for a, b in zip(gradients(fast, x, True), gradients(fast, x, True), strict=True))
