"""What this machine offers: device, processor cores and memory. Only the functions that take a device need torch."""

import ctypes
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from facesmith.errors import FacesmithError
from facesmith.extras import require

if TYPE_CHECKING:
    import torch

CGROUP = Path("/sys/fs/cgroup")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names and numbers of glibc's malloc.h


def choose_device(name: str) -> "torch.device":
    """Return the device of that name; "auto" is CUDA, then Apple's MPS, then the CPU."""
    torch = require("torch", "train", "training")
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, is_available in available.items() if is_available)
    if not available[name]:
        raise FacesmithError(f"torch {torch.__version__} found no {name} device on this machine: set device=auto")
    return torch.device(name)  # type: ignore[no-any-return]


def usable_cores(cgroup: Path = CGROUP) -> int:
    """Return how many cores this process may use: the smaller of its affinity and its container's CPU quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota(cgroup)
    return cores if quota is None else max(1, min(cores, round(quota)))


def machine_cores() -> int:
    """Return the number of cores of the machine, whether or not this process may use them."""
    return os.cpu_count() or 1


def worker_count(wanted: int | None) -> int:
    """Return how many threads or processes to start: ``wanted``, but at most two for each core of the machine.

    None or 0 is one for each usable core. Raises `FacesmithError` for a negative number.
    """
    if wanted is not None and wanted < 0:
        raise FacesmithError(f"invalid number of threads or workers {wanted}: expected 0 (one per core) or more")
    return min(wanted, 2 * machine_cores()) if wanted else usable_cores()


def _cpu_quota(cgroup: Path) -> float | None:
    """Return the cores that a container's CPU time amounts to (cgroup version 2 or 1), or None without a limit."""
    for files in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):
        try:
            quota, period = " ".join((cgroup / file).read_text() for file in files).split()
            return int(quota) / int(period) if int(quota) > 0 else None
        except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max": no limit
            continue
    return None


def total_memory() -> float:
    """Return the bytes of memory of this machine."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def device_memory(device: "torch.device") -> float:
    """Return the bytes of memory where ``device`` keeps its tensors, in use or free."""
    if device.type == "cuda":
        torch = require("torch", "train", "training")
        return float(torch.cuda.mem_get_info(device)[1])
    return total_memory()


def free_memory(device: "torch.device") -> float:
    """Return the bytes that are still free where ``device`` keeps its tensors."""
    if device.type == "cuda":
        torch = require("torch", "train", "training")
        return float(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):  # not Linux: half of the total is a cautious guess
        return 0.5 * total_memory()


def peak_memory(device: "torch.device") -> float:
    """Return the most bytes this process has held: on the GPU if ``device`` is one, else in total."""
    if device.type == "cuda":
        torch = require("torch", "train", "training")
        return float(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0)


def configure_process(threads: int) -> None:
    """Set torch's threads, make its results reproducible, and keep freed memory in the process."""
    torch = require("torch", "train", "training")
    torch.set_num_threads(threads)
    torch.backends.cudnn.deterministic = True  # without it a resumed run on a GPU is not bit-identical
    # A training step frees and allocates some 80 MB. By default glibc returns such blocks to the system, which clears
    # every page at the next step: a tenth of the time on 2 cores (benchmarks/train_throughput.py).
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
