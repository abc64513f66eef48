"""The encoder: a family's D with a wider last layer, which predicts the latent of an image.

NVIDIA's DIGITS-GAN does this after Donahue et al., arXiv:1605.09782, and Dumoulin et al., arXiv:1606.00704, whose
encoders learn together with G; this one is fitted to a G that is already trained.
"""

from typing import Any

import torch
from torch import Tensor, nn

from facesmith.networks.layers import CoarseGenerator

MAX_DETAIL = 32_768  # numbers; the first grid of ArtiFace's generator is too large to be predicted


class Encoder(nn.Module):
    """Map images (N x 3 x H x W) in [-1, 1] to latents (N x latent_size, or with detail: see `CoarseGenerator`).

    ``discriminator`` is of the family of ``generator``, of which only the sizes are read. Both end on the same coarsest
    grid, so the detail of each of its cells is predicted from the features of that cell. It starts as zero.
    """

    def __init__(self, discriminator: Any, generator: CoarseGenerator, detail: bool) -> None:
        super().__init__()
        features, cells = discriminator.head.in_features, generator.grid[0] * generator.grid[1]
        self.body, self.cells = discriminator, cells
        del self.body.head
        self.latents = nn.Linear(features, generator.latent_size)
        self.detail = nn.Linear(features // cells, generator.deepest) if detail else None
        if self.detail is not None:
            nn.init.zeros_(self.detail.weight)
            nn.init.zeros_(self.detail.bias)

    def forward(self, images: Tensor) -> Tensor:
        features = self.body.features(images)
        z: Tensor = self.latents(features)
        if self.detail is None:
            return z
        return torch.cat([z, self.detail(features.unflatten(1, (self.cells, -1))).flatten(1)], 1)
