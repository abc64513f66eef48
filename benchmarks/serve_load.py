"""Single faces asked for by 1, 16 and 64 clients at once: from the studio, with and without batching, and from Flask.

    python benchmarks/serve_load.py [--model drawn64] [--rounds 5] [--seconds 5] [--json record.json]

* studio: `facesmith studio MODEL`, as it is started by whoever has read no further.
* one by one: the same with calls of a single face, so without batching.
* flask: what the second seed served, peers/flask_server.py: Flask's own threaded server, PyTorch, a latent a request.
* flask, 1 thread: the same told to use one thread for a face, which suits many clients better than PyTorch's choice.

All make the same faces of the same seeds from the same weights, which is looked at before, and write the same log to
nowhere. Every client asks for a PNG of a seed that nobody has asked for before, as soon as it has its last one; every
answer is looked at for being a whole PNG of the model's size. They run here, on the same cores, in one thread that
costs a request some dozens of microseconds: the server that is asked, and what is asked, is all that differs. Servers
take turns, so that a machine that changes its speed changes all. Looks up in /proc what a server has computed, so this
runs on Linux.
"""

import argparse
import io
import itertools
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from http_server import STUDIO, Server, ask, check_png, served
from PIL import Image

import facesmith
from facesmith import doctor
from facesmith.files import write_json

FLASK = Path(__file__).parent / "peers" / "flask_server.py"
ONE_BY_ONE = (
    "from facesmith.studio import batching; batching.MAX_CALL_FACES = 1; from facesmith.cli import main; main()"
)
PACKAGES = ("fastapi", "flask", "httptools", "onnxruntime", "pillow", "uvicorn", "werkzeug")
FIRST_SEED = 1_000_000
WARM_UP = 1.0  # seconds
ROUNDING = 2  # of 255, between ONNX Runtime and PyTorch


@dataclass(frozen=True)
class Side:
    """How one server is started, and what it is asked; ``environment`` is what it finds besides ours."""

    command: tuple[str, ...]
    port: str
    ready: str
    face: str
    environment: dict[str, str]


def sides(model: str) -> dict[str, Side]:
    studio = ("--port", "/readyz", "/api/v1/generate?seed={}&count=1")
    flask = ("", "/generate_image?seed=0", "/generate_image?seed={}")
    server = (sys.executable, str(FLASK), model)
    return {
        "studio": Side((*STUDIO, model), *studio, {}),
        "one by one": Side((sys.executable, "-c", ONE_BY_ONE, "studio", model), *studio, {}),
        "flask": Side(server, *flask, {}),
        "flask, 1 thread": Side(server, *flask, {"OMP_NUM_THREADS": "1"}),
    }


def measure(
    server: Server, side: Side, clients: int, seeds: Iterator[int], check: Callable[[bytes], None], seconds: float
) -> dict[str, float]:
    """What so many clients of a server see."""
    paths, before = (side.face.format(seed) for seed in seeds), server.cpu_seconds
    load = ask(server.port, clients, paths, check, seconds, WARM_UP)
    p50, p95, p99 = (float(ms) for ms in np.percentile(1000 * np.array(load.latencies), (50, 95, 99)))
    return {
        "faces_per_second": len(load.latencies) / seconds,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "server_cores": (server.cpu_seconds - before) / load.elapsed,
        "client_cores": load.cpu_seconds / load.elapsed,
    }


def check_faces(server: Server, side: Side, model: facesmith.Model) -> None:
    """End here where a server's faces are not those of their seeds."""
    for seed in range(4):
        made = np.asarray(Image.open(io.BytesIO(server.get(side.face.format(seed))[1]))).astype(int)
        if np.abs(made - model.sample(1, seed)[0]).max() > ROUNDING:
            sys.exit(f"{' '.join(side.command)} makes another face of seed {seed}")


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The medians of the rounds."""
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def ratios(found: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[float]:
    """How many times as many faces a second, in each round."""
    return [a["faces_per_second"] / b["faces_per_second"] for a, b in zip(found, other, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="drawn64")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement, after one that is not counted")
    parser.add_argument("--json", type=Path, help="write everything into this file")
    args = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("this benchmark reads /proc, which only Linux has")
    model = facesmith.load(args.model, quiet=True)
    record: dict[str, Any] = {
        "machine": doctor.machine(torch.device("cpu")) | {name: version(name) for name in PACKAGES},
        "model": {"name": model.name, "digest": model.digest, "size": model.size, "block": model.block},
        "seconds": args.seconds,
        "rounds": {},
        "ratios": {},
    }
    print(json.dumps(record["machine"]))
    asked, seeds = sides(args.model), itertools.count(FIRST_SEED)
    check = partial(check_png, size=model.size)
    found: dict[int, dict[str, list[dict[str, Any]]]] = {n: {name: [] for name in asked} for n in args.clients}
    with ExitStack() as stack:
        servers = {}
        for name, side in asked.items():
            command = partial(_command, side)
            servers[name] = stack.enter_context(served(command, side.ready, **side.environment))
            check_faces(servers[name], side, model)
        for number in range(args.rounds):
            for clients, name in itertools.product(args.clients, asked):
                row = measure(servers[name], asked[name], clients, seeds, check, args.seconds)
                found[clients][name].append(row)
            words = (f"{name} {rows[-1]['faces_per_second']:.0f}" for name, rows in found[args.clients[-1]].items())
            print(f"round {number + 1}, faces/s of {args.clients[-1]} clients: {', '.join(words)}", flush=True)
    for clients, by_side in found.items():
        print(f"{clients} clients:")
        for name, rows in by_side.items():
            said = summary(rows)
            print(
                f"  {name:16}{said['faces_per_second']:7.0f} faces/s, p50 {said['p50_ms']:.1f} ms, "
                f"p95 {said['p95_ms']:.1f}, p99 {said['p99_ms']:.1f}; cores: server {said['server_cores']:.2f}, "
                f"clients {said['client_cores']:.2f}"
            )
        record["ratios"][clients] = {name: ratios(by_side["studio"], rows) for name, rows in by_side.items()}
        for name, times in list(record["ratios"][clients].items())[1:]:
            print(f"  studio against {name}: {statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})")
    record["rounds"] = found
    if args.json:
        write_json(args.json, record)


def _command(side: Side, port: int) -> list[str]:
    return [*side.command, *([side.port] if side.port else []), str(port)]


if __name__ == "__main__":
    main()
