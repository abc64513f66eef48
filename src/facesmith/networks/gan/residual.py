"""The residual family: no batch norm, dense 3x3 convolutions, and a mapping network in front of the generator.

The ideas are those of Huang et al., "The GAN is dead; long live the GAN!", arXiv:2501.05441 (residual blocks that start
as the identity, no normalisation anywhere, D as the mirror image of G) and of Karras et al., arXiv:1812.04948 (z is
mapped to w, which scales the features of every level). The grid is halved and doubled by the same 4x4 convolutions of
stride 2 as in the dcgan family, the cheapest that use all pixels. The full size has no residual block: most of the
time would be spent there. D has none by default because they are slow on a CPU.
"""

import math
from itertools import pairwise
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facesmith.networks.convolutions import Conv, ConvTranspose
from facesmith.networks.family_settings import ResidualConfig
from facesmith.networks.layers import CoarseGenerator

Layer = TypeVar("Layer", nn.Conv2d, Conv, ConvTranspose, nn.Linear)

GAIN = math.sqrt(2 / (1 + 0.2**2))  # keeps the variance through a leaky ReLU of slope 0.2 (He et al., arXiv:1502.01852)


class Generator(CoarseGenerator):
    """Map latents (N x latent_size, or with detail) to images (N x 3 x H x W) in [-1, 1]."""

    latent_layers = ()

    def __init__(self, config: ResidualConfig) -> None:
        super().__init__()
        plan, z = config.plan, config.latent_size
        grids, channels = plan.grids[::-1], config.channels(config.generator_width, 6)[::-1]
        self.latent_size, self.grid, self.deepest = z, grids[0], channels[0]
        self.mapping = nn.ModuleList(_linear(z, z, GAIN) for _ in range(config.mapping))
        self.project = _linear(z, self.deepest * self.grid[0] * self.grid[1])
        self.levels = nn.ModuleList(
            nn.ModuleList(Block(width, z) for _ in range(blocks))
            for width, blocks in zip(channels[:-1], config.levels(grids[:-1], config.blocks), strict=True)
        )
        self.ups = nn.ModuleList(
            _up(before, after, *steps)
            for (before, after), steps in zip(pairwise(channels), pairwise(grids), strict=True)
        )

    def style(self, z: Tensor) -> Tensor:
        """Map z to w (N x latent_size), which styles every level.

        z is not normalised, unlike in StyleGAN, so that truncation of z also shortens w.
        """
        w = z
        for layer in self.mapping:
            w = F.leaky_relu(layer(w), 0.2)
        return w

    def forward(self, latents: Tensor) -> Tensor:
        z, detail = self.split(latents)
        return self.synthesize(self.style(z), detail)

    def mixed(self, coarse: Tensor, fine: Tensor, level: int) -> Tensor:
        """Return images of ``coarse``, styled from ``level`` on (0 is the coarsest) by the latents ``fine``.

        Style mixing as in StyleGAN (Karras et al., arXiv:1812.04948, section 3.1).
        """
        z, detail = self.split(coarse)
        return self.synthesize(self.style(z), detail, self.style(self.split(fine)[0]), level)

    def synthesize(
        self, w: Tensor, detail: Tensor | None = None, finer: Tensor | None = None, level: int = 0
    ) -> Tensor:
        """Return images of w (N x latent_size) and detail; from ``level`` on styled by ``finer``, if there is one."""
        x = self.begin(w, detail)
        for number, (blocks, up) in enumerate(zip(self.levels, self.ups, strict=True)):
            style = w if finer is None or number < level else finer
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, style)
            x = up(F.leaky_relu(x, 0.2))
        images: Tensor = x.tanh()
        return images


class Discriminator(nn.Module):
    """Map images (N x 3 x H x W) in [-1, 1] to one logit each (N): the higher, the more real."""

    def __init__(self, config: ResidualConfig) -> None:
        super().__init__()
        grids, channels = config.plan.grids, config.channels(config.discriminator_width, 8)
        self.downs = nn.ModuleList(_down(before, after) for before, after in pairwise(channels))
        self.levels = nn.ModuleList(
            nn.ModuleList(Block(width) for _ in range(blocks))
            for width, blocks in zip(channels[1:], config.levels(grids[1:], config.discriminator_blocks), strict=True)
        )
        self.head = _linear(channels[-1] * grids[-1][0] * grids[-1][1], 1)

    def features(self, images: Tensor) -> Tensor:
        """Return what the logit is computed from: N x (cells of the coarsest grid x channels)."""
        x = images
        for down, blocks in zip(self.downs, self.levels, strict=True):
            x = down(x)
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x)
            x = F.leaky_relu(x, 0.2)
        return x.permute(0, 2, 3, 1).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits.squeeze(1)


class Style(nn.Module):
    """Normalise features per image and channel to mean 0 and variance 1, then scale and shift them by w.

    Adaptive instance normalisation (Huang and Belongie, arXiv:1703.06868) as in StyleGAN (arXiv:1812.04948). Unlike
    batch norm, no face depends on the others.
    """

    def __init__(self, width: int, latent_size: int) -> None:
        super().__init__()
        self.affine = _linear(latent_size, 2 * width, 0.5)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        scale, shift = self.affine(w)[:, :, None, None].chunk(2, 1)
        mean, square = x.mean((2, 3), keepdim=True), x.square().mean((2, 3), keepdim=True)
        factor = (1 + scale) * torch.rsqrt(square - mean * mean + 1e-4)
        styled: Tensor = torch.addcmul(shift - mean * factor, x, factor)
        return styled


class Block(nn.Module):
    """Add two 3x3 convolutions of x to x; in G after a `Style`.

    The second convolution starts at zero, so every block starts as the identity.
    """

    def __init__(self, width: int, latent_size: int = 0) -> None:
        super().__init__()
        self.style = Style(width, latent_size) if latent_size else None
        self.first = _initialized(nn.Conv2d(width, width, 3, 1, 1), GAIN)
        self.second = _initialized(nn.Conv2d(width, width, 3, 1, 1), 0.0)

    def forward(self, x: Tensor, w: Tensor | None = None) -> Tensor:
        styled = x if self.style is None else self.style(x, w)
        change: Tensor = self.second(F.leaky_relu(self.first(F.leaky_relu(styled, 0.2)), 0.2))
        return x + change


def _down(before: int, after: int) -> Conv:
    return _initialized(Conv(before, after, 4, 2, 1), 1.0 if before == 3 else GAIN)


def _up(before: int, after: int, grid: tuple[int, int], target: tuple[int, int]) -> ConvTranspose:
    missing = (target[0] - 2 * grid[0], target[1] - 2 * grid[1])  # a row or column where the target's side is odd
    return _initialized(ConvTranspose(before, after, 4, 2, 1, output_padding=missing), GAIN)


def _linear(before: int, after: int, gain: float = 1.0) -> nn.Linear:
    return _initialized(nn.Linear(before, after), gain)


def _initialized(layer: Layer, gain: float) -> Layer:
    """Initialise a layer with weights N(0, gain / √inputs), which keep the variance of their inputs, and biases 0."""
    inputs = layer.weight[0].numel()
    if isinstance(layer, nn.ConvTranspose2d):
        # Each output pixel is computed from a (kernel / stride)² patch of all input channels.
        inputs = layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1] // 4
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(inputs))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
