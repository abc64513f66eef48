"""What families that are a plain stack of layers share: z over a coarsest grid to pictures, and pictures to a logit."""

from typing import Any

from torch import Tensor, nn


class CoarseGenerator(nn.Module):
    """A generator that first makes a coarse grid of features of z, as all families here do.

    After z a latent may go on with *detail*: numbers that are added to that grid. Generated faces have none. A photo
    lies beside everything that z alone can make, and a grid of its own brings G much nearer to it, while a direction in
    z still moves it: the idea of StyleGAN's extended latents (Abdal et al., arXiv:1904.03189) for networks with one
    entrance.

    A family sets ``latent_size``, ``project`` (z to the grid, flat), ``grid`` (its rows and columns) and ``deepest``
    (its channels).
    """

    project: Any  # a layer, or a few
    latent_size: int
    grid: tuple[int, int]
    deepest: int

    @property
    def detail_size(self) -> int:
        """How many numbers the detail of a latent is."""
        return self.grid[0] * self.grid[1] * self.deepest

    def begin(self, z: Tensor, detail: Tensor | None) -> Tensor:
        """The coarsest grid (N x deepest x rows x columns) of z, or of w where z is mapped, and of detail, if any."""
        x = self.project(z) if detail is None else self.project(z) + detail
        # Channels are the projection's fastest axis, so that the grid is born in channels-last order.
        grid: Tensor = x.view(-1, *self.grid, self.deepest).permute(0, 3, 1, 2)
        return grid

    def parts(self, latents: Tensor) -> tuple[Tensor, Tensor | None]:
        """z (N x latent_size), and the detail (N x detail_size) where latents have it."""
        if latents.shape[1] == self.latent_size:
            return latents, None
        return latents[:, : self.latent_size], latents[:, self.latent_size :]


class StackGenerator(CoarseGenerator):
    """Latents (N x latent_size, or with detail) to pictures (N x 3 x H x W) in [-1, 1].

    A family sets ``layers`` (the coarsest grid to pictures), and what `CoarseGenerator` asks for.
    """

    layers: nn.Sequential

    def forward(self, latents: Tensor) -> Tensor:
        pictures: Tensor = self.layers(self.begin(*self.parts(latents)))
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
