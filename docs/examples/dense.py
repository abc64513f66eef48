"""A plugin: a network family of dense layers, and a recipe that uses it."""

from dataclasses import dataclass

from torch import Tensor, nn

import facesmith


@dataclass(frozen=True)
class Config(facesmith.FamilyConfig):
    width: int = facesmith.setting(128, "units of the hidden layers", minimum=1)


class Generator(nn.Module):
    """Map latents (N x latent_size) to images (N x 3 x H x W) in [-1, 1]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.width, self.height = config.size
        self.hidden = nn.Linear(config.latent_size, config.width)
        self.pixels = nn.Linear(config.width, 3 * self.height * self.width)

    def forward(self, z: Tensor) -> Tensor:
        return self.pixels(self.hidden(z).relu()).tanh().view(-1, 3, self.height, self.width)


class Discriminator(nn.Module):
    """Map images (N x 3 x H x W) to logits (N): the higher, the more real."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        pixels = 3 * config.size[0] * config.size[1]
        self.layers = nn.Sequential(nn.Linear(pixels, config.width), nn.LeakyReLU(0.2), nn.Linear(config.width, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images.flatten(1)).squeeze(1)


facesmith.register_family("dense", Config, Generator, Discriminator)
facesmith.register_recipe(
    facesmith.GANRecipe(
        "dense", "an example", family="dense", latent_size=16, network={"width": 64}, loss="rpgan", penalty=2.0
    )
)
