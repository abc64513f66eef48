"""What bounds a training step: its arithmetic and its bytes, and how fast this machine does either at best."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

ROUNDS = 5


def wait(device: torch.device) -> None:
    """Until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matmul_peak(device: torch.device) -> float:
    """FLOP a second of a square bfloat16 matrix product, the best of some rounds."""
    side, times = (8192, 10) if device.type == "cuda" else (2048, 2)
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 * times / _best(lambda: a @ b, times, device)


def copy_bandwidth(device: torch.device) -> float:
    """Bytes a second, read and written together, of copying a block that no cache holds: the best of some rounds."""
    size, times = (1 << 30, 10) if device.type == "cuda" else (1 << 28, 2)
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    return 2 * size * times / _best(lambda: target.copy_(source), times, device)


class Counter(TorchDispatchMode):
    """What is done inside ``with Counter() as counter``: floating-point operations, and bytes moved.

    ``flops`` are the multiplications and additions of matrix products and convolutions, gradients included. ``bytes``
    are the tensors that go into and come out of every operation, as if each were read or written once from memory:
    caches spare some of that, and a kernel that goes over its inputs twice needs more.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops, self.bytes = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func.overloadpacket in flop_registry:
            self.flops += flop_registry[func.overloadpacket](*args, **kwargs, out_val=result)
        # A view moves nothing, and neither does memory that is only taken.
        if not (func.is_view or func.overloadpacket._qualified_op_name.startswith("aten::empty")):
            tensors: list[Tensor] = []
            _gather((args, kwargs, result), tensors)
            self.bytes += sum(each.numel() * each.element_size() for each in tensors)
        return result


def _gather(value: Any, tensors: list[Tensor]) -> None:
    if isinstance(value, Tensor):
        tensors.append(value)
    elif isinstance(value, list | tuple):
        for each in value:
            _gather(each, tensors)
    elif isinstance(value, dict):
        _gather(list(value.values()), tensors)


def _best(work: Callable[[], Any], times: int, device: torch.device) -> float:
    """The fewest seconds that ``times`` times the work took."""
    best = float("inf")
    for _ in range(ROUNDS + 1):  # the first is slower: memory is found in it
        wait(device)
        began = time.perf_counter()
        for _ in range(times):
            work()
        wait(device)
        best = min(best, time.perf_counter() - began)
    return best
