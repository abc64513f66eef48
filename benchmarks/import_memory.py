"""Whether the memory of an import grows with the number of photos: its peak, with all its processes, for few and many.

    CELEBA_ROOT=/path/to/celeba python benchmarks/import_memory.py [5000 18000 ...]

Each import runs in a process of its own. Its resident memory and that of its workers is added up every 10 ms, from
/proc, so this runs on Linux. Pages that the processes share are counted once for each: the sum is an upper bound; the
second column (PSS) counts them once.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

RUN = """
import sys
from facesmith.data.importer import import_dataset
import_dataset(sys.argv[1], sys.argv[2], size="64", crop="center:178", limit=int(sys.argv[3]), quiet=True)
"""


def tree(pid: int) -> list[int]:
    """A process and its children; one that has just ended has none."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in tree(int(child)))]


def memory(pid: int) -> tuple[int, int]:
    """Resident and proportional memory of one process, in bytes."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    sizes = {line.split()[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
    return sizes["Rss:"], sizes["Pss:"]


def peak(root: str, count: int) -> tuple[int, int, int]:
    """Highest resident and proportional memory while ``count`` photos are imported, and how many samples were taken."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen([sys.executable, "-c", RUN, root, f"{folder}/out", str(count)])
        resident = proportional = samples = 0
        while process.poll() is None:
            sizes = [memory(pid) for pid in tree(process.pid)]
            resident = max(resident, sum(size for size, _ in sizes))
            proportional = max(proportional, sum(size for _, size in sizes))
            samples += 1
            time.sleep(0.01)
        if process.returncode:
            sys.exit("the import failed")
    return resident, proportional, samples


def main() -> None:
    if sys.platform != "linux":
        sys.exit("this benchmark reads /proc, which only Linux has")
    if "CELEBA_ROOT" not in os.environ:
        sys.exit("set CELEBA_ROOT to a folder with CelebA's photos")
    counts = [int(count) for count in sys.argv[1:]] or [5000, 18000]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"Pillow {version('pillow')}, NumPy {version('numpy')}, pyarrow {version('pyarrow')}"
    )
    peaks = {}
    for count in counts:
        resident, proportional, samples = peak(os.environ["CELEBA_ROOT"], count)
        peaks[count] = resident
        print(
            f"{count:>7,} photos: peak RSS {resident / 2**20:.0f} MiB, PSS {proportional / 2**20:.0f} MiB "
            f"({samples} samples, images of {count * 64 * 64 * 3 / 2**20:.0f} MiB)"
        )
    few, many = min(counts), max(counts)
    print(f"{many / few:.1f} times the photos: {peaks[many] / peaks[few]:.2f} times the memory")


if __name__ == "__main__":
    main()
