"""Limits of a training step: its operations and bytes, and the peak rates of the machine."""

from collections.abc import Callable
from typing import Any

import harness
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

ROUNDS = 5


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matmul_peak(device: torch.device) -> float:
    """Return FLOP per second of a square bfloat16 matrix product, the best of some rounds."""
    side, repeats = (8192, 10) if device.type == "cuda" else (2048, 2)
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 * repeats / _shortest_time(lambda: a @ b, repeats, device)


def copy_bandwidth(device: torch.device) -> float:
    """Return bytes per second, read and written, of copying a block that exceeds all caches."""
    size, repeats = (1 << 30, 10) if device.type == "cuda" else (1 << 28, 2)
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    return 2 * size * repeats / _shortest_time(lambda: target.copy_(source), repeats, device)


class OperationCounter(TorchDispatchMode):
    """Counts operations and bytes inside ``with OperationCounter() as counter``.

    ``flops`` are the multiplications and additions of matrix products and convolutions, gradients included. ``bytes``
    are the inputs and outputs of every operation, as if each was read or written once: caches save some of that, and a
    kernel that reads its inputs twice needs more.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops, self.bytes = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func.overloadpacket in flop_registry:
            self.flops += flop_registry[func.overloadpacket](*args, **kwargs, out_val=result)
        # A view moves no bytes, nor does an allocation.
        if not (func.is_view or func.overloadpacket._qualified_op_name.startswith("aten::empty")):
            tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return result


def _shortest_time(function: Callable[[], Any], repeats: int, device: torch.device) -> float:
    """Return the shortest time of ``repeats`` calls, over some rounds and a warm-up."""

    def repeat() -> None:
        for _ in range(repeats):
            function()
        synchronize(device)

    synchronize(device)
    return min(harness.timed(repeat)[1] for _ in range(ROUNDS + 1))
