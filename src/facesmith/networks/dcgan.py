"""The DCGAN family: a stack of stride-2 convolutions and its mirror image.

Radford, Metz, Chintala, "Unsupervised Representation Learning with Deep Convolutional GANs", arXiv:1511.06434.
One description covers the seeds' variants (kernel 4 or 5, with or without biases and batch norm) and every size:
where a side is odd on the way down, its half is rounded (down for kernel 4, up for kernel 5) and the generator's
transposed convolution makes the exact side again.
"""

from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from facesmith.errors import FacesmithError
from facesmith.networks.convolutions import Conv, ConvTranspose
from facesmith.networks.stack import StackDiscriminator, StackGenerator

SMALLEST, LARGEST = 16, 256  # pixels a side; the coarsest grid is 4 to 7 cells on its shorter side
WIDEST_RATIO = 2  # the longer side over the shorter


@dataclass(frozen=True)
class Config:
    """What the networks are, apart from how they are trained. Saved in every model folder."""

    size: tuple[int, int]  # picture width and height, pixels
    latent_size: int = 100
    generator_width: int = 64  # channels at half the picture's size; doubled at every halving, up to eight times
    discriminator_width: int = 64
    kernel: int = 4
    bias: bool = False
    generator_norm: bool = True
    discriminator_norm: bool = True

    def __post_init__(self) -> None:
        width, height = self.size
        fits = all(SMALLEST <= side <= LARGEST for side in self.size)
        if not fits or max(self.size) > WIDEST_RATIO * min(self.size):
            raise FacesmithError(
                f"the dcgan family cannot make {width}x{height} pictures: it makes sizes from {SMALLEST}x{SMALLEST} "
                f"to {LARGEST}x{LARGEST} whose longer side is at most {WIDEST_RATIO} times the shorter, "
                f"so import the photos again with --size 64, 80x100, 128 or the like"
            )
        if self.kernel not in (4, 5):
            raise FacesmithError(f"kernel {self.kernel} is not one that halves a picture evenly: use 4 or 5")
        for name in ("latent_size", "generator_width", "discriminator_width"):
            if getattr(self, name) < 1:
                raise FacesmithError(f"{name} is {getattr(self, name)}: it must be at least 1")

    @property
    def grids(self) -> list[tuple[int, int]]:
        """(height, width) at every level, finest first: the picture, its half, ... down to the coarsest grid."""
        width, height = self.size
        grids = [(height, width)]
        up = self.kernel - 4  # what a convolution of stride 2 makes of an odd side: kernel 4 rounds down, 5 up
        while min(grids[-1]) >= 8:
            grids.append(((grids[-1][0] + up) // 2, (grids[-1][1] + up) // 2))
        return grids

    def channels(self, width: int) -> list[int]:
        """Channels at every level of `grids`, the picture's three first."""
        return [3, *(width * min(2**level, 8) for level in range(len(self.grids) - 1))]


class Generator(StackGenerator):
    """Latents (N x latent_size, or with detail) to pictures (N x 3 x H x W) in [-1, 1]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        grids, channels = config.grids[::-1], config.channels(config.generator_width)[::-1]
        self.latent_size, self.grid, self.deepest = config.latent_size, grids[0], channels[0]
        self.project = nn.Linear(config.latent_size, self.deepest * self.grid[0] * self.grid[1], bias=config.bias)
        layers: list[nn.Module] = [*_norm(config.generator_norm, self.deepest), nn.ReLU(inplace=True)]
        for level, (before, after) in enumerate(pairwise(channels)):
            layers.append(_up(before, after, grids[level], grids[level + 1], config))
            if after != 3:
                layers += [*_norm(config.generator_norm, after), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        self.apply(initialize)


class Discriminator(StackDiscriminator):
    """Pictures (N x 3 x H x W) in [-1, 1] to one logit each (N): the higher, the more real."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        grids, channels = config.grids, config.channels(config.discriminator_width)
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers.append(Conv(before, after, config.kernel, 2, (config.kernel - 1) // 2, bias=config.bias))
            # The layer that sees pixels has no norm, as in the paper.
            layers += [*_norm(config.discriminator_norm and before != 3, after), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.judge = nn.Linear(channels[-1] * grids[-1][0] * grids[-1][1], 1, bias=config.bias)
        self.apply(initialize)


def initialize(module: nn.Module) -> None:
    """The paper's start: weights N(0, 0.02), norm scales N(1, 0.02), every bias 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def _norm(wanted: bool, channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)] if wanted else []


def _up(before: int, after: int, grid: tuple[int, int], target: tuple[int, int], config: Config) -> nn.Module:
    """The transposed convolution that is the mirror of the discriminator's step from ``target`` down to ``grid``."""
    padding = (config.kernel - 1) // 2
    short = 2 + 2 * padding - config.kernel  # of twice the grid, what the convolution makes falls short by this
    missing = (target[0] - 2 * grid[0] + short, target[1] - 2 * grid[1] + short)
    return ConvTranspose(before, after, config.kernel, 2, padding, output_padding=missing, bias=config.bias)
