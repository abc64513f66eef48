"""One step of training: D learns from a batch of real pictures, G from what D says of its own."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from facesmith.networks import registry as families
from facesmith.tasks.recipes import GANRecipe
from facesmith.training import train_state
from facesmith.training.augment import augment
from facesmith.training.distributed import SINGLE_PROCESS, ProcessGroup
from facesmith.training.gan_losses import accuracies, discriminator_loss, generator_loss, gradient_penalty
from facesmith.training.sampling import AUGMENT, generator
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


def new_state(
    recipe: GANRecipe, size: tuple[int, int], device: torch.device, group: ProcessGroup = SINGLE_PROCESS
) -> TrainState:
    """Return the state at step 0; the recipe's device, precision and memory format must be resolved."""
    G, D = families.build(recipe.family, families.describe(recipe.family, size, recipe), recipe.seed)
    return train_state.new_state(recipe, {"G": G, "D": D}, "G", device, group)


class Dials(NamedTuple, Generic[Number]):
    """The numbers that schedules move from step to step: floats, or scalars on the device.

    As scalars they stay where they are while what they hold changes, so a step that was recorded reads the newest.
    """

    learning_rate: Number
    penalty: Number  # what the sum of R1 and R2 counts for
    augment: Number  # probability of each augmentation
    ema_weight: Number  # share of the way to G that the average goes


class Kind(NamedTuple):
    """What is settled before a step begins: steps of one kind are one computation on other numbers."""

    learns: bool  # D does; G always does
    penalised: bool
    beta2: float  # which Adam takes as a number alone


class Passes(NamedTuple):
    """The stretches of a step between taking gradients; others than the eager ones must compute the same."""

    generate: Callable[..., Tensor]
    judge: Callable[..., tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]]
    answer: Callable[..., Tensor]


def train_step(
    state: TrainState, real: Tensor, z: Tensor, recipe: GANRecipe, turn: int | None, shown: int
) -> dict[str, Tensor]:
    """Let D, then G, learn once from ``real`` (N x 3 x H x W in [-1, 1]) and ``z`` (N x latent_size).

    ``turn`` counts the steps at which D has learned (None: not now), ``shown`` the pictures before. Returns what
    the step measured, as scalars that stay on the device: reading them is left to the caller, because on a GPU that
    waits for all the work in flight.
    """
    rng = generator(state.device, *augment_key(recipe, state, shown)) if augments(recipe) else None
    return learn(state, real, z, recipe, kind_of(recipe, turn), dials_of(recipe, shown), rng)


def learn(
    state: TrainState,
    real: Tensor,
    z: Tensor,
    recipe: GANRecipe,
    kind: Kind,
    dials: Dials[Any],
    rng: torch.Generator | None = None,
    passes: Passes | None = None,
) -> dict[str, Tensor]:
    """`train_step` with all that moves taken out of the recipe, and all draws out of the step but those of ``rng``.

    Nothing here waits for the device or depends on what it computes, so the whole can be recorded and replayed.
    """
    generate_, judge_, answer_ = passes or Passes(generate, judge, answer)
    G, D = state.nets["G"], state.nets["D"]
    optimizer_G, optimizer_D = state.optimizers["G"], state.optimizers["D"]
    set_hyperparameters(state, dials.learning_rate, (recipe.beta1, kind.beta2))
    apart = kind.learns and recipe.update == "alternate"  # G answers the D that has just learned

    # D looks at both. Where G does not learn from the same pass, D's gradient needs no graph of G.
    with autocast(state), nullcontext() if kind.learns else frozen(D):
        fake = generate_(G, z)
        shown_real = real.detach().requires_grad_(kind.penalised)
        shown_fake = fake.detach().requires_grad_(kind.penalised) if apart else fake
        judged = judge_(D, shown_real, shown_fake, recipe, kind.penalised, dials, rng)
    loss_D, logits_real, logits_fake, measured = judged
    if apart:
        measured["grad_D"] = backward(loss_D, D, state.group)
        optimizer_D.step()
        # D's own gradients would be thrown away here, so they are not computed.
        with autocast(state), frozen(D):
            loss_G = answer_(D, real, fake, logits_real.detach(), recipe, dials, rng)
        measured["grad_G"] = backward(loss_G, G, state.group)
    else:
        loss_G = generator_loss(logits_real, logits_fake, recipe)
        measured["grad_G"] = backward(loss_G, G, state.group, retain_graph=kind.learns)
        if kind.learns:
            measured["grad_D"] = backward(loss_D, D, state.group)
            optimizer_D.step()
    optimizer_G.step()
    update_ema(state, dials.ema_weight)
    measured["loss_G"] = loss_G
    measured["d_share"] = torch.full((), float(kind.learns), device=state.device)
    return {name: value.detach() for name, value in measured.items()}


def generate(G: nn.Module, z: Tensor) -> Tensor:
    """What G makes of ``z``."""
    fake: Tensor = G(z)
    return fake


def judge(
    D: nn.Module,
    real: Tensor,
    fake: Tensor,
    recipe: GANRecipe,
    penalised: bool,
    dials: Dials[Any],
    rng: torch.Generator | None,
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """D's loss, its logits (N) of real and of fake pictures, and what there is to measure."""
    logits_real, logits_fake = _look(D, real, dials, rng), _look(D, fake, dials, rng)
    loss = discriminator_loss(logits_real, logits_fake, recipe)
    measured = {"loss_D": loss, "logit_real": logits_real.mean(), "logit_fake": logits_fake.mean()}
    measured["accuracy_real"], measured["accuracy_fake"] = accuracies(logits_real, logits_fake, recipe)
    if penalised:
        measured["r1"] = gradient_penalty(logits_real, real)
        measured["r2"] = gradient_penalty(logits_fake, fake)
        loss = loss + dials.penalty * (measured["r1"] + measured["r2"])
    return loss, logits_real, logits_fake, measured


def answer(
    D: nn.Module,
    real: Tensor,
    fake: Tensor,
    logits_real: Tensor,
    recipe: GANRecipe,
    dials: Dials[Any],
    rng: torch.Generator | None,
) -> Tensor:
    """G's loss from what the new D says of its pictures; only a loss that compares asks D about the real ones again."""
    answers = _look(D, fake, dials, rng)
    with torch.no_grad():
        comparison = _look(D, real, dials, rng) if recipe.loss == "rpgan" else logits_real
    return generator_loss(comparison, answers, recipe)


def _look(D: nn.Module, pictures: Tensor, dials: Dials[Any], rng: torch.Generator | None) -> Tensor:
    """D's logits (N, float32), of augmented pictures where there is an ``rng`` to draw from."""
    logits: Tensor = D(pictures if rng is None else augment(pictures, dials.augment, rng))
    return logits.float()


def kind_of(recipe: GANRecipe, turn: int | None) -> Kind:
    """The kind of a step. A β2 that moves does so in steps of two figures of 1 − β2, not at every step."""
    penalised = turn is not None and recipe.penalty > 0 and turn % recipe.penalty_every == 0
    beta2 = recipe.beta2 if recipe.beta2_end is None else 1 - float(f"{1 - recipe.beta2:.2g}")
    return Kind(turn is not None, penalised, beta2)


def dials_of(recipe: GANRecipe, shown: int) -> Dials[float]:
    """The numbers of a step."""
    weight = ema_weight(recipe, shown)
    return Dials(recipe.learning_rate, recipe.penalty / 2 * recipe.penalty_every, recipe.augment, weight)


def on_device(dials: Dials[float], device: torch.device) -> Dials[Tensor]:
    """The same numbers as scalars on ``device``, without waiting for it."""
    return Dials(*(torch.full((), number, dtype=torch.float32, device=device) for number in dials))


def augments(recipe: GANRecipe) -> bool:
    """Whether pictures are augmented before D sees them, now or at another time of the run."""
    return bool(recipe.augment or recipe.augment_end)


def augment_key(recipe: GANRecipe, state: TrainState, shown: int) -> tuple[int, ...]:
    """What the draws of a step's augmentations depend on; they differ from call to call within the step."""
    return recipe.seed, AUGMENT, shown, state.group.rank
