"""Refine the encoder's latents by optimization, so that the faces come closer to the photos. Requires torch."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from facesmith.arrays import Floats, Images
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.images.pixels import to_float
from facesmith.models.model import Model
from facesmith.progress import progress

if TYPE_CHECKING:
    import torch

LEARNING_RATE, RESIDUAL_LEARNING_RATE, BETAS = 0.05, 0.02, (0.9, 0.999)  # of z, and of the residual latent
PRIOR_WEIGHT = 0.001  # of the latents' mean square, relative to the images' mean squared difference
BLOCK = 16  # faces optimized at once, independently of each other
DEFAULT_STEPS = 50  # of photos, where torch is installed: about a second at 128x128 on two cores


def refine(
    model: Model,
    images: Images,
    z: Floats,
    steps: int,
    *,
    on_step: Callable[[int], None] = lambda step: None,
    quiet: bool = False,
) -> Floats:
    """Return latents like ``z`` (N x latent_size, or with the residual latent) after ``steps`` of Adam from there.

    The loss is the distance to ``images`` (N x H x W x 3, uint8). Up to rounding, the result does not depend on other
    images. ``on_step`` is called with the number of each finished step; an exception from it ends the search. Adam
    (Kingma and Ba, arXiv:1412.6980) is written out because importing torch's takes longer than a hundred of its steps.
    Raises `FacesmithError` if torch is missing.
    """
    torch = require("torch", "train", "refining")
    if steps < 1:
        raise FacesmithError(f"invalid refine={steps}: expected at least 1 step")
    net, device = model.torch_generator()
    net.requires_grad_(False)
    refined = np.empty_like(z)
    rates = torch.full((z.shape[1],), RESIDUAL_LEARNING_RATE, device=device)
    rates[: model.latent_size] = LEARNING_RATE
    with progress(len(z) * steps, "refining", "steps", shown=not quiet) as bar:
        for start in range(0, len(z), BLOCK):
            rows = slice(start, start + BLOCK)
            target = torch.from_numpy(to_float(images[rows])).to(device)
            latents = torch.from_numpy(z[rows].copy()).to(device).requires_grad_()
            mean, square = torch.zeros_like(latents), torch.zeros_like(latents)
            for step in range(1, steps + 1):
                total = refinement_loss(net(latents), target, latents).sum()
                (gradient,) = torch.autograd.grad(total, latents)
                with torch.no_grad():
                    mean.lerp_(gradient, 1 - BETAS[0])
                    square.lerp_(gradient.square(), 1 - BETAS[1])
                    root = (square / (1 - BETAS[1] ** step)).sqrt() + 1e-8
                    latents -= rates * mean / (1 - BETAS[0] ** step) / root
                bar.update(len(latents))
                on_step(step)
            refined[rows] = latents.detach().cpu().numpy()
    return refined


def refinement_steps(model: Model, steps: int | None) -> int:
    """Return how many steps to take: ``steps``, or by default `DEFAULT_STEPS`, or none where refining is impossible.

    It needs torch and the model's weights. Raises `FacesmithError` for a negative number.
    """
    if steps is None:
        return DEFAULT_STEPS if find_spec("torch") and model.folder.weights.exists() else 0
    if steps < 0:
        raise FacesmithError(f"invalid refine={steps}: expected 0 or more steps")
    return steps


def refinement_loss(generated: "torch.Tensor", target: "torch.Tensor", z: "torch.Tensor") -> "torch.Tensor":
    """Return the loss of each face (N): the mean squared difference of images in [-1, 1], and a weak prior.

    The prior is that of Gaussian latents, whose log density falls with their square.
    """
    return (generated - target).square().mean((1, 2, 3)) + PRIOR_WEIGHT * z.square().mean(1)
