"""Latents that make a photo better than the encoder's: its answer is where a search begins. Needs torch."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.images.pixels import to_float
from facesmith.models import backends
from facesmith.models.model import WEIGHTS, Model
from facesmith.progress import progress

if TYPE_CHECKING:
    import torch

LEARNING_RATE, DETAIL_RATE, BETAS = 0.05, 0.02, (0.9, 0.999)  # of z, and of the detail that follows it
PRIOR = 0.001  # weight of the latents' mean square beside the pictures': what no pixel asks for stays ordinary
BLOCK = 16  # faces searched for at once; each goes its own way


def refine(
    model: Model,
    pictures: NDArray[np.uint8],
    z: NDArray[np.float32],
    steps: int,
    *,
    told: Callable[[int], None] = lambda step: None,
    quiet: bool = False,
) -> NDArray[np.float32]:
    """Latents like ``z`` (N x latent_size, or with detail) after ``steps`` of Adam from there.

    They make faces closer to ``pictures`` (N x H x W x 3, uint8). The same photo and steps give the same latent,
    whatever other photos there are but for rounding. ``told`` is called with the number of each step that is done, and
    what it raises ends the search. Adam (Kingma and Ba, arXiv:1412.6980) is written out here: to import torch's takes
    longer than a hundred of its steps. Raises `FacesmithError` where torch is missing.
    """
    torch = require("torch", "train", "refining")
    if steps < 1:
        raise FacesmithError(f"refining takes {steps} steps: ask for at least one")
    net, device = backends.torch_module(model.path / WEIGHTS, model.card["network"])
    net.requires_grad_(False)
    found = np.empty_like(z)
    rates = torch.full((z.shape[1],), DETAIL_RATE, device=device)
    rates[: model.latent_size] = LEARNING_RATE
    with progress(len(z) * steps, "refining", "steps", shown=not quiet) as bar:
        for start in range(0, len(z), BLOCK):
            rows = slice(start, start + BLOCK)
            target = torch.from_numpy(to_float(pictures[rows])).to(device)
            latents = torch.from_numpy(z[rows].copy()).to(device).requires_grad_()
            mean, square = torch.zeros_like(latents), torch.zeros_like(latents)
            for step in range(1, steps + 1):
                total = distance(net(latents), target, latents).sum()
                (gradient,) = torch.autograd.grad(total, latents)
                with torch.no_grad():
                    mean.lerp_(gradient, 1 - BETAS[0])
                    square.lerp_(gradient.square(), 1 - BETAS[1])
                    root = (square / (1 - BETAS[1] ** step)).sqrt() + 1e-8
                    latents -= rates * mean / (1 - BETAS[0] ** step) / root
                bar.update(len(latents))
                told(step)
            found[rows] = latents.detach().cpu().numpy()
    return found


def distance(made: "torch.Tensor", wanted: "torch.Tensor", z: "torch.Tensor") -> "torch.Tensor":
    """What is made small for each face (N): the mean squared difference of the pictures (in [-1, 1]), and a weak prior.

    The prior is that of Gaussian latents, whose log density falls with their square.
    """
    return (made - wanted).square().mean((1, 2, 3)) + PRIOR * z.square().mean(1)
