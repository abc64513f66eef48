"""One step of training: D learns from a batch of real pictures, G from what D says of its own."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facesmith.networks import dcgan
from facesmith.training.losses import accuracies, discriminator_loss, generator_loss, gradient_penalty
from facesmith.training.recipes import Recipe


@dataclass
class Players:
    """The networks and what moves them. ``average`` is the G that makes the pictures (G itself without an EMA)."""

    G: dcgan.Generator
    D: dcgan.Discriminator
    average: dcgan.Generator
    optimizer_G: torch.optim.Optimizer
    optimizer_D: torch.optim.Optimizer
    device: torch.device
    bfloat16: bool


def network_config(recipe: Recipe, size: tuple[int, int]) -> dcgan.DCGANConfig:
    """The networks a recipe means for pictures of ``size`` (width, height)."""
    return dcgan.DCGANConfig(
        size=size,
        latent_size=recipe.latent_size,
        generator_width=recipe.generator_width,
        discriminator_width=recipe.discriminator_width,
        kernel=recipe.kernel,
        bias=recipe.bias,
        generator_norm=recipe.generator_norm,
        discriminator_norm=recipe.discriminator_norm,
    )


def set_up(recipe: Recipe, size: tuple[int, int], device: torch.device) -> Players:
    """Fresh players for a recipe whose device, precision and memory format are settled."""
    G, D = dcgan.build(network_config(recipe, size), recipe.seed)
    G, D = dcgan.place(G, device, recipe.memory_format), dcgan.place(D, device, recipe.memory_format)
    average = copy.deepcopy(G).requires_grad_(False).eval() if recipe.ema_kimg else G

    def adam(net: nn.Module) -> torch.optim.Optimizer:
        betas = (recipe.beta1, recipe.beta2)
        return torch.optim.Adam(net.parameters(), recipe.learning_rate, betas, fused=device.type != "mps")

    return Players(G, D, average, adam(G), adam(D), device, recipe.precision == "bfloat16")


def train_step(players: Players, real: Tensor, z: Tensor, recipe: Recipe, step: int, shown: int) -> dict[str, Tensor]:
    """Let D, then G, learn once from ``real`` (N x 3 x H x W in [-1, 1]) and ``z`` (N x latent_size).

    ``step`` and ``shown`` count what came before. Returns what the step measured, as scalars that stay on the device:
    reading them is left to the caller, because on a GPU that waits for all the work in flight.
    """
    G, D = players.G, players.D
    penalised = recipe.penalty > 0 and step % recipe.penalty_every == 0

    # D learns. Its gradient needs no graph of G unless G learns from the same pass.
    with _autocast(players):
        fake = G(z)
        real_seen, fake_seen = real.requires_grad_(penalised), fake
        if recipe.update == "alternate":
            fake_seen = fake.detach().requires_grad_(penalised)
        logits_real, logits_fake = D(real_seen).float(), D(fake_seen).float()
        loss_D = discriminator_loss(logits_real, logits_fake, recipe)
        measured = {"loss_D": loss_D, "logit_real": logits_real.mean(), "logit_fake": logits_fake.mean()}
        measured["accuracy_real"], measured["accuracy_fake"] = accuracies(logits_real, logits_fake, recipe)
        if penalised:
            measured["r1"] = gradient_penalty(logits_real, real_seen)
            measured["r2"] = gradient_penalty(logits_fake, fake_seen)
            weight = recipe.penalty / 2 * recipe.penalty_every
            loss_D = loss_D + weight * (measured["r1"] + measured["r2"])
    if recipe.update == "together":
        with _autocast(players):
            loss_G = generator_loss(logits_real, logits_fake, recipe)
        _backward(loss_G, G, retain_graph=True)
        _backward(loss_D, D)
        players.optimizer_D.step()
    else:
        _backward(loss_D, D)
        players.optimizer_D.step()
        # G answers the D that has just learned; D's own gradients would be thrown away, so they are not computed.
        with _autocast(players), _frozen(D):
            answers = D(fake).float()
            with torch.no_grad():
                comparison = D(real).float() if recipe.loss == "rpgan" else logits_real
            loss_G = generator_loss(comparison, answers, recipe)
        _backward(loss_G, G)
    players.optimizer_G.step()
    measured["loss_G"] = loss_G
    if recipe.ema_kimg:
        update_average(players, recipe, shown)
    return {name: value.detach() for name, value in measured.items()}


@torch.no_grad()
def update_average(players: Players, recipe: Recipe, shown: int) -> None:
    """Move the average towards G; its half-life is shorter at the start, so that the untrained G is forgotten."""
    half_life = min(recipe.ema_kimg * 1000, 0.05 * (shown + recipe.batch_size))
    keep = 0.5 ** (recipe.batch_size / half_life)
    torch._foreach_lerp_(list(players.average.parameters()), list(players.G.parameters()), 1 - keep)
    for average, latest in zip(players.average.buffers(), players.G.buffers(), strict=True):
        average.copy_(latest)


def _backward(loss: Tensor, net: nn.Module, retain_graph: bool = False) -> None:
    weights = list(net.parameters())
    gradients = torch.autograd.grad(loss, weights, retain_graph=retain_graph)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient


def _autocast(players: Players) -> torch.autocast:
    return torch.autocast(players.device.type, torch.bfloat16, enabled=players.bfloat16)


@contextmanager
def _frozen(net: nn.Module) -> Iterator[None]:
    net.requires_grad_(False)
    try:
        yield
    finally:
        net.requires_grad_(True)
