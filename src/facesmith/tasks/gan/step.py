"""One training step of a GAN: D learns from real and generated images, G from D's logits of its own images."""

import copy
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from facesmith.networks import build as networks
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.training import train_state
from facesmith.training.adversarial_losses import (
    accuracies,
    conditional_logits,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
)
from facesmith.training.augmentation import augment
from facesmith.training.distributed import SINGLE_PROCESS, ProcessGroup
from facesmith.training.sampling import AUGMENT, seeded_rng
from facesmith.training.train_state import (
    TrainState,
    autocast,
    backward,
    ema_weight,
    frozen,
    set_hyperparameters,
    update_ema,
)

Number = TypeVar("Number", float, Tensor)


def network_config(recipe: GANRecipe, size: tuple[int, int]) -> Any:
    """Return the ``Config`` of a recipe's networks. Raises `FacesmithError` for a size that the family cannot make.

    Attributes that are an input follow z in the latent, so G's latents are longer by their number.
    """
    latent_size = recipe.latent_size + len(recipe.attribute_names)
    return networks.make_config(recipe.family, size, recipe.network, latent_size=latent_size)


def new_state(
    recipe: GANRecipe, size: tuple[int, int], device: torch.device, group: ProcessGroup = SINGLE_PROCESS
) -> TrainState:
    """Return the state at step 0; the recipe's device, precision and memory format must be resolved."""
    G, D = networks.build(
        recipe.family, network_config(recipe, size), recipe.seed, conditions=len(recipe.attribute_names)
    )
    nets = {"G": G, "D": D}
    return train_state.new_state(recipe, nets, "G", device, group, extra_ema_kimg=recipe.extra_half_lives)


class StepScalars(NamedTuple, Generic[Number]):
    """The numbers that schedules change from step to step: floats, or scalars on the device.

    Scalars on the device stay in place while their values change, so a recorded step reads the newest values.
    """

    learning_rate: Number
    generator_learning_rate: Number  # 0 while only D learns
    penalty: Number  # weight of the sum of R1 and R2
    augment: Number  # probability of each augmentation
    ema_weight: Number  # of the newest G in the EMA


class StepVariant(NamedTuple):
    """The decisions of a step: steps of one variant run the same computation on other numbers."""

    d_learns: bool  # G always learns
    penalised: bool
    beta2: float  # Adam does not accept a scalar on the device


class StepPasses(NamedTuple):
    """The parts of a step between gradients. Replacements of the eager functions must compute the same."""

    generate: Callable[..., Tensor]
    discriminator_pass: Callable[..., tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]]
    generator_pass: Callable[..., Tensor]


def train_step(
    state: TrainState, real: Tensor, z: Tensor, recipe: GANRecipe, d_step: int | None, images_seen: int
) -> dict[str, Tensor]:
    """Train D, then G, on ``real`` (N x 3 x H x W in [-1, 1]) and ``z`` (N x latent_size).

    Where attributes are an input, those of the real images follow z: generated images are compared with real ones of
    the same attributes.

    ``d_step`` counts the steps at which D has learned, None if D does not learn; ``images_seen`` counts the real images
    of all steps before. The result holds scalars on the device; on a GPU, reading one waits for all queued work.
    """
    rng = seeded_rng(state.device, *augment_key(recipe, state, images_seen)) if augments(recipe) else None
    return run_step(state, real, z, recipe, step_variant(recipe, d_step), step_scalars(recipe, images_seen), rng)


def run_step(
    state: TrainState,
    real: Tensor,
    z: Tensor,
    recipe: GANRecipe,
    variant: StepVariant,
    scalars: StepScalars[Any],
    rng: torch.Generator | None = None,
    passes: StepPasses | None = None,
) -> dict[str, Tensor]:
    """Run `train_step` with the changing numbers taken out of the recipe.

    Augmentations are drawn from ``rng``, dropout from torch's default generator.
    Nothing here waits for the device or depends on its results, so the step can be recorded and replayed.
    """
    passes = passes or StepPasses(generate, discriminator_pass, generator_pass)
    G, D = state.nets["G"], state.nets["D"]
    optimizer_G, optimizer_D = state.optimizers["G"], state.optimizers["D"]
    betas = recipe.beta1, variant.beta2
    set_hyperparameters(optimizer_D, scalars.learning_rate, betas)
    set_hyperparameters(optimizer_G, scalars.generator_learning_rate, betas)
    y = z[:, recipe.latent_size :] if recipe.attributes else None
    alternate = variant.d_learns and recipe.update == "alternate"  # G learns from the updated D

    # In the alternate update, D's gradient needs no graph of G.
    with autocast(state), nullcontext() if variant.d_learns else frozen(D):
        fake = passes.generate(G, z)
        d_real = real.detach().requires_grad_(variant.penalised)
        d_fake = fake.detach().requires_grad_(variant.penalised) if alternate else fake
        loss_D, logits_real, logits_fake, measured = passes.discriminator_pass(
            D, d_real, d_fake, recipe, variant.penalised, scalars, rng, y
        )
    if alternate:
        measured["grad_D"] = backward(loss_D, D, state.group)
        optimizer_D.step()
        with autocast(state), frozen(D):  # the gradients of D's weights are not needed here
            loss_G = passes.generator_pass(D, real, fake, logits_real.detach(), recipe, scalars, rng, y)
        measured["grad_G"] = backward(loss_G, G, state.group)
    else:
        loss_G = generator_loss(logits_real, logits_fake, recipe)
        measured["grad_G"] = backward(loss_G, G, state.group, retain_graph=variant.d_learns)
        if variant.d_learns:
            measured["grad_D"] = backward(loss_D, D, state.group)
            optimizer_D.step()
    optimizer_G.step()
    update_ema(state, scalars.ema_weight)
    measured["loss_G"] = loss_G
    measured["d_share"] = torch.full((), float(variant.d_learns), device=state.device)
    return {name: value.detach() for name, value in measured.items()}


def generate(G: nn.Module, z: Tensor) -> Tensor:
    """Return G's images of ``z``."""
    fake: Tensor = G(z)
    return fake


def discriminator_pass(
    D: nn.Module,
    real: Tensor,
    fake: Tensor,
    recipe: GANRecipe,
    penalised: bool,
    scalars: StepScalars[Any],
    rng: torch.Generator | None,
    y: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """Return D's loss, its logits (N) of real and generated images, and the measurements."""
    logits_real, logits_fake = _logits(D, real, scalars, rng, y), _logits(D, fake, scalars, rng, y)
    loss = discriminator_loss(logits_real, logits_fake, recipe)
    measured = {"loss_D": loss, "logit_real": logits_real.mean(), "logit_fake": logits_fake.mean()}
    measured["accuracy_real"], measured["accuracy_fake"] = accuracies(logits_real, logits_fake, recipe)
    if penalised:
        measured["r1"] = gradient_penalty(logits_real, real)
        measured["r2"] = gradient_penalty(logits_fake, fake)
        loss = loss + scalars.penalty * (measured["r1"] + measured["r2"])
    return loss, logits_real, logits_fake, measured


def generator_pass(
    D: nn.Module,
    real: Tensor,
    fake: Tensor,
    logits_real: Tensor,
    recipe: GANRecipe,
    scalars: StepScalars[Any],
    rng: torch.Generator | None,
    y: Tensor | None = None,
) -> Tensor:
    """Return G's loss under the updated D; only the relativistic loss needs new logits of the real images."""
    logits_fake = _logits(D, fake, scalars, rng, y)
    with torch.no_grad():
        comparison = _logits(D, real, scalars, rng, y) if recipe.loss == "rpgan" else logits_real
    return generator_loss(comparison, logits_fake, recipe)


def _logits(
    D: nn.Module, images: Tensor, scalars: StepScalars[Any], rng: torch.Generator | None, y: Tensor | None
) -> Tensor:
    """Return D's logits (N, float32) under the attributes ``y``; with an ``rng``, of augmented images."""
    outputs: Tensor = D(images if rng is None else augment(images, scalars.augment, rng))
    return conditional_logits(outputs.float(), y)


def step_variant(recipe: GANRecipe, d_step: int | None) -> StepVariant:
    """Return the variant of a step. A scheduled β2 is rounded to two figures of 1 − β2, so that few variants exist."""
    penalised = d_step is not None and recipe.penalty > 0 and d_step % recipe.penalty_every == 0
    beta2 = recipe.beta2 if recipe.beta2_end is None else 1 - float(f"{1 - recipe.beta2:.2g}")
    return StepVariant(d_step is not None, penalised, beta2)


def step_scalars(recipe: GANRecipe, images_seen: int) -> StepScalars[float]:
    """Return the numbers of a step."""
    rate = recipe.learning_rate
    is_warm_up = images_seen < recipe.warm_up_images
    return StepScalars(
        rate, 0.0 if is_warm_up else rate, recipe.penalty_weight, recipe.augment, ema_weight(recipe, images_seen)
    )


def without_warm_up(recipe: GANRecipe) -> GANRecipe:
    """Return the recipe of the steps in which G learns, whatever its ``warm_up_kimg``."""
    if not recipe.warm_up_images:
        return recipe
    result = copy.copy(recipe)  # `dataclasses.replace` would check the settings of the network family in every step
    object.__setattr__(result, "warm_up_kimg", 0.0)
    return result


def on_device(scalars: StepScalars[float], device: torch.device) -> StepScalars[Tensor]:
    """Return the same numbers as scalars on ``device``, without waiting for it."""
    return StepScalars(*(torch.full((), number, dtype=torch.float32, device=device) for number in scalars))


def augments(recipe: GANRecipe) -> bool:
    """Return whether D's input is augmented at any time of the run."""
    return bool(recipe.augment or recipe.augment_end)


def augment_key(recipe: GANRecipe, state: TrainState, images_seen: int) -> tuple[int, ...]:
    """Return the seed of a step's augmentations."""
    return recipe.seed, AUGMENT, images_seen, state.group.rank
