"""The networks of a training, and what every kind of training does with them in a step."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from facesmith.networks.registry import place
from facesmith.training.distributed import ALONE, Team, share_batch_norm
from facesmith.training.settings import Recipe


@dataclass
class Players:
    """The networks by name, and the optimizer of each by the same name.

    ``average`` follows the network called ``averaged``, and is used afterwards in its place; where the recipe keeps no
    average it is that network itself. The ``given`` were trained before, and learn no more.
    """

    nets: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    average: nn.Module
    averaged: str
    device: torch.device
    bfloat16: bool
    team: Team
    given: dict[str, nn.Module] = field(default_factory=dict)


def set_up(
    recipe: Recipe,
    nets: dict[str, nn.Module],
    averaged: str,
    device: torch.device,
    team: Team = ALONE,
    given: dict[str, nn.Module] | None = None,
    weight_decay: float | None = None,
) -> Players:
    """Players of fresh ``nets``, for a recipe whose device, precision and memory format are settled.

    Each net has an Adam of its own, with a ``weight_decay`` an AdamW (Loshchilov and Hutter, arXiv:1711.05101).
    """
    nets = {name: place(net, device, recipe.memory_format) for name, net in nets.items()}
    average = copy.deepcopy(nets[averaged]).requires_grad_(False).eval() if recipe.ema_kimg else nets[averaged]
    frozen = {
        name: place(net, device, recipe.memory_format).requires_grad_(False).eval()
        for name, net in (given or {}).items()
    }
    for net in nets.values():
        share_batch_norm(net, team)
    optimizers = {name: _adam(net, recipe, device, weight_decay) for name, net in nets.items()}
    return Players(nets, optimizers, average, averaged, device, recipe.precision == "bfloat16", team, frozen)


def tune(players: Players, learning_rate: Any, betas: tuple[float, float]) -> None:
    """Let every optimizer go on with these numbers; ``learning_rate`` is one, or a scalar on the device."""
    for optimizer in players.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"], group["betas"] = learning_rate, betas


def follow_share(recipe: Recipe, shown: int) -> float:
    """The share of the way to its network that the average goes in a step.

    The average's half-life is shorter at the start, so that the untrained network is forgotten.
    """
    half_life = min(recipe.ema_kimg * 1000, 0.05 * (shown + recipe.batch_size)) or 1.0
    forgotten: float = 0.5 ** (recipe.batch_size / half_life)
    return 1 - forgotten


@torch.no_grad()
def update_average(players: Players, follow: float | Tensor) -> None:
    """Move the average towards its network by the share ``follow`` of the way."""
    net = players.nets[players.averaged]
    if players.average is net:
        return
    averages: list[Tensor] = list(players.average.parameters())
    latest: list[Tensor] = list(net.parameters())
    torch._foreach_lerp_(averages, latest, [follow] * len(latest))  # type: ignore[list-item]
    for average, buffer in zip(players.average.buffers(), net.buffers(), strict=True):
        average.copy_(buffer)


def backward(loss: Tensor, net: nn.Module, team: Team, retain_graph: bool = False) -> Tensor:
    """Give the weights their gradients, averaged over the team, and return the norm of them all together."""
    weights = list(net.parameters())
    gradients = torch.autograd.grad(loss, weights, retain_graph=retain_graph)
    team.average(gradients)
    for weight, gradient in zip(weights, gradients, strict=True):
        # Fused Adam goes through memory as it lies, so both must lie alike; a convolution's gradient may not.
        alike = gradient.stride() == weight.stride()
        weight.grad = gradient if alike else torch.empty_like(weight).copy_(gradient)
    norm: Tensor = torch.stack(torch._foreach_norm(gradients)).norm()
    return norm


def learn_from(loss: Tensor, players: Players, recipe: Recipe, shown: int) -> Tensor:
    """Let the one network of ``players`` learn from its loss; returns the norm of its gradients."""
    ((name, net),) = players.nets.items()
    tune(players, recipe.learning_rate, (recipe.beta1, recipe.beta2))
    norm = backward(loss, net, players.team)
    players.optimizers[name].step()
    update_average(players, follow_share(recipe, shown))
    return norm


def autocast(players: Players) -> torch.autocast:
    return torch.autocast(players.device.type, torch.bfloat16, enabled=players.bfloat16)


@contextmanager
def frozen(net: nn.Module) -> Iterator[None]:
    net.requires_grad_(False)
    try:
        yield
    finally:
        net.requires_grad_(True)


@contextmanager
def in_use(net: nn.Module) -> Iterator[nn.Module]:
    """The network as it is when it is used, not trained, and no gradients."""
    training = net.training
    net.eval()
    try:
        with torch.no_grad():
            yield net
    finally:
        net.train(training)


def _adam(net: nn.Module, recipe: Recipe, device: torch.device, weight_decay: float | None) -> torch.optim.Optimizer:
    betas, fused = (recipe.beta1, recipe.beta2), device.type != "mps"
    optimizer: torch.optim.Optimizer = (
        torch.optim.Adam(net.parameters(), recipe.learning_rate, betas, fused=fused)
        if weight_decay is None
        else torch.optim.AdamW(net.parameters(), recipe.learning_rate, betas, weight_decay=weight_decay, fused=fused)
    )
    for p in net.parameters():  # the state it would make at its first step, so that a checkpoint always has one
        at = device if fused else torch.device("cpu")
        moments = {name: torch.zeros_like(p, memory_format=torch.preserve_format) for name in ("exp_avg", "exp_avg_sq")}
        optimizer.state[p] = {"step": torch.zeros((), dtype=torch.float32, device=at), **moments}
    return optimizer
