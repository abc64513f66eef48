"""Our makeover networks: how a picture is to change, and where, in one of several directions and to any strength.

A U-Net (Ronneberger et al., arXiv:1505.04597) with two strided convolutions, residual blocks on the coarse grid that
are told the direction by FiLM (Perez et al., arXiv:1709.07871), and nearest neighbours on the way up. What comes out
is a change and a mask, as in GANimation (Pumarola et al., arXiv:1807.09251): where the mask is closed the photo stays.
No batch norm, so that no face depends on the others; residual branches start at zero instead.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facesmith.errors import FacesmithError
from facesmith.networks import residual
from facesmith.networks.convolutions import Conv
from facesmith.networks.deep_makeover import refuse_odd_size

CLOSED = -1.0  # the mask's logit in the beginning: a quarter open


@dataclass(frozen=True)
class Config:
    """What the networks are, apart from how they are trained. Saved in every makeover's folder."""

    size: tuple[int, int]  # picture width and height, pixels: multiples of 4, at least 16
    directions: int = 1
    width: int = 16  # channels of G at the full size; doubled at both halvings
    blocks: int = 4  # residual blocks of G on the coarse grid
    discriminator_width: int = 32  # channels of D at half the size; doubled at each of three more halvings

    def __post_init__(self) -> None:
        refuse_odd_size(self.size)
        for name in ("directions", "width", "blocks", "discriminator_width"):
            if getattr(self, name) < 1:
                raise FacesmithError(f"{name} is {getattr(self, name)}: it must be at least 1")


class Generator(nn.Module):
    """Pictures (N x 3 x H x W in [-1, 1]) and strengths (N x directions, from 0 to 1) to pictures.

    Where all strengths are 0, and as long as nothing has been learned, they are the pictures that went in, to the bit.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        fine, half, coarse = (config.width * 2**level for level in range(3))
        self.stem = nn.Conv2d(3, fine, 3, padding=1)
        self.downs = nn.ModuleList([Conv(fine, half, 4, 2, 1), Conv(half, coarse, 4, 2, 1)])
        self.ups = nn.ModuleList([nn.Conv2d(coarse, half, 3, padding=1), nn.Conv2d(half, fine, 3, padding=1)])
        self.last = nn.Conv2d(fine, 4, 3, padding=1)
        _start(self)
        self.blocks = nn.ModuleList(Block(coarse, config.directions) for _ in range(config.blocks))
        nn.init.zeros_(self.last.weight)
        with torch.no_grad():
            self.last.bias[3] = CLOSED  # type: ignore[index]

    def forward(self, pictures: Tensor, strengths: Tensor) -> Tensor:
        return self.parts(pictures, strengths)[0]

    def parts(self, pictures: Tensor, strengths: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` returns, and the mask: N x 1 x H x W, from 0 where a picture stays to 1."""
        total = strengths.sum(1, keepdim=True)
        direction = strengths / total.clamp(min=1e-6)
        x = self.stem(pictures)
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
        # From black to white at most: a change without bounds could pass through a mask that is all but closed.
        return pictures + total.clamp(0, 1)[:, :, None, None] * mask * (2 * change.tanh()), mask


class Block(nn.Module):
    """x + what two 3x3 convolutions make of it, the features between them scaled and moved as the direction says."""

    def __init__(self, width: int, directions: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.film = nn.Linear(directions, 2 * width)
        _start(self)
        nn.init.zeros_(self.second.weight)
        nn.init.normal_(self.film.weight, std=0.3)

    def forward(self, x: Tensor, direction: Tensor) -> Tensor:
        scale, shift = self.film(direction)[:, :, None, None].chunk(2, 1)
        told = torch.addcmul(shift, self.first(F.leaky_relu(x, 0.2)), 1 + scale)
        change: Tensor = self.second(F.leaky_relu(told, 0.2))
        return x + change


class Discriminator(nn.Module):
    """Pictures (N x 3 x H x W in [-1, 1]) to a logit for each direction (N x directions): is it one of its targets?"""

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = [3, *(config.discriminator_width * 2**level for level in range(4))]
        self.downs = nn.ModuleList(Conv(before, after, 4, 2, 1) for before, after in pairwise(channels))
        (width, height), deepest = config.size, channels[-1]
        self.block = residual.Block(deepest)
        self.judge = nn.Linear(deepest * (width // 16) * (height // 16), config.directions)
        for layer in (*self.downs, self.judge):
            _start(layer)

    def forward(self, pictures: Tensor) -> Tensor:
        x = pictures
        for down in self.downs:
            x = F.leaky_relu(down(x), 0.2)
        x = F.leaky_relu(self.block(x), 0.2)
        logits: Tensor = self.judge(x.permute(0, 2, 3, 1).flatten(1))
        return logits


def _start(net: nn.Module) -> None:
    """Weights that keep the variance through a leaky ReLU (He et al., arXiv:1502.01852), and biases of 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, a=0.2)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
