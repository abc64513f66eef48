"""Checkpoints: everything a run is, in one safetensors file, written beside its place and renamed into it."""

import json
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from facesmith.errors import FacesmithError
from facesmith.files import atomic_file, check_version, finished_files
from facesmith.runs.old_names import PROGRESS, renamed
from facesmith.training.train_state import TrainState

FORMAT, VERSION = "facesmith-checkpoint", 3
CHANCE = 0.5  # accuracy of a D that guesses
SUFFIX = ".safetensors"


@dataclass
class Progress:
    """Where a run stands, apart from its networks. No random state: every draw is a function of seed and step."""

    step: int = 0
    images_seen: int = 0  # real pictures
    seconds: float = 0.0  # of training, over all sessions
    metric_sums: dict[str, list[float]] = field(
        default_factory=dict
    )  # of the metrics line not yet full: total and count
    d_steps: int = 0  # steps at which D learned
    d_accuracy: float = CHANCE  # D's running accuracy, where the turns depend on it
    rollbacks: int = 0
    rollback_step: int = -1  # the step the last rollback went back to
    lr_scale: float = 1.0  # what rollbacks have left of the learning rate

    @property
    def kimg(self) -> float:
        return self.images_seen / 1000


def kimg_name(kimg: float) -> str:
    """``000128.000``: the name of what a run writes at that length, sorted by name as by length."""
    return f"{kimg:010.3f}"


def save(folder: Path, state: TrainState, progress: Progress, keep: int) -> Path:
    """Write a checkpoint and remove those no longer wanted. Returns its path."""
    path = folder / (kimg_name(progress.kimg) + SUFFIX)
    _write(path, _tensors(state), progress, {})
    for old in sorted(set(stored(folder)) - set(wanted(stored(folder), keep))):
        old.unlink()
    return path


def save_best(path: Path, state: TrainState, progress: Progress, score: dict[str, Any]) -> None:
    """Write the network that is used afterwards, and nothing else, with the score that makes it the best so far."""
    tensors = {f"average.{name}": tensor for name, tensor in state.ema.state_dict().items()}
    _write(path, tensors, progress, {"score": score})


def finite(state: TrainState) -> bool:
    """Whether all weights are ordinary numbers. Waits for the device."""
    weights: list[Tensor] = [p for net in state.nets.values() for p in net.parameters()]
    return bool(torch.stack(torch._foreach_norm(weights)).isfinite().all())


def load(path: Path, state: TrainState) -> Progress:
    """Put the players where a checkpoint left them; the first of a team reads it for all."""
    own = _tensors(state)
    progress = state.group.on_rank_zero(lambda: _read(path, own))
    state.group.broadcast_tensors(own.values())
    return progress


def _read(path: Path, own: dict[str, Tensor]) -> Progress:
    card = read_card(path)
    with safe_open(path, "pt") as file, torch.no_grad():
        stored = {_current_name(name): name for name in file.keys()}  # noqa: SIM118
        if set(stored) != set(own):
            raise FacesmithError(f"{path} holds other networks than this run's recipe describes: the run was changed")
        for name, tensor in own.items():
            tensor.copy_(file.get_tensor(stored[name]))
    return Progress(**{f.name: card[f.name] for f in fields(Progress)})


def read_card(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself: step, kimg, seconds."""
    try:
        with safe_open(path, "pt") as file:
            card = json.loads((file.metadata() or {}).get("facesmith", "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise FacesmithError(
            f"{path} cannot be read as a checkpoint ({error}): remove it to use an older one"
        ) from None
    check_version(card, FORMAT, VERSION, path, oldest=2)
    return renamed(card, PROGRESS)


def stored(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    return finished_files(folder, SUFFIX)


def wanted(paths: list[Path], keep: int) -> list[Path]:
    """The newest ``keep``, and as milestones the first checkpoint past every doubling of the run's length."""
    milestones: dict[int, Path] = {}
    for path in paths:
        milestones.setdefault(int(float(path.name.removesuffix(SUFFIX)) * 1000).bit_length(), path)
    return sorted({*paths[-keep:], *milestones.values()})


def used_state(path: Path, averaged: str) -> dict[str, Tensor]:
    """The weights of the network that is used afterwards: the average of ``averaged`` where the run keeps one."""
    return state_of(path, "average") or state_of(path, averaged)


def state_of(path: Path, net: str) -> dict[str, Tensor]:
    """The weights of one network in a checkpoint, by its name; none if it holds no such network."""
    prefix = f"{net}."
    with safe_open(path, "pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
        return {_current_name(name.removeprefix(prefix)): file.get_tensor(name) for name in names}


def _current_name(name: str) -> str:
    """Return today's name of a tensor: version 0.1 called the last layer of a discriminator "judge"."""
    return re.sub(r"(^|\.)judge\.", r"\1head.", name)


def _write(path: Path, tensors: dict[str, Tensor], progress: Progress, more: dict[str, Any]) -> None:
    card = {"format": FORMAT, "version": VERSION, "kimg": progress.kimg, **vars(progress), **more}
    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_file(path) as beside:
        try:
            save_file(ready, beside, {"facesmith": json.dumps(card)})
        except SafetensorError as error:
            raise FacesmithError(f"{path} cannot be written ({error}): make room, then go on with --resume") from None
        beside.chmod(0o644)  # safetensors keeps its files from everyone else


def _tensors(state: TrainState) -> dict[str, Tensor]:
    """Every tensor of the run's state by name; the tensors themselves, not copies."""
    nets = dict(state.nets)
    if state.ema is not nets[state.ema_name]:
        nets["average"] = state.ema
    tensors = {f"{net}.{name}": t for net, module in nets.items() for name, t in module.state_dict().items()}
    for net, optimizer in state.optimizers.items():
        names: dict[Tensor, str] = {p: name for name, p in nets[net].named_parameters()}
        for parameter, moments in optimizer.state.items():
            tensors |= {f"adam_{net}.{key}.{names[parameter]}": value for key, value in moments.items()}
    return tensors
