"""What a GAN is trained on: the losses of D and G, D's gradient penalties, and the augmentation of D's input.

The augmentation is that of Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training",
arXiv:2006.10738: with few photos D memorises them; augmented, no image is seen twice, and because G's gradient passes
through, G still learns images without augmentation.
"""

import math
from contextlib import nullcontext
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from facesmith.networks.convolutions import no_weight_gradients
from facesmith.training.settings import AdversarialRecipe

LARGEST_MOVE = 8  # an image moves by at most an eighth of its side
BOX_DIVISOR = 2  # a box of half its sides is hidden
GRID = 8  # diversity compares images as GRID x GRID means: overall appearance, not texture


def discriminator_loss(real: Tensor, fake: Tensor, recipe: AdversarialRecipe) -> Tensor:
    """Return D's loss from its logits (N) of real and generated images.

    ``bce``: cross-entropy against the labels `AdversarialRecipe.real_label` and 0 (Goodfellow et al., arXiv:1406.2661).
    ``rpgan``: softplus(D(fake) - D(real)), where each generated image is compared with one real image
    (Jolicoeur-Martineau, arXiv:1807.00734; Huang et al., arXiv:2501.05441, equation 1).
    """
    if recipe.loss == "rpgan":
        return F.softplus(fake - real).mean()
    loss = _cross_entropy(real, recipe.real_label) + _cross_entropy(fake, 0.0)
    return loss / 2 if recipe.average_losses else loss


def generator_loss(real: Tensor, fake: Tensor, recipe: AdversarialRecipe) -> Tensor:
    """Return G's loss from D's logits (N): the non-saturating ``bce``, or D's ``rpgan`` loss with roles exchanged."""
    if recipe.loss == "rpgan":
        return F.softplus(real - fake).mean()
    return _cross_entropy(fake, recipe.generator_label)


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Return the mean squared norm of D's gradient at ``images`` (Mescheder et al., arXiv:1801.04406).

    It is R1 at real images and R2 at generated ones.

    ``images`` (N x 3 x H x W) must require a gradient and ``logits`` (N) must have been computed from them.
    """
    # Compiled code uses the ordinary layers, whose weight gradients cannot be skipped.
    with nullcontext() if torch.compiler.is_compiling() else no_weight_gradients():
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.float().square().sum((1, 2, 3)).mean()


def accuracies(real: Tensor, fake: Tensor, recipe: AdversarialRecipe) -> tuple[Tensor, Tensor]:
    """Return the shares of real and of generated images that D classifies correctly.

    The threshold is 0 for ``bce``. ``rpgan`` trains D on differences only: its threshold is halfway between the means.
    """
    threshold = (real.mean() + fake.mean()) / 2 if recipe.loss == "rpgan" else 0.0
    return (real > threshold).float().mean(), (fake < threshold).float().mean()


def augment(pictures: Tensor, strength: float | Tensor, rng: torch.Generator) -> Tensor:
    """Return ``pictures`` (N x 3 x H x W in [-1, 1]) augmented: float32, channels last, and differentiable twice.

    Each of three kinds is applied to an image with the probability ``strength`` (0 to 1, or a scalar on the device):
    colour (brightness ±0.5, saturation 0 to 2 times, contrast 0.5 to 1.5 times; the result may leave [-1, 1]), movement
    by up to an eighth, and a grey box of half the sides, centred anywhere. At 0 the images are unchanged, bit for bit.
    ``rng`` is on the device of the pictures; the number of its draws does not depend on ``strength``.
    """
    count, channels, height, width = pictures.shape
    device = pictures.device
    x = pictures.float()  # so that bfloat16 fakes and float32 photos are rounded alike
    recolour, move, hide = torch.rand(3, count, 1, 1, 1, generator=rng, device=device) < strength
    brightness, saturation, contrast = torch.rand(3, count, 1, 1, 1, generator=rng, device=device)

    def places(limit: int) -> Tensor:
        return torch.randint(0, limit + 1, (count, 1, 1, 1), generator=rng, device=device)

    down = (places(height // LARGEST_MOVE * 2) - height // LARGEST_MOVE) * move
    right = (places(width // LARGEST_MOVE * 2) - width // LARGEST_MOVE) * move
    # The box is hidden before the movement and moves along, so its place is shifted back by it.
    top, left = places(height) - height // (2 * BOX_DIVISOR) - down, places(width) - width // (2 * BOX_DIVISOR) - right

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


@torch.no_grad()
def nearest_distance(images: Tensor) -> Tensor:
    """Return the median distance (a scalar) of an image (of N x 3 x H x W) to its nearest neighbour, seen coarsely."""
    means = F.adaptive_avg_pool2d(images.float(), GRID).flatten(1)
    distances = torch.cdist(means, means).fill_diagonal_(math.inf)
    return distances.amin(1).median()


def _cross_entropy(logits: Tensor, label: float) -> Tensor:
    # softplus(x) - label * x is the cross-entropy of sigmoid(x), also for the labels above 1 that DIGITS-GAN uses.
    return F.softplus(logits).mean() - label * logits.mean()


class _Recolour(torch.autograd.Function):
    """Saturation s about each pixel's mean over channels ("grey"), then contrast k about the picture's mean.

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
        above, before = height // LARGEST_MOVE, width // LARGEST_MOVE
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
