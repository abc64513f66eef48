"""Checkpoints: everything a run is, in one safetensors file, written beside its place and renamed into it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from facesmith.errors import FacesmithError
from facesmith.files import check_version, replacing, whole
from facesmith.training.step import Players

FORMAT, VERSION = "facesmith-checkpoint", 1
SUFFIX = ".safetensors"


@dataclass
class Progress:
    """Where a run stands, apart from its networks. No random state: every draw is a function of seed and step."""

    step: int = 0
    shown: int = 0  # real pictures
    seconds: float = 0.0  # of training, over all sessions
    sums: dict[str, list[float]] = field(default_factory=dict)  # of the metrics line not yet full: total and count

    @property
    def kimg(self) -> float:
        return self.shown / 1000


def kimg_name(kimg: float) -> str:
    """``000128.000``: the name of what a run writes at that length, sorted by name as by length."""
    return f"{kimg:010.3f}"


def save(folder: Path, players: Players, progress: Progress, keep: int) -> Path:
    """Write a checkpoint and remove those no longer wanted. Returns its path."""
    path = folder / (kimg_name(progress.kimg) + SUFFIX)
    card = {"format": FORMAT, "version": VERSION, "kimg": progress.kimg, **vars(progress)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _tensors(players).items()}
    with replacing(path) as beside:
        try:
            save_file(tensors, beside, {"facesmith": json.dumps(card)})
        except SafetensorError as error:
            raise FacesmithError(f"{path} cannot be written ({error}): make room, then go on with --resume") from None
        beside.chmod(0o644)  # safetensors keeps its files from everyone else
    for old in sorted(set(stored(folder)) - set(wanted(stored(folder), keep))):
        old.unlink()
    return path


def load(path: Path, players: Players) -> Progress:
    """Put the players where a checkpoint left them."""
    card = read_card(path)
    for optimizer in (players.optimizer_G, players.optimizer_D):
        _begin(optimizer)
    own = _tensors(players)
    with safe_open(path, "pt") as file, torch.no_grad():
        if set(file.keys()) != set(own):
            raise FacesmithError(f"{path} holds other networks than this run's recipe describes: the run was changed")
        for name, tensor in own.items():
            tensor.copy_(file.get_tensor(name))
    return Progress(card["step"], card["shown"], card["seconds"], card["sums"])


def read_card(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself: step, kimg, seconds."""
    try:
        with safe_open(path, "pt") as file:
            card = json.loads((file.metadata() or {}).get("facesmith", "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise FacesmithError(
            f"{path} cannot be read as a checkpoint ({error}): remove it to use an older one"
        ) from None
    check_version(card, FORMAT, VERSION, path)
    return dict(card)


def stored(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    return whole(folder, SUFFIX)


def wanted(paths: list[Path], keep: int) -> list[Path]:
    """The newest ``keep``, and as milestones the first checkpoint past every doubling of the run's length."""
    milestones: dict[int, Path] = {}
    for path in paths:
        milestones.setdefault(int(float(path.name.removesuffix(SUFFIX)) * 1000).bit_length(), path)
    return sorted({*paths[-keep:], *milestones.values()})


def generator_state(path: Path) -> dict[str, Tensor]:
    """The weights of the G that makes the pictures: the averaged one where the run keeps an average."""
    with safe_open(path, "pt") as file:
        prefix = "average." if any(name.startswith("average.") for name in file.keys()) else "G."  # noqa: SIM118
        return {n.removeprefix(prefix): file.get_tensor(n) for n in file.keys() if n.startswith(prefix)}  # noqa: SIM118


def _tensors(players: Players) -> dict[str, Tensor]:
    """Every tensor of the run's state by name; the tensors themselves, not copies."""
    nets = {"G": players.G, "D": players.D}
    if players.average is not players.G:
        nets["average"] = players.average
    tensors = {f"{net}.{name}": t for net, module in nets.items() for name, t in module.state_dict().items()}
    for net, optimizer in (("G", players.optimizer_G), ("D", players.optimizer_D)):
        names: dict[Tensor, str] = {p: name for name, p in nets[net].named_parameters()}
        for parameter, state in optimizer.state.items():
            tensors |= {f"adam_{net}.{key}.{names[parameter]}": value for key, value in state.items()}
    return tensors


def _begin(optimizer: torch.optim.Optimizer) -> None:
    """Give a fresh Adam the state it would make at its first step, so that there is something to load into."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            at = p.device if group["fused"] else torch.device("cpu")
            optimizer.state[p] = {
                "step": torch.zeros((), dtype=torch.float32, device=at),
                "exp_avg": torch.zeros_like(p, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(p, memory_format=torch.preserve_format),
            }
