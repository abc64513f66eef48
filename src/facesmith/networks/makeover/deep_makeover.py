"""The networks of David Garcia's deep-makeover (docs/makeover.md): an image in, an image out.

Residual blocks (He et al., arXiv:1512.03385) with a bypass around every convolution, two poolings, and nearest
neighbours on the way up. All layers start near the identity, so an untrained network returns its input averaged over
4x4 pixels.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facesmith.networks.family_settings import DeepMakeoverConfig

ENCODER, DECODER, LAST = (24, 48), (96, 64), 48  # channels of G: down, up, at the end
DISCRIMINATOR = (32, 48, 96, 128)  # channels of D, the grid halved after each
RANGE = 1.1  # of G's output: a little outside of [-1, 1], so that black and white can be reached


class Generator(nn.Module):
    """Map images (N x 3 x H x W in [-1, 1]) and strengths (N x 1, from 0 to 1) to images (within ±1.1).

    Its convolutions have 593,603 weights and biases, as in deep-makeover; batch norm adds 488 shifts.
    """

    def __init__(self, config: DeepMakeoverConfig) -> None:
        super().__init__()
        (first, second), (third, fourth) = ENCODER, DECODER
        self.layers = nn.Sequential(
            Block(3, first), nn.AvgPool2d(2),
            Block(first, second), nn.AvgPool2d(2),
            Block(second, third), Block(third, third), nn.UpsamplingNearest2d(scale_factor=2),
            Block(third, fourth), Block(fourth, fourth), nn.UpsamplingNearest2d(scale_factor=2),
            Block(fourth, LAST), Block(LAST, LAST, kernel=1), identity(LAST, 3),
        )  # fmt: skip
        # Photos in [-1, 1] have a variance of about 1/4. Starting there, batch norm treats a photo alike in
        # training and in use, and an untrained network keeps the contrast of its input.
        norm = self.layers[0].norm
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_var is not None
        norm.running_var.fill_(0.25)

    def change(self, images: Tensor, strengths: Tensor) -> tuple[Tensor, None]:
        """Return the result of `forward`, and None for the mask that this family does not have."""
        return self(images, strengths), None

    def forward(self, images: Tensor, strengths: Tensor) -> Tensor:
        # deep-makeover's 0.5 + 1.1 (sigmoid(u) - 0.5) in [0, 1], scaled to [-1, 1].
        changed: Tensor = RANGE * torch.tanh(self.layers(images).float() / 2)
        share = strengths[:, :, None, None]
        return images * (1 - share) + changed * share  # exact at both ends


class Discriminator(nn.Module):
    """Map images (N x 3 x H x W in [-1, 1]) to one logit each (N x 1), the mean over patches.

    835,441 weights and biases of convolutions, and 432 shifts of batch norm.
    """

    def __init__(self, config: DeepMakeoverConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((3, *DISCRIMINATOR)):
            layers += [Block(before, after), nn.AvgPool2d(2)]
        self.layers = nn.Sequential(
            *layers, Block(DISCRIMINATOR[-1], DISCRIMINATOR[-1]), identity(DISCRIMINATOR[-1], 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images).float().mean((2, 3))
        return logits


class Block(nn.Module):
    """Project to ``after`` channels where needed, apply batch norm, then twice add a convolution of ReLU(x) to x."""

    def __init__(self, before: int, after: int, kernel: int = 3) -> None:
        super().__init__()
        self.project = nn.Identity() if before == after else identity(before, after)
        self.norm = _norm(after)
        self.convolutions = nn.ModuleList(_near_zero(nn.Conv2d(after, after, kernel, padding="same")) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.project(x))
        for convolution in self.convolutions:
            x = x + convolution(F.relu(x))
        return x


def identity(before: int, after: int) -> nn.Conv2d:
    """Return a 1x1 convolution that starts as the identity of the channels that both sides have."""
    layer = _near_zero(nn.Conv2d(before, after, 1))
    both = range(min(before, after))
    with torch.no_grad():
        layer.weight[both, both] += 1.0
    return layer


def _near_zero(layer: nn.Conv2d) -> nn.Conv2d:
    bound = 0.1 / layer.weight.numel()
    nn.init.uniform_(layer.weight, -bound, bound)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def _norm(width: int) -> nn.BatchNorm2d:
    """Return batch norm that learns a shift but no scale.

    deep-makeover's running statistics have momentum 0.001 and are never used. Here every sheet uses them: momentum
    0.01, so that a short run forgets its initial values.
    """
    norm = nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)
    del norm.weight
    norm.register_buffer("weight", torch.ones(width), persistent=False)
    return norm
