"""The network of the attribute classifier: a logit for each attribute, and a feature vector to compare faces by.

Strided convolutions halve the grid as in the dcgan family. A residual block (He et al., arXiv:1512.03385) of two 3x3
convolutions follows each but the first, with batch norm everywhere. The coarsest grid is not averaged, because the
parts of aligned faces are always in the same cells.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facesmith.networks.convolutions import Conv
from facesmith.networks.family_settings import DCGANConfig


@dataclass(frozen=True)
class Config:
    """What the network is built from. Saved in every classifier's folder."""

    size: tuple[int, int]  # image width and height, pixels
    attributes: int
    width: int = 24  # channels at half the image's size; doubled at every halving, up to eight times
    feature_size: int = 256
    dropout: float = 0.0  # share of the features that are dropped in training

    @property
    def plan(self) -> DCGANConfig:
        """Return the grids and channels of the dcgan family; raises `FacesmithError` for sizes it cannot make."""
        return DCGANConfig(size=self.size, discriminator_width=self.width)


class ClassifierNetwork(nn.Module):
    """Map images (N x 3 x H x W) in [-1, 1] to logits (N x attributes) and features (N x feature_size)."""

    def __init__(self, config: Config, reduction: int = 1) -> None:
        """With a ``reduction`` above 1, images are that many times larger, and blocks of pixels are averaged first."""
        super().__init__()
        self.reduce = nn.AvgPool2d(reduction) if reduction > 1 else nn.Identity()
        grids, channels = config.plan.grids, config.plan.channels(config.width)
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [Conv(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
            layers += [Block(after)] if before != 3 else []
        self.layers = nn.Sequential(*layers)
        self.embed = nn.Linear(channels[-1] * grids[-1][0] * grids[-1][1], config.feature_size)
        self.dropout = nn.Dropout(config.dropout)
        self.decide = nn.Linear(config.feature_size, config.attributes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def features(self, images: Tensor) -> Tensor:
        """Return what the logits are computed from, without averaging over the mirror image."""
        return self.features_of_grid(self.layers(self.reduce(images)))

    def features_of_grid(self, grid: Tensor) -> Tensor:
        """Return the features of the coarsest grid (N x C x h x w)."""
        return F.relu(self.embed(self.dropout(grid.permute(0, 2, 3, 1).flatten(1))))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(images)
        if not self.training:  # a face and its mirror image have the same attributes
            features = (features + self.features(images.flip(3))) / 2
        return self.decide(self.dropout(features)), features


class Block(nn.Module):
    """Add two 3x3 convolutions of x to x; starts as the identity, because the last norm's scale is 0."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))
        nn.init.zeros_(self.norms[1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.norms[1](self.second(F.relu(self.norms[0](self.first(x)))))
        return F.relu(x + change)


def from_card(card: dict[str, Any], reduction: int = 1) -> ClassifierNetwork:
    """Build the network that a classifier's card describes under "network", without its weights."""
    return ClassifierNetwork(Config(**card | {"size": tuple(card["size"])}), reduction)


def build(config: Config, seed: int) -> ClassifierNetwork:
    """Build a network with fresh weights, which depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ClassifierNetwork(config)
