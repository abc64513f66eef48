"""The encoder: a family's D with a wider last layer, which says what latent a picture is likely to come from.

So did the fourth seed, after Donahue et al., arXiv:1605.09782, and Dumoulin et al., arXiv:1606.00704, whose encoders
learn beside G; ours is fitted to one that is trained already.
"""

from typing import Any

import torch
from torch import Tensor, nn

from facesmith.networks.stack import CoarseGenerator

MOST_DETAIL = 32_768  # numbers; the grid that seed 2's generator begins with is too large to be told of every face


class Encoder(nn.Module):
    """Pictures (N x 3 x H x W) in [-1, 1] to latents (N x latent_size, or with detail: see `CoarseGenerator`).

    ``discriminator`` is of the family of ``generator``, whose sizes alone are looked at. Both end on the same coarsest
    grid, so the detail of each of its cells is told from what E sees there. It begins as zero.
    """

    def __init__(self, discriminator: Any, generator: CoarseGenerator, detail: bool) -> None:
        super().__init__()
        features, cells = discriminator.judge.in_features, generator.grid[0] * generator.grid[1]
        self.body, self.cells = discriminator, cells
        del self.body.judge
        self.latents = nn.Linear(features, generator.latent_size)
        self.detail = nn.Linear(features // cells, generator.deepest) if detail else None
        if self.detail is not None:
            nn.init.zeros_(self.detail.weight)
            nn.init.zeros_(self.detail.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        seen = self.body.features(pictures)
        z: Tensor = self.latents(seen)
        if self.detail is None:
            return z
        return torch.cat([z, self.detail(seen.unflatten(1, (self.cells, -1))).flatten(1)], 1)
