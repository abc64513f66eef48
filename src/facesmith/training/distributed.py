"""Many processes, one training: torchrun starts them, each takes its share of every batch, gradients are averaged.

    torchrun --nproc-per-node 4 -m facesmith train small celeba64 runs/first

The batch size is that of all processes together, every draw is made for the whole batch, of which each process takes
its part, and batch norm sees the whole batch too. So the number of processes changes the speed and, but for rounding,
nothing else: a run may be resumed with another number. What a process does alone is little: dropout and augmentation
draw for its own part, and D's accuracy with ``rpgan`` is measured against the line between its own part's means.
Process 0 alone reads and writes the
checkpoints, and tells the others what is in them: storage may show a file to another machine late.
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

T = TypeVar("T")

PATIENCE = datetime.timedelta(minutes=30)  # the others wait this long while process 0 writes pictures
NUMBERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


@dataclass(frozen=True)
class Team:
    """The processes of a training: this one's number and how many there are, on this machine and in all.

    All of them call its methods in the same order. A process that is gone ends the others with a `FacesmithError`.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def share(self, batch_size: int) -> slice:
        """This process's part of a batch. Raises `FacesmithError` if it cannot be shared evenly."""
        if batch_size % self.count:
            raise FacesmithError(
                f"a batch of {batch_size} cannot be shared by {self.count} processes: start a number that divides it"
            )
        part = batch_size // self.count
        return slice(self.rank * part, (self.rank + 1) * part)

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over all processes."""
        if self.count == 1:
            return
        together = list(tensors)
        flat = torch.cat([tensor.reshape(-1) for tensor in together])
        with _listening():
            dist.all_reduce(flat)
        flat /= self.count
        for tensor, part in zip(together, flat.split([tensor.numel() for tensor in together]), strict=True):
            tensor.copy_(part.view(tensor.shape))

    def follow(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by process 0's."""
        for tensor in tensors if self.count > 1 else ():
            with _listening():
                dist.broadcast(tensor, 0)

    def lead(self, work: Callable[[], T]) -> T:
        """What ``work`` returns on process 0, on every process; the others do not do it, but wait."""
        box: list[Any] = [work() if self.leads else None]
        if self.count > 1:
            with _listening():
                dist.broadcast_object_list(box)
        result: T = box[0]
        return result

    def agree(self, value: T) -> T:
        """What process 0 says, on every process."""
        return self.lead(lambda: value)

    def hear(self, value: T) -> list[T]:
        """What every process says, by number, on every process."""
        said = [value] * self.count
        if self.count > 1:
            with _listening():
                dist.all_gather_object(said, value)
        return said


ALONE = Team()


@contextmanager
def team() -> Iterator[Team]:
    """The team that torchrun's environment describes; this process alone without one.

    Of what goes wrong, the first process on each machine to know speaks: the others end without a word.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    store, member = _meet()
    try:
        yield member
    except Exception as error:
        if not _first_to_speak(store) and isinstance(error, FacesmithError):
            raise SystemExit(2) from None
        raise
    finally:
        dist.destroy_process_group()


def share_batch_norm(net: nn.Module, team: Team) -> None:
    """Let every batch norm of ``net`` see, when it trains, the batches of all processes as one."""
    for module in net.modules() if team.count > 1 else ():
        if isinstance(module, _BatchNorm):
            module.__class__ = _SharedBatchNorm


class _SharedBatchNorm(_BatchNorm):
    """Batch norm (Ioffe and Szegedy, arXiv:1502.03167) over all processes, whose parts are equally large.

    torch's own SyncBatchNorm needs a GPU, and cannot be differentiated twice as gradient penalties do.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def _check_input_dim(self, _: Tensor) -> None: ...

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        rank, count = dist.get_rank(), dist.get_world_size()
        over = [0, *range(2, x.dim())]
        own = torch.stack(torch.var_mean(x.float(), over, correction=0))
        variances, means = _sum(F.pad(own[None], (0, 0, 0, 0, rank, count - rank - 1))).unbind(1)
        mean, variance = means.mean(0), variances.mean(0) + means.var(0, correction=0)
        seen = count * x.numel() // x.shape[1]
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (seen / (seen - 1)), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        shape = (1, -1, *[1] * (x.dim() - 2))
        return torch.addcmul(shift.view(shape), x.float(), scale.view(shape)).to(x.dtype)


class _Sum(torch.autograd.Function):
    """The sum over all processes; on the way back the gradients are summed alike."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        x = x.clone(memory_format=torch.contiguous_format)
        with _listening():
            dist.all_reduce(x)
        return x

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return _sum(gradient)


def _sum(x: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]
    return total


def _meet() -> tuple[Store, Team]:
    """Wait for the others; the store that all can read, and this process's place among them."""
    missing = [name for name in (*NUMBERS, "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing:
        raise FacesmithError(
            f"WORLD_SIZE says that many processes train together, but {' and '.join(missing)} is not set: "
            "start them by torchrun, or take WORLD_SIZE out of the environment to train with one"
        )
    member = Team(*(int(os.environ[name]) for name in NUMBERS))
    gpus = torch.cuda.device_count()
    if gpus:
        torch.cuda.set_device(member.local_rank % gpus)
    # NCCL refuses two processes on one GPU, so processes that share GPUs speak as those without do.
    backend = "cpu:gloo,cuda:nccl" if gpus >= member.local_count else "gloo"
    try:
        store, rank, count = next(rendezvous("env://", timeout=PATIENCE))
        dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=PATIENCE)
        dist.all_reduce(torch.zeros(1))  # or one that ends at once would be missed by those who still look for it
    except RuntimeError:
        raise FacesmithError(
            "not all processes of this training met at {MASTER_ADDR}:{MASTER_PORT}: see that each of them was started, "
            "with a RANK of its own, and can reach that address".format(**os.environ)
        ) from None
    return store, member


@contextmanager
def _listening() -> Iterator[None]:
    """What torch raises when a message to or from another process fails is a bare RuntimeError."""
    try:
        yield
    except RuntimeError:
        raise FacesmithError(
            "another process of this training is gone, so this one stops: go on from the last checkpoint with --resume"
        ) from None


def _first_to_speak(store: Store) -> bool:
    """Whether no other process that shares its terminal with this one has asked this before."""
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":  # not torchrun's: each has an output of its own
        return True
    try:
        return int(store.add(f"facesmith spoke on {platform.node()}", 1)) == 1
    except RuntimeError:  # the machine that kept the store is gone
        return True
