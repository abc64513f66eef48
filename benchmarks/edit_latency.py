"""How fast faces are edited: a slider's redraw, the encoder, and directions from a whole dataset, with their memory.

    python benchmarks/edit_latency.py MODEL [DATASET] [--json record.json]

* redraw: 64 latents moved and generated, nothing else, --rounds times after a first that is not counted; latents with
  the detail of photos, and without.
* encode: --count pictures, in seconds.
* directions: `facesmith directions` on DATASET and on its first half, in processes of their own. "own" is the most
  memory they had taken for themselves, "with files" counts the pages of the dataset's file that the system had at hand,
  and takes back when it wants them. Looked up in /proc 50 times a second, so this part runs on Linux.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import facesmith
from facesmith import doctor
from facesmith.data.dataset_writer import new_dataset
from facesmith.files import write_json

FACES = 64
DIRECTIONS = """
import sys, facesmith
facesmith.fit_directions(sys.argv[1], sys.argv[2], out=sys.argv[3], quiet=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("dataset", nargs="?")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--json", type=Path, help="write everything into this file")
    args = parser.parse_args()
    model = facesmith.load(args.model, quiet=True)
    record: dict[str, Any] = {
        "machine": doctor.machine(torch.device("cpu")),
        "model": {"name": model.name, "digest": model.digest, "encoder": model.card["encoder"]["digest"]},
        "redraw": {},
    }
    print(json.dumps(record["machine"]))
    z = model.latents(FACES, seed=1)
    photos = model.encode(model.generate(z))
    for what, latents in {"with detail": photos, "without": z}.items():
        found = redraw(model, latents, args.rounds)
        record["redraw"][what] = found
        print(f"{FACES} faces {what}: {found['median_ms']:.0f} ms, 95 % under {found['p95_ms']:.0f} ms", flush=True)
    pictures = np.resize(model.generate(z), (args.count, *model.size[::-1], 3))
    began = time.perf_counter()
    model.encode(pictures)
    record["encode"] = {"count": args.count, "seconds": time.perf_counter() - began}
    print(f"{args.count:,} pictures encoded in {record['encode']['seconds']:.1f} s", flush=True)
    if args.dataset:
        data = facesmith.open_dataset(args.dataset)
        with tempfile.TemporaryDirectory() as folder:
            part = first(data, len(data) // 2, Path(folder) / "half")
            record["directions"] = [fitted(args.model, path, Path(folder) / path.name) for path in (part, data.path)]
        half, whole = record["directions"]
        print(f"own memory for twice as many photos: {whole['own_mb'] / half['own_mb']:.2f} times")
    if args.json:
        write_json(args.json, record)


def redraw(model: facesmith.Model, z: np.ndarray, rounds: int) -> dict[str, float]:
    """Milliseconds of moving a slider by a bit and drawing every face again."""
    name, times = model.directions.names[0], []
    for number in range(rounds + 1):
        began = time.perf_counter()
        model.generate(model.directions.apply(z, {name: 2 * number / rounds}))
        times.append(1000 * (time.perf_counter() - began))
    return {"median_ms": float(np.median(times[1:])), "p95_ms": float(np.percentile(times[1:], 95))}


def first(data: facesmith.Dataset, count: int, path: Path) -> Path:
    """A dataset of the first ``count`` pictures of another."""
    with new_dataset(path) as writer:
        with writer.images(*data.size, count):
            writer.append(data.images[:count])
        writer.finish(data.metadata().slice(0, count), data.card | {"name": f"the first {count} of {data.name}"})
    return path


def fitted(model: str, dataset: Path, out: Path) -> dict[str, float]:
    """Fit directions in a process of its own: seconds and megabytes."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", DIRECTIONS, model, str(dataset), str(out.with_suffix(".model"))])
    own = peak = 0
    while process.poll() is None:
        sizes = memory(process.pid)
        own, peak = max(own, sizes.get("RssAnon", 0)), max(peak, sizes.get("VmHWM", 0))
        time.sleep(0.02)
    if process.returncode:
        sys.exit("facesmith directions failed")
    count, seconds = facesmith.open_dataset(dataset).card["count"], time.perf_counter() - began
    print(f"directions from {count:,} photos: {seconds:.0f} s, own memory {own / 1e3:.0f} MB, "
          f"{peak / 1e3:.0f} MB with files", flush=True)  # fmt: skip
    return {"count": count, "seconds": seconds, "own_mb": own / 1e3, "with_files_mb": peak / 1e3}


def memory(pid: int) -> dict[str, int]:
    """What /proc says of a process's memory, in thousands of bytes; nothing of one that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    words = [line.split() for line in lines if line.endswith(" kB")]
    return {name.rstrip(":"): round(int(size) * 1.024) for name, size, _ in words}


if __name__ == "__main__":
    main()
