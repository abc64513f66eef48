"""The DCGAN family: a stack of stride-2 convolutions and its mirror image.

Radford, Metz, Chintala, "Unsupervised Representation Learning with Deep Convolutional GANs", arXiv:1511.06434.
One ``Config`` covers several variants (kernel 4 or 5, with or without biases and batch norm) and every size. Where a
side is odd on the way down, its half is rounded (down for kernel 4, up for kernel 5), and the generator's transposed
convolution restores the exact side.
"""

from itertools import pairwise

from torch import nn

from facesmith.networks.bilateral_filter import BilateralFilter
from facesmith.networks.convolutions import Conv, ConvTranspose
from facesmith.networks.family_settings import DCGANConfig
from facesmith.networks.layers import StackDiscriminator, StackGenerator


class Generator(StackGenerator):
    """Map latents (N x latent_size, or with detail) to images (N x 3 x H x W) in [-1, 1]."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        grids, channels = config.grids[::-1], config.channels(config.generator_width)[::-1]
        self.latent_size, self.grid, self.deepest = config.latent_size, grids[0], channels[0]
        self.project = nn.Linear(config.latent_size, self.deepest * self.grid[0] * self.grid[1], bias=config.bias)
        layers: list[nn.Module] = [*_norm(config.generator_norm, self.deepest), nn.ReLU(inplace=True)]
        for level, (before, after) in enumerate(pairwise(channels)):
            layers.append(_up(before, after, grids[level], grids[level + 1], config))
            if after != 3:
                layers += [*_norm(config.generator_norm, after), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Tanh(), *([BilateralFilter(config.flatten)] if config.flatten else []))
        self.apply(initialize)


class Discriminator(StackDiscriminator):
    """Map images (N x 3 x H x W) in [-1, 1] to one logit each (N): the higher, the more real."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        grids, channels = config.grids, config.channels(config.discriminator_width)
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers.append(Conv(before, after, config.kernel, 2, (config.kernel - 1) // 2, bias=config.bias))
            # The first layer has no norm, as in the paper.
            layers += [*_norm(config.discriminator_norm and before != 3, after), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(channels[-1] * grids[-1][0] * grids[-1][1], 1, bias=config.bias)
        self.apply(initialize)


def initialize(module: nn.Module) -> None:
    """Initialise as in the paper: weights N(0, 0.02), norm scales N(1, 0.02), every bias 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def _norm(enabled: bool, channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)] if enabled else []


def _up(before: int, after: int, grid: tuple[int, int], target: tuple[int, int], config: DCGANConfig) -> nn.Module:
    """Return the transposed convolution that mirrors the discriminator's step from ``target`` down to ``grid``."""
    padding = (config.kernel - 1) // 2
    shortfall = 2 + 2 * padding - config.kernel  # the convolution's output is this much smaller than twice the grid
    missing = (target[0] - 2 * grid[0] + shortfall, target[1] - 2 * grid[1] + shortfall)
    return ConvTranspose(before, after, config.kernel, 2, padding, output_padding=missing, bias=config.bias)
