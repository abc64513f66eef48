"""The state of a run: networks, optimizers and the EMA, and the parts of a step that every task shares."""

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from facesmith.networks.build import move_to_device
from facesmith.training.distributed import SINGLE_PROCESS, ProcessGroup, sync_batch_norm
from facesmith.training.settings import Recipe


@dataclass
class TrainState:
    """The trained networks by name, and the optimizer of each under the same name.

    ``ema`` is the exponential moving average of the network called ``ema_name``; it is sampled, scored and exported.
    Without an average in the recipe it is that network itself. ``extra_emas`` are further averages by their half-life
    in kimg. ``pretrained`` networks are frozen.
    """

    nets: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    ema: nn.Module
    ema_name: str
    device: torch.device
    bfloat16: bool
    group: ProcessGroup
    pretrained: dict[str, nn.Module] = field(default_factory=dict)
    extra_emas: dict[float, nn.Module] = field(default_factory=dict)


def new_state(
    recipe: Recipe,
    nets: dict[str, nn.Module],
    ema_name: str,
    device: torch.device,
    group: ProcessGroup = SINGLE_PROCESS,
    pretrained: dict[str, nn.Module] | None = None,
    weight_decay: float | None = None,
    extra_ema_kimg: Iterable[float] = (),
) -> TrainState:
    """Return the state at step 0. The recipe's device, precision and memory format must be resolved.

    Each network has its own Adam, or with ``weight_decay`` an AdamW (Loshchilov and Hutter, arXiv:1711.05101).
    """
    nets = {name: move_to_device(net, device, recipe.memory_format) for name, net in nets.items()}
    ema = copy.deepcopy(nets[ema_name]).requires_grad_(False).eval() if recipe.ema_kimg else nets[ema_name]
    frozen_nets = {
        name: move_to_device(net, device, recipe.memory_format).requires_grad_(False).eval()
        for name, net in (pretrained or {}).items()
    }
    for net in nets.values():
        sync_batch_norm(net, group)
    optimizers = {name: _adam(net, recipe, device, weight_decay) for name, net in nets.items()}
    extra = {kimg: copy.deepcopy(nets[ema_name]).requires_grad_(False).eval() for kimg in extra_ema_kimg}
    bfloat16 = recipe.precision == "bfloat16"
    return TrainState(nets, optimizers, ema, ema_name, device, bfloat16, group, frozen_nets, extra)


def is_finite(state: TrainState) -> bool:
    """Return whether all weights are finite. Waits for the device."""
    weights: list[Tensor] = [p for net in state.nets.values() for p in net.parameters()]
    return bool(torch.stack(torch._foreach_norm(weights)).isfinite().all())


def set_hyperparameters(optimizer: torch.optim.Optimizer, learning_rate: Any, betas: tuple[float, float]) -> None:
    """Set an optimizer's learning rate (a number or a scalar on the device) and betas."""
    for parameters in optimizer.param_groups:
        parameters["lr"], parameters["betas"] = learning_rate, betas


def ema_weight(recipe: Recipe, images_seen: int, ema_kimg: float | None = None) -> float:
    """Return the weight of the newest network in an EMA: 1 minus the decay. ``ema_kimg`` is by default the recipe's.

    The half-life is shorter at the start of a run, so that the untrained network is soon forgotten.
    """
    kimg = recipe.ema_kimg if ema_kimg is None else ema_kimg
    half_life = min(kimg * 1000, 0.05 * (images_seen + recipe.batch_size)) or 1.0
    decay: float = 0.5 ** (recipe.batch_size / half_life)
    return 1 - decay


@torch.no_grad()
def update_ema(state: TrainState, weight: float | Tensor) -> None:
    """Move the EMA towards its network by the fraction ``weight``; buffers are copied."""
    net = state.nets[state.ema_name]
    if state.ema is not net:
        _move_average(state.ema, net, weight)


@torch.no_grad()
def update_extra_emas(state: TrainState, recipe: Recipe, images_seen: int) -> None:
    """Move every further average towards its network, each with its own half-life."""
    for ema_kimg, ema in state.extra_emas.items():
        _move_average(ema, state.nets[state.ema_name], ema_weight(recipe, images_seen, ema_kimg))


def _move_average(ema: nn.Module, net: nn.Module, weight: float | Tensor) -> None:
    averages: list[Tensor] = list(ema.parameters())
    latest: list[Tensor] = list(net.parameters())
    torch._foreach_lerp_(averages, latest, [weight] * len(latest))  # type: ignore[list-item]
    for average, buffer in zip(ema.buffers(), net.buffers(), strict=True):
        average.copy_(buffer)


def backward(loss: Tensor, net: nn.Module, group: ProcessGroup, retain_graph: bool = False) -> Tensor:
    """Compute the gradients of ``net``, averaged over all processes, and return their global norm."""
    weights = list(net.parameters())
    gradients = torch.autograd.grad(loss, weights, retain_graph=retain_graph)
    if group.world_size > 1:
        group.all_reduce_mean(gradients)
    for weight, gradient in zip(weights, gradients, strict=True):
        # Fused Adam requires equal strides, which a convolution's gradient may not have.
        same_strides = gradient.stride() == weight.stride()
        weight.grad = gradient if same_strides else torch.empty_like(weight).copy_(gradient)
    norm: Tensor = torch.stack(torch._foreach_norm(gradients)).norm()
    return norm


def optimize(loss: Tensor, state: TrainState, recipe: Recipe, images_seen: int) -> Tensor:
    """Take an optimizer step for a state of one network, and return the norm of its gradients."""
    ((name, net),) = state.nets.items()
    set_hyperparameters(state.optimizers[name], recipe.learning_rate, (recipe.beta1, recipe.beta2))
    norm = backward(loss, net, state.group)
    state.optimizers[name].step()
    update_ema(state, ema_weight(recipe, images_seen))
    return norm


def autocast(state: TrainState) -> torch.autocast:
    return torch.autocast(state.device.type, torch.bfloat16, enabled=state.bfloat16)


@contextmanager
def frozen(net: nn.Module) -> Iterator[None]:
    """Compute no gradients for the weights of ``net``."""
    net.requires_grad_(False)
    try:
        yield
    finally:
        net.requires_grad_(True)


@contextmanager
def eval_mode(net: nn.Module) -> Iterator[nn.Module]:
    """Put the network in evaluation mode, without gradients."""
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
    for p in net.parameters():  # Adam creates its state at the first step; a checkpoint before it must have one too
        at = device if fused else torch.device("cpu")
        moments = {name: torch.zeros_like(p, memory_format=torch.preserve_format) for name in ("exp_avg", "exp_avg_sq")}
        optimizer.state[p] = {"step": torch.zeros((), dtype=torch.float32, device=at), **moments}
    return optimizer
