"""Data-parallel training: torchrun starts several processes, each trains on its part of every batch.

    torchrun --nproc-per-node 4 -m facesmith train small celeba64 runs/first

The batch size is the global one. Random draws are made for the global batch and each process takes its slice, gradients
are averaged, and batch norm sees the global batch. So the number of processes changes the speed but, apart from
rounding, not the result, and a run can be resumed with another number. Three things are local: dropout, augmentation,
and D's accuracy with ``rpgan``, which is measured against the mean logits of the local batch. Only rank 0 reads and
writes checkpoints, because another machine may see a file on shared storage late.
"""

import datetime
import os
import platform
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.modules.batchnorm import _BatchNorm

from facesmith.errors import FacesmithError
from facesmith.machine import machine_cores

T = TypeVar("T")

TIMEOUT = datetime.timedelta(minutes=30)  # how long the other ranks wait while rank 0 writes images
MAX_PROCESSES_PER_CORE = 4  # on one machine
RANK_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")  # in the order of ProcessGroup's fields


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a run: the rank of this one and their number, in total and on this machine.

    All processes call its methods in the same order. If one is lost, the others raise `FacesmithError`.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1

    @property
    def is_rank_zero(self) -> bool:
        """Return whether this process writes the run folder."""
        return self.rank == 0

    def local_batch(self, batch_size: int) -> slice:
        """Return this process's slice of a batch. Raises `FacesmithError` if the batch cannot be divided evenly."""
        if batch_size % self.world_size:
            raise FacesmithError(
                f"a batch of {batch_size} cannot be divided among {self.world_size} processes: use a number of "
                "processes that divides the batch size"
            )
        size = batch_size // self.world_size
        return slice(self.rank * size, (self.rank + 1) * size)

    def all_reduce_mean(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over all processes."""
        if self.world_size == 1:
            return
        targets = list(tensors)
        flat = torch.cat([tensor.reshape(-1) for tensor in targets])
        with _lost_processes_reported():
            dist.all_reduce(flat)
        flat /= self.world_size
        for tensor, mean in zip(targets, flat.split([tensor.numel() for tensor in targets]), strict=True):
            tensor.copy_(mean.view(tensor.shape))

    def broadcast_tensors(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite each tensor with that of rank 0."""
        for tensor in tensors if self.world_size > 1 else ():
            with _lost_processes_reported():
                dist.broadcast(tensor, 0)

    def on_rank_zero(self, function: Callable[[], T]) -> T:
        """Call ``function`` on rank 0 only and return its result on every rank."""
        box: list[Any] = [function() if self.is_rank_zero else None]
        if self.world_size > 1:
            with _lost_processes_reported():
                dist.broadcast_object_list(box)
        result: T = box[0]
        return result

    def barrier(self) -> None:
        """Wait until rank 0 reaches this point."""
        self.on_rank_zero(lambda: None)

    def all_gather(self, value: T) -> list[T]:
        """Return the value of every process, by rank, on every process."""
        values = [value] * self.world_size
        if self.world_size > 1:
            with _lost_processes_reported():
                dist.all_gather_object(values, value)
        return values


SINGLE_PROCESS = ProcessGroup()


@contextmanager
def process_group() -> Iterator[ProcessGroup]:
    """Yield the group that torchrun's environment variables describe, or `SINGLE_PROCESS` without them.

    If an error ends all processes, one process on each machine prints the message, and the others exit silently.
    """
    if "WORLD_SIZE" not in os.environ or _whole_number("WORLD_SIZE") == 1:
        yield SINGLE_PROCESS
        return
    store, group = _initialise()
    try:
        yield group
    except Exception as error:
        if not _is_first_reporter(store) and isinstance(error, FacesmithError):
            raise SystemExit(2) from None
        raise
    finally:
        dist.destroy_process_group()


def sync_batch_norm(net: nn.Module, group: ProcessGroup) -> None:
    """Make every batch norm of ``net`` use the statistics of the global batch in training."""
    for module in net.modules() if group.world_size > 1 else ():
        if isinstance(module, _BatchNorm):
            module.__class__ = _SyncBatchNorm


class _SyncBatchNorm(_BatchNorm):
    """Batch norm (Ioffe and Szegedy, arXiv:1502.03167) over all processes, whose local batches have equal sizes.

    torch's own SyncBatchNorm requires a GPU and has no second derivative, which gradient penalties need.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def _check_input_dim(self, _: Tensor) -> None: ...

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        rank, world_size = dist.get_rank(), dist.get_world_size()
        axes = [0, *range(2, x.dim())]
        local = torch.stack(torch.var_mean(x.float(), axes, correction=0))
        variances, means = _sum(F.pad(local[None], (0, 0, 0, 0, rank, world_size - rank - 1))).unbind(1)
        mean, variance = means.mean(0), variances.mean(0) + means.var(0, correction=0)
        count = world_size * x.numel() // x.shape[1]
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        shape = (1, -1, *[1] * (x.dim() - 2))
        return torch.addcmul(shift.view(shape), x.float(), scale.view(shape)).to(x.dtype)


class _Sum(torch.autograd.Function):
    """The sum over all processes; gradients are summed in the same way."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        x = x.clone(memory_format=torch.contiguous_format)
        with _lost_processes_reported():
            dist.all_reduce(x)
        return x

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return _sum(gradient)


def _sum(x: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]
    return total


def _whole_number(variable: str) -> int:
    try:
        return int(os.environ[variable])
    except ValueError:
        raise FacesmithError(
            f"invalid {variable}={os.environ[variable]}: expected a whole number, as torchrun sets it"
        ) from None


def _initialise() -> tuple[Store, ProcessGroup]:
    """Connect to the other processes. Returns the store that all of them share, and the group."""
    missing = [name for name in (*RANK_VARIABLES, "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing:
        raise FacesmithError(
            f"WORLD_SIZE={os.environ['WORLD_SIZE']} requests several processes, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set: start training with torchrun, or unset WORLD_SIZE to "
            "use one process"
        )
    group = ProcessGroup(*map(_whole_number, RANK_VARIABLES))
    limit = MAX_PROCESSES_PER_CORE * machine_cores()
    if not (0 <= group.rank < group.world_size and 0 <= group.local_rank < group.local_world_size <= limit):
        values = ", ".join(f"{name}={os.environ[name]}" for name in RANK_VARIABLES)
        raise FacesmithError(
            f"invalid process ranks ({values}): RANK must be less than WORLD_SIZE and LOCAL_RANK less than "
            f"LOCAL_WORLD_SIZE, which can be at most {limit} on this machine; start training with torchrun"
        )
    gpus = torch.cuda.device_count()
    if gpus:
        torch.cuda.set_device(group.local_rank % gpus)
    # NCCL refuses two processes on one GPU, so processes that share a GPU use gloo.
    backend = "cpu:gloo,cuda:nccl" if gpus >= group.local_world_size else "gloo"
    try:
        store, rank, world_size = next(rendezvous("env://", timeout=TIMEOUT))
        dist.init_process_group(backend, store=store, rank=rank, world_size=world_size, timeout=TIMEOUT)
        # Without this, a process that ends at once could be missed by those that are still connecting.
        dist.all_reduce(torch.zeros(1))
    except RuntimeError:
        raise FacesmithError(
            "not all processes of this run connected to {MASTER_ADDR}:{MASTER_PORT}: check that each process "
            "was started with its own RANK and can reach that address".format(**os.environ)
        ) from None
    return store, group


@contextmanager
def _lost_processes_reported() -> Iterator[None]:
    """Turn the bare RuntimeError that torch raises for a failed message into a `FacesmithError`."""
    try:
        yield
    except RuntimeError:
        raise FacesmithError(
            "another process of this run was lost: continue from the last checkpoint with --resume"
        ) from None


def _is_first_reporter(store: Store) -> bool:
    """Return whether no other process with the same terminal has called this before."""
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":  # without torchrun each process has its own output
        return True
    try:
        return int(store.add(f"facesmith error reported on {platform.node()}", 1)) == 1
    except RuntimeError:  # the machine that holds the store was lost
        return True
