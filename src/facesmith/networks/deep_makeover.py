"""The third seed's makeover networks, after David Garcia's deep-makeover (docs/training.md): any picture in, one out.

Residual blocks (He et al., arXiv:1512.03385) with a bypass around every single convolution, only two poolings, nearest
neighbours on the way up. All starts near the identity, so that what has learned nothing returns its picture, averaged
over 4x4 pixels: that much the two poolings take, and no skip brings back.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facesmith.errors import FacesmithError

ENCODER, DECODER, LAST = (24, 48), (96, 64), 48  # channels of G: down, up, at the end
DISCRIMINATOR = (32, 48, 96, 128)  # channels of D, the grid halved after each
RANGE = 1.1  # G's output ends a little outside of [-1, 1], so that black and white can be reached


@dataclass(frozen=True)
class Config:
    """What the networks are, apart from how they are trained. Saved in every makeover's folder."""

    size: tuple[int, int]  # picture width and height, pixels: multiples of 4, at least 16
    directions: int = 1

    def __post_init__(self) -> None:
        refuse_odd_size(self.size)
        if self.directions != 1:
            raise FacesmithError(
                f"the makeover network of seed 3 knows one direction, not {self.directions}: train one for each, or "
                "all in one by the recipe makeover+"
            )


class Generator(nn.Module):
    """Pictures (N x 3 x H x W in [-1, 1]) and strengths (N x 1, from 0 to 1) to pictures (within ±1.1).

    Its convolutions have 593,603 weights and biases, which is what the seed counted; batch norm adds 488 shifts.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        (first, second), (third, fourth) = ENCODER, DECODER
        self.layers = nn.Sequential(
            Block(3, first), nn.AvgPool2d(2),
            Block(first, second), nn.AvgPool2d(2),
            Block(second, third), Block(third, third), nn.UpsamplingNearest2d(scale_factor=2),
            Block(third, fourth), Block(fourth, fourth), nn.UpsamplingNearest2d(scale_factor=2),
            Block(fourth, LAST), Block(LAST, LAST, kernel=1), identity(LAST, 3),
        )  # fmt: skip
        # Photos in [-1, 1] vary by about 1/4. Batch norm that starts from it treats a photo in use as in training, and
        # what has learned nothing has the contrast of its input in both.
        norm = self.layers[0].norm
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_var is not None
        norm.running_var.fill_(0.25)

    def parts(self, pictures: Tensor, strengths: Tensor) -> tuple[Tensor, None]:
        """What `forward` returns, and that there is no mask."""
        return self(pictures, strengths), None

    def forward(self, pictures: Tensor, strengths: Tensor) -> Tensor:
        # The seed's 0.5 + 1.1 (sigmoid(u) - 0.5) in [0, 1], said in [-1, 1].
        made: Tensor = RANGE * torch.tanh(self.layers(pictures).float() / 2)
        share = strengths[:, :, None, None]
        return pictures * (1 - share) + made * share  # exact at both ends


class Discriminator(nn.Module):
    """Pictures (N x 3 x H x W in [-1, 1]) to one logit each (N x 1), the mean over patches: the higher, the more real.

    835,441 weights and biases of convolutions, and 432 shifts of batch norm.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((3, *DISCRIMINATOR), DISCRIMINATOR, strict=False):
            layers += [Block(before, after), nn.AvgPool2d(2)]
        self.layers = nn.Sequential(
            *layers, Block(DISCRIMINATOR[-1], DISCRIMINATOR[-1]), identity(DISCRIMINATOR[-1], 1)
        )

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.layers(pictures).float().mean((2, 3))
        return logits


class Block(nn.Module):
    """Channels brought to ``after`` where they are others, one batch norm, then twice x + a convolution of ReLU(x)."""

    def __init__(self, before: int, after: int, kernel: int = 3) -> None:
        super().__init__()
        self.project = nn.Identity() if before == after else identity(before, after)
        self.norm = _norm(after)
        self.convolutions = nn.ModuleList(_near_zero(nn.Conv2d(after, after, kernel, padding="same")) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.project(x))
        for convolution in self.convolutions:
            x = x + convolution(F.relu(x))
        return x


def identity(before: int, after: int) -> nn.Conv2d:
    """A 1x1 convolution that begins by handing on channel i as channel i, as many as there are on both sides."""
    layer = _near_zero(nn.Conv2d(before, after, 1))
    both = range(min(before, after))
    with torch.no_grad():
        layer.weight[both, both] += 1.0
    return layer


def refuse_odd_size(size: tuple[int, int]) -> None:
    """Two poolings and two doublings must end where they began."""
    if min(size) < 16 or any(side % 4 for side in size):
        raise FacesmithError(
            f"makeovers are of pictures whose sides are multiples of 4 and at least 16, not {size[0]}x{size[1]}: "
            "import the photos in such a size, 80x100 for example"
        )


def _near_zero(layer: nn.Conv2d) -> nn.Conv2d:
    bound = 0.1 / layer.weight.numel()
    nn.init.uniform_(layer.weight, -bound, bound)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def _norm(width: int) -> nn.BatchNorm2d:
    """Batch norm that learns a shift but no scale.

    The seed's running statistics moved by a thousandth a batch, and were never used. Here they are, in every sheet: a
    hundredth, so that those of a short run are not those of its beginning.
    """
    norm = nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)
    del norm.weight
    norm.register_buffer("weight", torch.ones(width), persistent=False)
    return norm
