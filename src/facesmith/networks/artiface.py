"""The networks of seed 2, ArtiFace: a generator that is nearly all one dense layer against two convolutions.

At the seed's 128x128 the dense layer makes a grid of 32x32x512 at once; here the grid is a quarter of any size.
"""

from dataclasses import dataclass

from torch import nn

from facesmith.errors import FacesmithError
from facesmith.networks.mini28 import initialize
from facesmith.networks.stack import StackDiscriminator, StackGenerator

SMALLEST, LARGEST = 32, 256  # pixels a side
SLOPE, DROPOUT = 0.3, 0.3  # Keras' LeakyReLU, and the dropout of D; G has none
EPSILON, MOMENTUM = 1e-3, 0.01  # batch norm's in Keras, whose momentum 0.99 is what torch calls 0.01


@dataclass(frozen=True)
class Config:
    """What the networks are, apart from how they are trained. Saved in every model folder."""

    size: tuple[int, int]  # picture width and height, pixels
    latent_size: int = 100
    generator_width: int = 128  # channels at half the picture's size; half as many at the full, 4 times at the quarter
    discriminator_width: int = 64

    def __post_init__(self) -> None:
        width, height = self.size
        if not all(SMALLEST <= side <= LARGEST and side % 4 == 0 for side in self.size):
            raise FacesmithError(
                f"the artiface family cannot make {width}x{height} pictures: it makes sizes from {SMALLEST}x{SMALLEST} "
                f"to {LARGEST}x{LARGEST} whose sides are multiples of 4, "
                f"so import the photos again with --size 128, 80x100 or the like"
            )
        if self.generator_width < 2 or self.generator_width % 2:
            raise FacesmithError(f"generator_width is {self.generator_width}: it must be even, as it is halved once")
        for name in ("latent_size", "discriminator_width"):
            if getattr(self, name) < 1:
                raise FacesmithError(f"{name} is {getattr(self, name)}: it must be at least 1")

    @property
    def grid(self) -> tuple[int, int]:
        """(height, width) of the grid that G starts from and D ends with."""
        return self.size[1] // 4, self.size[0] // 4


class Generator(StackGenerator):
    """Latents (N x latent_size, or with detail) to pictures (N x 3 x H x W) in [-1, 1]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.generator_width
        self.latent_size, self.grid, self.deepest = config.latent_size, config.grid, 4 * width
        cells = self.grid[0] * self.grid[1]
        # The norm comes before the grid is formed: every cell of every channel has a mean and variance of its own.
        self.project = nn.Sequential(
            nn.Linear(config.latent_size, cells * self.deepest, bias=False),
            nn.BatchNorm1d(cells * self.deepest, EPSILON, MOMENTUM),
            nn.LeakyReLU(SLOPE, inplace=True),
        )
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(4 * width, 2 * width, 5, padding=2, bias=False),
            *_norm(2 * width),
            nn.ConvTranspose2d(2 * width, width, 5, 2, padding=2, output_padding=1, bias=False),
            *_norm(width),
            nn.ConvTranspose2d(width, width // 2, 5, 2, padding=2, output_padding=1, bias=False),
            *_norm(width // 2),
            nn.ConvTranspose2d(width // 2, 3, 5, padding=2, bias=False),
            nn.Tanh(),
        )
        self.apply(initialize)


class Discriminator(StackDiscriminator):
    """Pictures (N x 3 x H x W) in [-1, 1] to one logit each (N): the higher, the more real."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.discriminator_width
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 5, 2, padding=2),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Dropout(DROPOUT),
            nn.Conv2d(width, 2 * width, 5, 2, padding=2),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Dropout(DROPOUT),
        )
        self.judge = nn.Linear(2 * width * config.grid[0] * config.grid[1], 1)
        self.apply(initialize)


def _norm(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels, EPSILON, MOMENTUM), nn.LeakyReLU(SLOPE, inplace=True)]
