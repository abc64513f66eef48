"""Makeover networks that predict a change and a mask, in one of several directions and to any strength.

A U-Net (Ronneberger et al., arXiv:1505.04597) with two strided convolutions, residual blocks on the coarse grid that
depend on the direction by FiLM (Perez et al., arXiv:1709.07871), and nearest neighbours on the way up. The output is a
change and a mask, as in GANimation (Pumarola et al., arXiv:1807.09251): where the mask is 0 the photo stays. There is
no batch norm, so that no face depends on the others; residual branches start at zero instead.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facesmith.networks.convolutions import Conv
from facesmith.networks.family_settings import MaskedConfig
from facesmith.networks.gan import residual

INITIAL_MASK = -1.0  # the mask's initial logit: about a quarter open


class Generator(nn.Module):
    """Map images (N x 3 x H x W in [-1, 1]) and strengths (N x directions, from 0 to 1) to images.

    Where all strengths are 0, and before training, the output equals the input bit for bit.
    """

    def __init__(self, config: MaskedConfig) -> None:
        super().__init__()
        fine, half, coarse = (config.width * 2**level for level in range(3))
        self.stem = nn.Conv2d(3, fine, 3, padding=1)
        self.downs = nn.ModuleList([Conv(fine, half, 4, 2, 1), Conv(half, coarse, 4, 2, 1)])
        self.ups = nn.ModuleList([nn.Conv2d(coarse, half, 3, padding=1), nn.Conv2d(half, fine, 3, padding=1)])
        self.last = nn.Conv2d(fine, 4, 3, padding=1)
        _initialize(self)
        self.blocks = nn.ModuleList(Block(coarse, config.directions) for _ in range(config.blocks))
        nn.init.zeros_(self.last.weight)
        with torch.no_grad():
            self.last.bias[3] = INITIAL_MASK  # type: ignore[index]

    def forward(self, images: Tensor, strengths: Tensor) -> Tensor:
        return self.change(images, strengths)[0]

    def change(self, images: Tensor, strengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the result of `forward`, and the mask: N x 1 x H x W, 0 where an image stays as it is."""
        total = strengths.sum(1, keepdim=True)
        direction = strengths / total.clamp(min=1e-6)
        x = self.stem(images)
        skips = []
        for down in self.downs:
            skips.append(x)
            x = down(F.leaky_relu(x, 0.2))
        for block in self.blocks:
            x = block(x, direction)
        for up in self.ups:
            x = up(F.interpolate(F.leaky_relu(x, 0.2), scale_factor=2.0, mode="nearest")) + skips.pop()
        change, logit = self.last(F.leaky_relu(x, 0.2)).float().split((3, 1), 1)
        mask = logit.sigmoid()
        # A change without bounds could pass through a mask that is almost closed.
        return images + total.clamp(0, 1)[:, :, None, None] * mask * (2 * change.tanh()), mask


class Block(nn.Module):
    """Add two 3x3 convolutions of x to x; the direction scales and shifts the features between them."""

    def __init__(self, width: int, directions: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.film = nn.Linear(directions, 2 * width)
        _initialize(self)
        nn.init.zeros_(self.second.weight)
        nn.init.normal_(self.film.weight, std=0.3)

    def forward(self, x: Tensor, direction: Tensor) -> Tensor:
        scale, shift = self.film(direction)[:, :, None, None].chunk(2, 1)
        modulated = torch.addcmul(shift, self.first(F.leaky_relu(x, 0.2)), 1 + scale)
        change: Tensor = self.second(F.leaky_relu(modulated, 0.2))
        return x + change


class Discriminator(nn.Module):
    """Map images (N x 3 x H x W in [-1, 1]) to a logit for each direction: whether it is one of its target faces."""

    def __init__(self, config: MaskedConfig) -> None:
        super().__init__()
        channels = [3, *(config.discriminator_width * 2**level for level in range(4))]
        self.downs = nn.ModuleList(Conv(before, after, 4, 2, 1) for before, after in pairwise(channels))
        (width, height), deepest = config.size, channels[-1]
        self.block = residual.Block(deepest)
        self.head = nn.Linear(deepest * (width // 16) * (height // 16), config.directions)
        for layer in (*self.downs, self.head):
            _initialize(layer)

    def forward(self, images: Tensor) -> Tensor:
        x = images
        for down in self.downs:
            x = F.leaky_relu(down(x), 0.2)
        x = F.leaky_relu(self.block(x), 0.2)
        logits: Tensor = self.head(x.permute(0, 2, 3, 1).flatten(1))
        return logits


def _initialize(net: nn.Module) -> None:
    """Initialise weights to keep the variance through a leaky ReLU (He et al., arXiv:1502.01852), and biases to 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, a=0.2)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
