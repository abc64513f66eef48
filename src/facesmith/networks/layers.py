"""Base classes of the GAN families: a generator that starts from a coarse grid, and plain stacks of layers."""

from typing import Any, ClassVar

from torch import Tensor, nn


class CoarseGenerator(nn.Module):
    """A generator that first makes a coarse grid of features from z.

    After z, a latent may continue with *detail*: numbers that are added to that grid. Generated faces have none. Photos
    lie outside of what z alone can make, and their detail brings G much nearer to them, while a direction in z still
    moves them: the idea of StyleGAN's extended latents (Abdal et al., arXiv:1904.03189) for networks with one input.

    A family sets ``latent_size``, ``project`` (z to the grid, flat), ``grid`` (its rows and columns) and ``deepest``
    (its channels).
    """

    # The layers that read the latent itself; none where a mapping network does.
    latent_layers: ClassVar[tuple[str, ...]] = ("project",)
    project: Any  # a layer, or several
    latent_size: int
    grid: tuple[int, int]
    deepest: int

    @property
    def detail_size(self) -> int:
        """Return how many numbers the detail of a latent has."""
        return self.grid[0] * self.grid[1] * self.deepest

    def begin(self, z: Tensor, detail: Tensor | None) -> Tensor:
        """Return the coarsest grid (N x deepest x rows x columns) of z, or of w where z is mapped, and of detail."""
        x = self.project(z) if detail is None else self.project(z) + detail
        # Channels are the projection's fastest axis, so that the grid is in channels-last order.
        grid: Tensor = x.view(-1, *self.grid, self.deepest).permute(0, 3, 1, 2)
        return grid

    def split(self, latents: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return z (N x latent_size), and the detail (N x detail_size) where latents have it."""
        if latents.shape[1] == self.latent_size:
            return latents, None
        return latents[:, : self.latent_size], latents[:, self.latent_size :]


class StackGenerator(CoarseGenerator):
    """Map latents (N x latent_size, or with detail) to images (N x 3 x H x W) in [-1, 1].

    A family sets ``layers`` (the coarsest grid to images), and the attributes of `CoarseGenerator`.
    """

    layers: nn.Sequential

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.layers(self.begin(*self.split(latents)))
        return images


class StackDiscriminator(nn.Module):
    """Map images (N x 3 x H x W) in [-1, 1] to one logit each (N): the higher, the more real.

    A family sets ``layers`` (images to the coarsest grid) and ``head`` (the grid, flat, to a logit).
    """

    layers: nn.Sequential
    head: nn.Linear

    def features(self, images: Tensor) -> Tensor:
        """Return what the logit is computed from: N x (cells of the coarsest grid x channels)."""
        x: Tensor = self.layers(images)
        return x.permute(0, 2, 3, 1).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits.squeeze(1)
