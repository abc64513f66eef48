"""The losses of D and G, D's gradient penalties and accuracies, and the diversity of G's images."""

import math
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor

from facesmith.networks.convolutions import no_weight_gradients
from facesmith.training.settings import AdversarialRecipe

GRID = 8  # diversity compares images as GRID x GRID means: overall appearance, not texture


def conditional_logits(outputs: Tensor, y: Tensor | None) -> Tensor:
    """Return the logits (N) of a D's outputs (N, or N x (1 + conditions)) under the attributes ``y`` (N x conditions).

    The logit of an image is increased by the projection of its attributes onto its features: Miyato and Koyama,
    arXiv:1802.05637.
    """
    if y is None:
        return outputs
    return outputs[:, 0] + (outputs[:, 1:] * y).sum(1)


def discriminator_loss(real: Tensor, fake: Tensor, recipe: AdversarialRecipe) -> Tensor:
    """Return D's loss from its logits (N) of real and generated images.

    ``bce``: cross-entropy against the labels `AdversarialRecipe.real_label` and 0 (Goodfellow et al., arXiv:1406.2661).
    ``rpgan``, the relativistic pairing loss: softplus(D(fake) - D(real)), where each generated image is compared with
    one real image (Jolicoeur-Martineau, arXiv:1807.00734; Huang et al., arXiv:2501.05441, equation 1).
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


@torch.no_grad()
def nearest_distance(images: Tensor) -> Tensor:
    """Return the median, over images (N x 3 x H x W), of the distance to the nearest other image: a scalar.

    The distance is that of `GRID` x `GRID` means.
    """
    means = F.adaptive_avg_pool2d(images.float(), GRID).flatten(1)
    distances = torch.cdist(means, means).fill_diagonal_(math.inf)
    return distances.amin(1).median()


def _cross_entropy(logits: Tensor, label: float) -> Tensor:
    # softplus(x) - label * x is the cross-entropy of sigmoid(x), also for the labels above 1 that DIGITS-GAN uses.
    return F.softplus(logits).mean() - label * logits.mean()
