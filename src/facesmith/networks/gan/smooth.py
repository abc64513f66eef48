"""The smooth family: DCGAN's layers, but images without a checkerboard, and flat colours for drawings.

* The last layer of G doubles the grid and blurs in one convolution, so that a flat area has one colour whether its
  rows and columns are even or odd. Sugawara et al., arXiv:1806.02658, show why transposed convolutions do not.
* With a palette, G mixes each pixel from colours that it chooses for the whole image, by a softmax. An area of one
  colour is then exactly flat, as in drawings.
* With ``scales`` above 1, G's image is a sum over its finest levels, and D reads the image at as many, as in Karras et
  al., arXiv:1912.04958, section 4.1. So trained networks can be the start of networks for twice the size.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facesmith.errors import FacesmithError
from facesmith.networks.bilateral_filter import BilateralFilter
from facesmith.networks.convolutions import Conv, ConvTranspose, SmoothToRGB
from facesmith.networks.family_settings import SmoothConfig
from facesmith.networks.layers import CoarseGenerator

WEIGHT_SPREAD = 0.02  # of the initial weights: Radford et al., arXiv:1511.06434
PALETTE_SHARPNESS = 4.0  # factor of the scores before the softmax: most pixels are to have one colour
COLOUR_SPREAD = 0.1  # of the initial weights of the palette, whose colours differ from the start


class Generator(CoarseGenerator):
    """Map latents (N x latent_size, or with detail) to images (N x 3 x H x W) in [-1, 1]."""

    latent_layers = ("project", "colours")

    def __init__(self, config: SmoothConfig) -> None:
        super().__init__()
        grids, channels = config.plan.grids[::-1], config.channels(config.generator_width)[::-1]
        self.latent_size, self.grid, self.deepest = config.latent_size, grids[0], channels[0]
        self.project = nn.Linear(config.latent_size, self.deepest * self.grid[0] * self.grid[1])
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in channels)
        missing = [(after[0] - 2 * before[0], after[1] - 2 * before[1]) for before, after in pairwise(grids)]
        self.ups = nn.ModuleList(
            ConvTranspose(before, after, 4, 2, 1, output_padding=odd)
            for (before, after), odd in zip(pairwise(channels), missing[:-1], strict=True)
        )
        # Levels are named by their distance from the coarsest, so that they keep their names when finer ones are added.
        self.to_rgb = nn.ModuleDict(
            {
                str(level): SmoothToRGB(channels[level], config.palette or 3, missing[level])
                for level in range(len(channels) - config.scales, len(channels))
            }
        )
        self.colours = nn.Linear(config.latent_size, 3 * config.palette) if config.palette else None
        self.flatten = BilateralFilter(config.flatten) if config.flatten else None
        initialize(self)
        if self.colours is not None:
            nn.init.normal_(self.colours.weight, 0.0, COLOUR_SPREAD)

    def start_from(self, smaller: Mapping[str, Tensor]) -> None:
        """Start from a G for half the size: generate its images, enlarged."""
        start_from(self, smaller)

    def forward(self, latents: Tensor) -> Tensor:
        z, detail = self.split(latents)
        x = self.begin(z, detail)
        image: Tensor | None = None
        for level, norm in enumerate(self.norms):
            if level:
                x = self.ups[level - 1](x)
            x = F.relu(norm(x), inplace=True)
            if str(level) in self.to_rgb:
                image = self.to_rgb[str(level)](x, image)
        assert image is not None
        image = image.tanh() if self.colours is None else mix_palette(image, self.colours(z))
        return image if self.flatten is None else self.flatten(image)


class Discriminator(nn.Module):
    """Map images (N x 3 x H x W) in [-1, 1] to one logit each (N): the higher, the more real."""

    def __init__(self, config: SmoothConfig) -> None:
        super().__init__()
        channels, coarsest = config.channels(config.discriminator_width), config.plan.grids[-1]
        self.levels = len(channels)
        self.from_rgb = nn.ModuleDict(
            {str(self.levels - 1 - level): Conv(3, channels[level], 4, 2, 1) for level in range(config.scales)}
        )
        self.downs = nn.ModuleDict(
            {
                str(self.levels - 2 - level): Conv(before, after, 4, 2, 1)
                for level, (before, after) in enumerate(pairwise(channels))
            }
        )
        self.norms = nn.ModuleDict(
            {
                str(self.levels - 2 - level): nn.BatchNorm2d(width)
                for level, width in enumerate(channels[1:] if config.discriminator_norm else ())
            }
        )
        self.head = nn.Linear(channels[-1] * coarsest[0] * coarsest[1], 1)
        initialize(self)

    def start_from(self, smaller: Mapping[str, Tensor]) -> None:
        """Start from a D for half the size: return its logits of the images at half the size."""
        start_from(self, smaller)

    def features(self, images: Tensor) -> Tensor:
        """Return what the logit is computed from: N x (cells of the coarsest grid x channels)."""
        x: Tensor | None = None
        for level in map(str, reversed(range(self.levels))):
            if x is not None:
                x = self.downs[level](x)
            if level in self.from_rgb:
                read = self.from_rgb[level](images)
                x = read if x is None else x + read
                images = F.avg_pool2d(images, 2)
            assert x is not None
            x = F.leaky_relu(self.norms[level](x) if level in self.norms else x, 0.2)
        assert x is not None
        return x.permute(0, 2, 3, 1).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits.squeeze(1)


@torch.no_grad()
def start_from(net: nn.Module, smaller: Mapping[str, Tensor]) -> None:
    """Copy the weights of a network for half the size; what is new adds nothing yet.

    Raises `FacesmithError` where the levels that both have differ.
    """
    state = net.state_dict()
    for key, weights in smaller.items():
        if key not in state or state[key].shape != weights.shape:
            raise FacesmithError(
                f"the weights {key} of the smaller network do not match: when a run grows, only settings outside "
                "[network] can change"
            )
        state[key].copy_(weights)
    for key in state.keys() - smaller.keys():
        if key.startswith(("to_rgb", "downs")):
            state[key].zero_()


def initialize(net: nn.Module) -> None:
    """Initialise as in DCGAN's paper: weights N(0, 0.02), norm scales 1, every bias 0."""
    for name, parameter in net.named_parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, 0.0, WEIGHT_SPREAD)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)


def mix_palette(scores: Tensor, colours: Tensor) -> Tensor:
    """Return images (N x 3 x H x W) whose pixels are means of the colours (N x 3 palette), weighted by a softmax."""
    shares = (PALETTE_SHARPNESS * scores.flatten(2).float()).softmax(1)
    palette = colours.float().tanh().unflatten(1, (-1, 3))
    pixels: Tensor = palette.mT @ shares
    return pixels.view(-1, 3, *scores.shape[2:])
