"""The mini28 family: the networks of 28x28, a dense layer and three transposed convolutions against three convolutions.

Dropout of one half is applied in every hidden layer of both networks while they train. It draws from torch's global
generator, which must be seeded to repeat a step.
"""

from torch import nn

from facesmith.networks.family_settings import Mini28Config
from facesmith.networks.layers import StackDiscriminator, StackGenerator

GRID = 4  # cells of the coarsest grid in both networks
SLOPE, DROPOUT = 0.2, 0.5


class Generator(StackGenerator):
    """Map latents (N x latent_size, or with detail) to images (N x 3 x 28 x 28) in [-1, 1]."""

    def __init__(self, config: Mini28Config) -> None:
        super().__init__()
        width = config.generator_width
        self.latent_size, self.grid, self.deepest = config.latent_size, (GRID, GRID), 4 * width
        self.project = nn.Linear(config.latent_size, self.deepest * GRID * GRID, bias=False)
        self.layers = nn.Sequential(
            *_hidden(4 * width),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, bias=False),  # 4x4 to 7x7
            *_hidden(2 * width),
            nn.ConvTranspose2d(2 * width, width, 5, 2, padding=2, output_padding=1, bias=False),
            *_hidden(width),
            nn.ConvTranspose2d(width, 3, 5, 2, padding=2, output_padding=1),
            nn.Tanh(),
        )
        self.apply(initialize)


class Discriminator(StackDiscriminator):
    """Map images (N x 3 x 28 x 28) in [-1, 1] to one logit each (N): the higher, the more real."""

    def __init__(self, config: Mini28Config) -> None:
        super().__init__()
        width = config.discriminator_width
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 5, 2, padding=2),  # to 14x14
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Dropout(DROPOUT),
            nn.Conv2d(width, 2 * width, 5, 2, padding=2, bias=False),  # to 7x7
            *_hidden(2 * width),
            nn.Conv2d(2 * width, 4 * width, 5, 2, padding=2, bias=False),  # to 4x4
            *_hidden(4 * width),
        )
        self.head = nn.Linear(4 * width * GRID * GRID, 1)
        self.apply(initialize)


def initialize(module: nn.Module) -> None:
    """Initialise as TensorFlow does: weights uniform as in Glorot and Bengio (2010), norm scales 1, every bias 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _hidden(channels: int) -> list[nn.Module]:
    # TensorFlow's momentum 0.99 is what torch calls 0.01.
    norm = nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
    return [norm, nn.LeakyReLU(SLOPE, inplace=True), nn.Dropout(DROPOUT)]
