"""Augmentation of training images: strong and differentiable for D, slight for classifiers.

`augment` is that of Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", arXiv:2006.10738: with
few photos D memorises them; augmented, no image is seen twice, and because G's gradient passes through, G still learns
images without augmentation.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

MOVE_DIVISOR = 8  # an image moves by at most an eighth of its side
BOX_DIVISOR = 2  # a box of half the height and width is hidden


def augment(images: Tensor, strength: float | Tensor, rng: torch.Generator) -> Tensor:
    """Return ``images`` (N x 3 x H x W in [-1, 1]) augmented: float32, channels last, and twice differentiable.

    Each of three kinds is applied to an image with the probability ``strength`` (0 to 1, or a scalar on the device):
    colour (brightness ±0.5, saturation 0 to 2 times, contrast 0.5 to 1.5 times; the result may leave [-1, 1]), movement
    by up to an eighth, and a grey box of half the sides, centred anywhere. At 0 the images are unchanged, bit for bit.
    ``rng`` is on the device of the images; the number of its draws does not depend on ``strength``.
    """
    count, channels, height, width = images.shape
    device = images.device
    x = images.float()  # so that bfloat16 fakes and float32 photos are rounded alike
    recolour, move, hide = torch.rand(3, count, 1, 1, 1, generator=rng, device=device) < strength
    brightness, saturation, contrast = torch.rand(3, count, 1, 1, 1, generator=rng, device=device)

    def random_offsets(limit: int) -> Tensor:
        return torch.randint(0, limit + 1, (count, 1, 1, 1), generator=rng, device=device)

    down = (random_offsets(height // MOVE_DIVISOR * 2) - height // MOVE_DIVISOR) * move
    right = (random_offsets(width // MOVE_DIVISOR * 2) - width // MOVE_DIVISOR) * move
    # The box is drawn before the movement and moves with the image, so its position is shifted back by it.
    top = random_offsets(height) - height // (2 * BOX_DIVISOR) - down
    left = random_offsets(width) - width // (2 * BOX_DIVISOR) - right

    saturation, contrast = torch.where(recolour, 2 * saturation, 1.0), torch.where(recolour, contrast + 0.5, 1.0)
    x = cast(Tensor, _Recolour.apply(x, saturation, contrast))  # type: ignore[no-untyped-call]
    rows = torch.arange(height, device=device).view(1, 1, -1, 1) - top
    # Every channel has its own columns and flags are floats, because broadcasting over the innermost axis is slow.
    columns = torch.arange(channels * width, device=device) // channels - left
    clear_rows = (~hide | (rows < 0) | (rows >= height // BOX_DIVISOR)).float()
    clear_columns = ((columns < 0) | (columns >= width // BOX_DIVISOR)).float()
    visible = torch.maximum(clear_rows, clear_columns).view(count, height, width, channels).permute(0, 3, 1, 2)
    x = (x + (brightness - 0.5) * recolour) * visible
    return cast(Tensor, _Move.apply(x, down, right))  # type: ignore[no-untyped-call]


def vary(images: Tensor, shift: float, colour: float, rng: torch.Generator) -> Tensor:
    """Return ``images`` (N x 3 x H x W in [-1, 1]) with small movements, zoom and changes of light.

    Each image is moved and zoomed by up to the share ``shift`` of its sides, with edges repeated;
    brightness, saturation and contrast vary by up to the share ``colour``. Float32.
    """
    count, device = len(images), images.device
    down, right, zoom, *light = (2 * torch.rand(6, count, 1, 1, 1, generator=rng, device=device) - 1).unbind()
    x = images.float()
    if shift:
        grid = F.affine_grid(torch.eye(2, 3, device=device).expand(count, 2, 3), list(x.shape), align_corners=False)
        # Half an image is 1 wide in the coordinates of the grid.
        grid = grid * (1 + shift * zoom) + 2 * shift * torch.cat([right, down], 3)
        x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    brightness, saturation, contrast = (colour * value for value in light)
    grey = x.mean(1, keepdim=True)
    x = grey + (1 + saturation) * (x - grey)
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (1 + contrast) * (x - mean) + brightness


class _Recolour(torch.autograd.Function):
    """Saturation s about each pixel's mean over channels ("grey"), then contrast k about the image's mean.

    Together k s x + k (1 - s) grey + (1 - k) mean: a symmetric matrix, which is its own transpose.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, s: Tensor, k: Tensor) -> Tensor:
        ctx.save_for_backward(s, k)
        grey = (x[:, 0:1] + x[:, 1:2] + x[:, 2:3]) / 3  # faster than mean(1) where channels come last
        return k * s * x + (k * (1 - s) * grey + (1 - k) * grey.mean((2, 3), keepdim=True))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return cast(Tensor, _Recolour.apply(gradient, *ctx.saved_tensors)), None, None  # type: ignore[no-untyped-call]


class _Move(torch.autograd.Function):
    """Images moved by (down, right) pixels and filled with zeros; the transpose moves them back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, down: Tensor, right: Tensor) -> Tensor:
        ctx.save_for_backward(down, right)
        count, channels, height, width = x.shape
        above, before = height // MOVE_DIVISOR, width // MOVE_DIVISOR
        padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, before, before, above, above))
        tall, wide = padded.shape[1:3]
        # A row of the result is a run of the padded pixels, which is copied by its start.
        runs = padded.flatten().unfold(0, width * channels, channels)
        picture, row = torch.arange(count, device=x.device)[:, None], torch.arange(height, device=x.device)
        first = (picture * tall + above + row - down.view(-1, 1)) * wide + before - right.view(-1, 1)
        return runs[first].view(count, height, width, channels).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        down, right = ctx.saved_tensors
        return cast(Tensor, _Move.apply(gradient, -down, -right)), None, None  # type: ignore[no-untyped-call]
