"""The networks of ArtiFace: a generator that is nearly all one dense layer, and a discriminator of two convolutions.

At ArtiFace's 128x128 the dense layer outputs a grid of 32x32x512 at once; here the grid is a quarter of any size.
"""

from torch import nn

from facesmith.networks.family_settings import ArtifaceConfig
from facesmith.networks.gan.mini28 import initialize
from facesmith.networks.layers import StackDiscriminator, StackGenerator

SLOPE, DROPOUT = 0.3, 0.3  # Keras' LeakyReLU, and the dropout of D; G has none
EPSILON, MOMENTUM = 1e-3, 0.01  # batch norm's in Keras, whose momentum 0.99 is what torch calls 0.01


class Generator(StackGenerator):
    """Map latents (N x latent_size, or with detail) to images (N x 3 x H x W) in [-1, 1]."""

    def __init__(self, config: ArtifaceConfig) -> None:
        super().__init__()
        width = config.generator_width
        self.latent_size, self.grid, self.deepest = config.latent_size, config.grid, 4 * width
        cells = self.grid[0] * self.grid[1]
        # The norm precedes the grid: every cell of every channel has its own mean and variance.
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
    """Map images (N x 3 x H x W) in [-1, 1] to one logit each (N): the higher, the more real."""

    def __init__(self, config: ArtifaceConfig) -> None:
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
        self.head = nn.Linear(2 * width * config.grid[0] * config.grid[1], 1)
        self.apply(initialize)


def _norm(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels, EPSILON, MOMENTUM), nn.LeakyReLU(SLOPE, inplace=True)]
