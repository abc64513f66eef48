"""The judge's network: what a face has, as one logit an attribute, and a feature vector that faces are compared by.

Strided convolutions halve the grid as in `facesmith.networks.dcgan`; after each but the first stands a residual block
(He et al., arXiv:1512.03385) of two 3x3 convolutions, and batch norm everywhere. The coarsest grid is not averaged
over, since aligned faces have their parts in places of their own.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facesmith.networks import dcgan
from facesmith.networks.convolutions import Conv


@dataclass(frozen=True)
class Config:
    """What the network is, apart from how it is trained. Saved in every judge's folder."""

    size: tuple[int, int]  # picture width and height, pixels
    attributes: int
    width: int = 24  # channels at half the picture's size; doubled at every halving, up to eight times
    feature_size: int = 256
    dropout: float = 0.0  # share of the features that are hidden while it trains

    @property
    def plan(self) -> dcgan.Config:
        """The grids and channels, which are those of the dcgan family; raises `FacesmithError` for other sizes."""
        return dcgan.Config(self.size, discriminator_width=self.width)


class Judge(nn.Module):
    """Pictures (N x 3 x H x W) in [-1, 1] to logits (N x attributes) and features (N x feature_size)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
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

    def features(self, pictures: Tensor) -> Tensor:
        """What the logits are computed from, of the pictures as they are."""
        x: Tensor = self.layers(pictures)
        x = self.embed(self.dropout(x.permute(0, 2, 3, 1).flatten(1)))
        return F.relu(x)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(pictures)
        if not self.training:  # a face has what its mirror image has, so both may speak
            features = (features + self.features(pictures.flip(3))) / 2
        return self.decide(self.dropout(features)), features


class Block(nn.Module):
    """x + what two 3x3 convolutions make of it; starts as the identity, for the last norm's scale is 0."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))
        nn.init.zeros_(self.norms[1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.norms[1](self.second(F.relu(self.norms[0](self.first(x)))))
        return F.relu(x + change)


def from_card(card: dict[str, Any]) -> Judge:
    """The judge that its folder's card describes under "network", its weights yet to be loaded."""
    return Judge(Config(**card | {"size": tuple(card["size"])}))


def build(config: Config, seed: int) -> Judge:
    """A judge, freshly initialised: the same weights for the same seed, whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Judge(config)
