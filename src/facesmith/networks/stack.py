"""What families that are a plain stack of layers share: z over a coarsest grid to pictures, and pictures to a logit."""

from typing import Any

from torch import Tensor, nn


class StackGenerator(nn.Module):
    """z (N x latent_size) to pictures (N x 3 x H x W) in [-1, 1].

    A family sets ``project`` (z to the coarsest grid, flat), ``grid`` (its rows and columns), ``deepest`` (its
    channels) and ``layers`` (the grid to pictures).
    """

    project: Any  # a layer, or a few
    layers: nn.Sequential
    grid: tuple[int, int]
    deepest: int

    def forward(self, z: Tensor) -> Tensor:
        # Channels are the projection's fastest axis, so that the grid is born in channels-last order.
        x = self.project(z).view(-1, *self.grid, self.deepest).permute(0, 3, 1, 2)
        pictures: Tensor = self.layers(x)
        return pictures


class StackDiscriminator(nn.Module):
    """Pictures (N x 3 x H x W) in [-1, 1] to one logit each (N): the higher, the more real.

    A family sets ``layers`` (pictures to the coarsest grid) and ``judge`` (the grid, flat, to a logit).
    """

    layers: nn.Sequential
    judge: nn.Linear

    def features(self, pictures: Tensor) -> Tensor:
        """What the logit is computed from: N x (cells of the coarsest grid x channels)."""
        x: Tensor = self.layers(pictures)
        return x.permute(0, 2, 3, 1).flatten(1)

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.judge(self.features(pictures))
        return logits.squeeze(1)
