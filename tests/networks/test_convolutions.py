"""The fast layers against torch's own, in every form they take."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from facesmith.networks.convolutions import Conv, ConvTranspose, filters, no_weight_gradients, tiles, untile

# (in, out, height, width): below and above the width from which Winograd's form is used, RGB ends, odd sides.
SHAPES = [(3, 8, 16, 16), (8, 3, 16, 12), (16, 24, 8, 8), (128, 128, 8, 8), (128, 160, 8, 12), (128, 128, 9, 8)]


def pair(transposed: bool, before: int, after: int, bias: bool = True) -> tuple[nn.Module, nn.Module]:
    ours = (ConvTranspose if transposed else Conv)(before, after, 4, 2, 1, bias=bias)
    plain = (nn.ConvTranspose2d if transposed else nn.Conv2d)(before, after, 4, 2, 1, bias=bias)
    plain.load_state_dict(ours.state_dict())
    return ours, plain


def gradients(net: nn.Module, x: Tensor, bfloat16: bool) -> list[Tensor]:
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        y = net(x).float()
    return [y, *torch.autograd.grad(y.square().sum(), [x, *net.parameters()])]


@pytest.mark.parametrize(("shape", "transposed"), [*product(SHAPES, [False, True])])
def test_values_and_gradients_are_the_ordinary_layers_within_bfloat16(
    shape: tuple[int, int, int, int], transposed: bool
) -> None:
    before, after, height, width = shape
    ours, plain = pair(transposed, before, after)
    x = torch.randn(3, before, height, width).to(memory_format=torch.channels_last)
    for got, exact in zip(gradients(ours, x, True), gradients(plain, x, False), strict=True):
        assert got.shape == exact.shape
        assert ((got - exact).norm() / exact.norm()).item() < 0.02


@pytest.mark.parametrize("transposed", [False, True])
def test_outside_bfloat16_training_they_are_the_ordinary_layers_to_the_bit(transposed: bool) -> None:
    ours, plain = pair(transposed, 128, 128)
    x = torch.randn(2, 128, 8, 8)
    assert torch.equal(ours(x), plain(x))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(ours(x), plain(x))


def test_winograds_form_is_exact_arithmetic() -> None:
    """In float64 the tiles, products and sums give the convolution itself."""
    conv = nn.Conv2d(6, 5, 4, 2, 1, bias=False).double()
    x = torch.randn(2, 6, 8, 12).double()
    with torch.no_grad():
        made = untile(tiles(x.permute(0, 2, 3, 1).contiguous()) @ filters(conv.weight).mT, 2, 4, 6)
    assert torch.allclose(made.permute(0, 3, 1, 2), conv(x), atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 8, 16, 16), (128, 128, 8, 8)])
def test_the_gradient_of_a_gradient_penalty_is_the_ordinary_one(shape: tuple[int, int, int, int]) -> None:
    before, after, height, width = shape
    ours, plain = pair(False, before, after, bias=False)
    x = torch.randn(3, before, height, width).to(memory_format=torch.channels_last)
    found = []
    for net, bfloat16 in ((ours, True), (plain, False)):
        images = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16), no_weight_gradients():
            logits = net(images).float().square().sum((1, 2, 3))
            (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        found.append(torch.autograd.grad(gradient.float().square().sum(), list(net.parameters()))[0])
    assert ((found[0] - found[1]).norm() / found[1].norm()).item() < 0.03


def test_training_twice_gives_the_same_bits() -> None:
    ours, _ = pair(False, 128, 128)
    x = torch.randn(4, 128, 8, 8)
    assert all(torch.equal(a, b) for a, b in zip(gradients(ours, x, True), gradients(ours, x, True), strict=True))
