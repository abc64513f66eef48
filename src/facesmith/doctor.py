"""A check of this machine: its hardware, the installed packages, and the fastest settings for training."""

import contextlib
import json
import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facesmith.extras import require
from facesmith.files import write_json
from facesmith.machine import choose_device, total_memory, usable_cores
from facesmith.version import __version__

if TYPE_CHECKING:
    import torch

PRECISIONS = ("bfloat16", "float32")
MEMORY_FORMATS = ("channels_last", "contiguous")
MIN_SPEEDUP = 1.1  # a later combination is chosen only if it is this much faster, so that noise does not decide
PROBE_BATCH, PROBE_ROUNDS = 32, 6
PACKAGES = {  # and what each is needed for
    "torch": "training",
    "safetensors": "training",
    "onnxruntime": "generation without torch",
    "matplotlib": "curves and charts",
    "av": "mp4 videos",
    "tensorboard": "TensorBoard",
    "dicebear-core": "built-in faces",
    "resvg-py": "built-in faces",
    "huggingface_hub": "datasets and models from the Hugging Face hub",
}


def machine(device: "torch.device") -> dict[str, Any]:
    """Describe the machine, as run.json records it."""
    torch = require("torch", "train", "training")
    return {
        "cpu": _cpu_name(),
        "cores": usable_cores(),
        "memory_gb": round(total_memory() / 1e9, 1),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "bfloat16_instructions": _cpu_bfloat16(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "facesmith": __version__,
    }


def fastest(device: "torch.device") -> tuple[str, str]:
    """Return the fastest (precision, memory format), measured once per machine and version of torch, then cached."""
    key = _key(device)
    return _best(_cached_speeds().get(key) or _cache_speeds(key, measure(device)))


def measure(device: "torch.device") -> dict[str, float]:
    """Return images per second through a 64x64 DCGAN discriminator, forward and backward, by "precision format".

    On a CPU, one core is measured, because threads on a busy machine wait for each other. The combinations take turns,
    so that other load slows all of them equally.
    """
    torch = require("torch", "train", "measuring")
    from facesmith.networks.build import move_to_device
    from facesmith.networks.family_settings import DCGANConfig
    from facesmith.networks.gan.dcgan import Discriminator

    combinations = {}
    for precision in PRECISIONS:
        for memory_format in MEMORY_FORMATS:
            net = move_to_device(Discriminator(DCGANConfig((64, 64))), device, memory_format)
            x = torch.randn(PROBE_BATCH, 64, 64, 3, device=device).permute(0, 3, 1, 2)  # as datasets are stored
            combinations[f"{precision} {memory_format}"] = net, x, precision == "bfloat16"
    seconds = {name: float("inf") for name in combinations}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for round_ in range(PROBE_ROUNDS + 1):  # the first is not counted: it chooses kernels and allocates memory
        for name, (net, x, bfloat16) in combinations.items():
            start = time.perf_counter()
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                net(x).float().sum().backward()
            _wait(device)
            if round_:
                seconds[name] = min(seconds[name], time.perf_counter() - start)
    torch.set_num_threads(threads)
    return {name: round(PROBE_BATCH / s, 1) for name, s in seconds.items()}


def _best(speeds: dict[str, float]) -> tuple[str, str]:
    best = next(iter(speeds))
    for name, speed in speeds.items():
        if speed > speeds[best] * MIN_SPEEDUP:
            best = name
    precision, memory_format = best.split()
    return precision, memory_format


def checkup() -> dict[str, Any]:
    """Return what ``facesmith doctor`` prints: machine, installed packages, speeds, and what training would use."""
    packages = {name: _version(name) for name in PACKAGES}
    report: dict[str, Any] = {"facesmith": __version__, "python": platform.python_version(), "packages": packages}
    if packages["torch"] is None:
        return report | {"advice": "training requires torch: pip install 'facesmith[train]'"}
    device = choose_device("auto")
    speeds = _cache_speeds(_key(device), measure(device))
    precision, memory_format = _best(speeds)
    return report | {"machine": machine(device), "speeds": speeds, "choice": f"{precision} {memory_format}"}


def _key(device: "torch.device") -> str:
    """Return what the speeds depend on."""
    torch = require("torch", "train", "measuring")
    return f"{_cpu_name()} {machine(device)['device']} torch {torch.__version__}"


def _wait(device: "torch.device") -> None:
    torch = require("torch", "train", "measuring")
    if device.type == "cuda":
        torch.cuda.synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_lines() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, colon, value in (line.partition(":") for line in lines) if colon}


def _cpu_name() -> str:
    return _cpu_lines().get("model name") or platform.processor() or platform.machine()


def _cpu_bfloat16() -> list[str]:
    return [flag for flag in ("avx512_bf16", "amx_bf16") if flag in _cpu_lines().get("flags", "").split()]


def _speeds_file() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "facesmith" / "speeds.json"


def _cache_speeds(key: str, speeds: dict[str, float]) -> dict[str, float]:
    with contextlib.suppress(OSError):  # without a writable home, the speeds are measured again next time
        write_json(_speeds_file(), _cached_speeds() | {key: speeds})
    return speeds


def _cached_speeds() -> dict[str, dict[str, float]]:
    try:
        return dict(json.loads(_speeds_file().read_text()))
    except (OSError, ValueError, TypeError, RuntimeError):  # no file yet, a damaged one, or no home
        return {}
