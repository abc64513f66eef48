"""Checkpoints: the whole state of a run in one safetensors file, replaced atomically."""

import json
import zlib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from facesmith.errors import FacesmithError
from facesmith.files import atomic_file, utf8_path
from facesmith.runs.checkpoints import (
    FORMAT,
    METADATA_KEY,
    SUFFIX,
    VERSION,
    kimg_name,
    prune_checkpoints,
    read_metadata,
)
from facesmith.runs.old_names import current_tensor_name
from facesmith.runs.run_folder import RunFolder
from facesmith.training.schedules import CHANCE
from facesmith.training.train_state import TrainState

EMA = "average"  # the name of the EMA in a checkpoint; further EMAs have their half-life appended
CHECKSUMS = "crc32"  # in the metadata: of each tensor, so that a flipped bit is found
EMA_KIMG = "ema_kimg"  # in a score: the half-life of the further EMA that it belongs to, 0 for the recipe's EMA


@dataclass
class Progress:
    """The progress of a run, without its weights. No random state: every draw is a function of seed and step."""

    step: int = 0
    images_seen: int = 0  # real images
    seconds: float = 0.0  # of training, over all sessions
    metric_sums: dict[str, list[float]] = field(default_factory=dict)  # total and count, of the next metrics line
    d_steps: int = 0  # steps in which D was trained
    d_accuracy: float = CHANCE  # moving average, where D's schedule depends on it
    rollbacks: int = 0
    rollback_step: int = -1  # the step that the last rollback returned to
    lr_scale: float = 1.0  # of the learning rate, reduced by rollbacks
    anneal_from: int = 0  # images at which a run that ends by time begins to anneal, once planned
    anneal_to: int = 0
    quarter: int = 0  # images after which a quarter of the time of a run that ends by time was over, once it is

    @property
    def kimg(self) -> float:
        return self.images_seen / 1000

    @property
    def anneal_span(self) -> tuple[int, int] | None:
        return (self.anneal_from, self.anneal_to) if self.anneal_to else None


def save(run: RunFolder, state: TrainState, progress: Progress, keep: int) -> Path:
    """Write a checkpoint and remove those that are no longer kept. Returns its path."""
    path = run.checkpoints / (kimg_name(progress.kimg) + SUFFIX)
    _write(path, _tensors(state), progress, {})
    prune_checkpoints(run.checkpoints, keep)
    return path


def save_best(run: RunFolder, state: TrainState, progress: Progress, score: dict[str, Any]) -> None:
    """Write the EMA that ``score`` belongs to, and the score, which is the best so far."""
    ema = state.extra_emas.get(score.get(EMA_KIMG, 0.0), state.ema)
    tensors = {f"{EMA}.{name}": tensor for name, tensor in ema.state_dict().items()}
    _write(run.best, tensors, progress, {"score": score})


def load(path: Path, state: TrainState) -> Progress:
    """Load a checkpoint into ``state``. Rank 0 reads it and sends it to the other processes."""
    tensors = _tensors(state)
    progress = state.group.on_rank_zero(lambda: _read(path, tensors))
    state.group.broadcast_tensors(tensors.values())
    return progress


def load_smaller(path: Path, state: TrainState) -> None:
    """Start the networks of ``state`` from a checkpoint of networks for half the size. Rank 0 reads it for all."""

    def read() -> None:
        for name, net in _networks(state).items():
            start: Any = net.start_from
            start(load_net(path, name) or load_net(path, state.ema_name))

    state.group.on_rank_zero(read)
    state.group.broadcast_tensors(_tensors(state).values())


def load_ema(path: Path, net: str) -> dict[str, Tensor]:
    """Return the state dict of the EMA, or of the network ``net`` if the run has no EMA."""
    return load_net(path, EMA) or load_net(path, net)


def load_net(path: Path, net: str) -> dict[str, Tensor]:
    """Return the state dict of one network; it is empty if the checkpoint has no such network."""
    prefix = f"{net}."
    with utf8_path(path) as link, safe_open(link, "pt") as file:
        stored_names = {current_tensor_name(name): name for name in file.keys()}  # noqa: SIM118
        names = [name for name in stored_names if name.startswith(prefix)]
        checksums = read_metadata(path).get(CHECKSUMS, {})
        return {name.removeprefix(prefix): _read_tensor(path, file, stored_names[name], checksums) for name in names}


def _read(path: Path, tensors: dict[str, Tensor]) -> Progress:
    metadata = read_metadata(path)
    with utf8_path(path) as link, safe_open(link, "pt") as file, torch.no_grad():
        stored_names = {current_tensor_name(name): name for name in file.keys()}  # noqa: SIM118
        shapes = {name: file.get_slice(stored).get_shape() for name, stored in stored_names.items()}
        if shapes != {name: list(tensor.shape) for name, tensor in tensors.items()}:
            raise FacesmithError(
                f"{path} does not match the networks of the run's recipe: restore the recipe or the checkpoint"
            )
        for name, tensor in tensors.items():
            tensor.copy_(_read_tensor(path, file, stored_names[name], metadata.get(CHECKSUMS, {})))
    return Progress(**{f.name: metadata[f.name] for f in fields(Progress) if f.name in metadata})


def _read_tensor(path: Path, file: Any, name: str, checksums: dict[str, int]) -> Tensor:
    """Return a tensor of an open checkpoint. Versions before 0.2 wrote no checksums."""
    tensor: Tensor = file.get_tensor(name)
    if checksums.get(name, checksum := _checksum(tensor)) != checksum:
        raise FacesmithError(f"{path} is damaged (its checksum is wrong): remove it to use an older checkpoint")
    return tensor


def _checksum(tensor: Tensor) -> int:
    return zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data)


def _write(path: Path, tensors: dict[str, Tensor], progress: Progress, extra: dict[str, Any]) -> None:
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    checksums = {name: _checksum(tensor) for name, tensor in on_cpu.items()}
    metadata = {"format": FORMAT, "version": VERSION, "kimg": progress.kimg, **vars(progress), **extra}
    metadata[CHECKSUMS] = checksums
    with atomic_file(path) as partial:
        try:
            save_file(on_cpu, partial, {METADATA_KEY: json.dumps(metadata)})
        except SafetensorError as error:
            raise FacesmithError(
                f"{path} cannot be written ({error}): free up disk space, then continue with --resume"
            ) from None


def _tensors(state: TrainState) -> dict[str, Tensor]:
    """Return every tensor of the state by name; not copies."""
    nets = _networks(state)
    tensors = {f"{net}.{name}": t for net, module in nets.items() for name, t in module.state_dict().items()}
    for net, optimizer in state.optimizers.items():
        names: dict[Tensor, str] = {p: name for name, p in nets[net].named_parameters()}
        for parameter, moments in optimizer.state.items():
            tensors |= {f"adam_{net}.{key}.{names[parameter]}": value for key, value in moments.items()}
    return tensors


def _networks(state: TrainState) -> dict[str, torch.nn.Module]:
    """Return the networks and EMAs of the state by their names in checkpoints."""
    nets = dict(state.nets)
    if state.ema is not nets[state.ema_name]:
        nets[EMA] = state.ema
    return nets | {f"{EMA}_{ema_kimg:g}": ema for ema_kimg, ema in state.extra_emas.items()}
