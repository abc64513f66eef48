"""The losses of D and G as functions of D's logits, and the penalties that keep D smooth."""

from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor

from facesmith.networks.convolutions import no_weight_gradients
from facesmith.training.settings import AdversarialRecipe


def discriminator_loss(real: Tensor, fake: Tensor, recipe: AdversarialRecipe) -> Tensor:
    """D's loss from its logits (N) of real and of fake pictures.

    ``bce``: cross-entropy against the labels `AdversarialRecipe.real_label` and 0 (Goodfellow et al., arXiv:1406.2661).
    ``rpgan``: softplus(D(fake) - D(real)), each fake compared with one real (Jolicoeur-Martineau, arXiv:1807.00734;
    Huang et al., arXiv:2501.05441, equation 1).
    """
    if recipe.loss == "rpgan":
        return F.softplus(fake - real).mean()
    loss = _cross_entropy(real, recipe.real_label) + _cross_entropy(fake, 0.0)
    return loss / 2 if recipe.average_losses else loss


def generator_loss(real: Tensor, fake: Tensor, recipe: AdversarialRecipe) -> Tensor:
    """G's loss from D's logits (N): the non-saturating ``bce``, or ``rpgan``'s mirror image of D's."""
    if recipe.loss == "rpgan":
        return F.softplus(real - fake).mean()
    return _cross_entropy(fake, recipe.generator_label)


def gradient_penalty(logits: Tensor, pictures: Tensor) -> Tensor:
    """Mean squared norm of D's gradient at ``pictures``: R1 on real, R2 on fake (Mescheder et al., arXiv:1801.04406).

    ``pictures`` (N x 3 x H x W) must require a gradient and ``logits`` (N) must have been computed from them.
    """
    # What is compiled has no weight gradients to leave out: it sees the layers without our own derivatives.
    with nullcontext() if torch.compiler.is_compiling() else no_weight_gradients():
        (gradient,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    return gradient.float().square().sum((1, 2, 3)).mean()


def accuracies(real: Tensor, fake: Tensor, recipe: AdversarialRecipe) -> tuple[Tensor, Tensor]:
    """The shares of real and of fake pictures that D has on the right side.

    The threshold is 0 for ``bce``. ``rpgan`` trains D on differences only: its threshold is halfway between the means.
    """
    line = (real.mean() + fake.mean()) / 2 if recipe.loss == "rpgan" else 0.0
    return (real > line).float().mean(), (fake < line).float().mean()


def _cross_entropy(logits: Tensor, label: float) -> Tensor:
    # softplus(x) - label * x is the cross-entropy of sigmoid(x), also for the labels above 1 that DIGITS-GAN uses.
    return F.softplus(logits).mean() - label * logits.mean()
