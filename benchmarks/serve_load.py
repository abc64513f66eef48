"""Single faces for 1, 16 and 64 clients at once: the studio with and without batching, against Flask.

    python benchmarks/serve_load.py [--model drawn64] [--rounds 5] [--seconds 5] [--json record.json]

* studio: `facesmith studio MODEL` with default settings.
* one by one: the same with calls of a single face, so without batching.
* flask: peers/flask_server.py, Flask's own threaded server with PyTorch and one latent per request.
* flask, 1 thread: the same with one thread per face, which suits many clients better than PyTorch's default.

All serve the same faces from the same weights, which is checked first. Every client requests a PNG of a new seed as
soon as it has received its last one, and every response is checked. The clients run on the same cores, in one thread;
servers take turns.
"""

import io
import itertools
import statistics
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import harness
import numpy as np
from PIL import Image

import facesmith

FLASK = Path(__file__).parent / "peers" / "flask_server.py"
ONE_BY_ONE = (
    "from facesmith.studio import batching; batching.MAX_CALL_FACES = 1; from facesmith.cli import main; main()"
)
PACKAGES = ("fastapi", "flask", "httptools", "onnxruntime", "pillow", "uvicorn", "werkzeug")
FIRST_SEED = 1_000_000
WARM_UP_SECONDS = 1.0
MAX_DIFFERENCE = 2  # levels of 255, between ONNX Runtime and PyTorch


@dataclass(frozen=True)
class Side:
    """How a server is started, and the paths that are requested."""

    command: tuple[str, ...]
    ready: str
    face: str
    environment: dict[str, str]

    def start(self) -> Any:
        return harness.start_server(lambda port: [*self.command, str(port)], self.ready, environment=self.environment)


def sides(model: str) -> dict[str, Side]:
    studio = ("/readyz", "/api/v1/generate?seed={}&count=1")
    flask = ("/generate_image?seed=0", "/generate_image?seed={}")
    flask_command = (sys.executable, str(FLASK), model)
    return {
        "studio": Side((*harness.STUDIO, model, "--port"), *studio, {}),
        "one by one": Side((sys.executable, "-c", ONE_BY_ONE, "studio", model, "--port"), *studio, {}),
        "flask": Side(flask_command, *flask, {}),
        "flask, 1 thread": Side(flask_command, *flask, {"OMP_NUM_THREADS": "1"}),
    }


def check_faces(server: harness.Server, side: Side, model: facesmith.Model) -> None:
    """Exit unless the server's faces are those of their seeds."""
    for seed in range(4):
        image = np.asarray(Image.open(io.BytesIO(server.get(side.face.format(seed))[1]))).astype(int)
        if np.abs(image - model.sample(1, seed)[0]).max() > MAX_DIFFERENCE:
            sys.exit(f"{' '.join(side.command)} returns a different face for seed {seed}")


def main() -> None:
    parser = harness.parser(__doc__, "--model", "--rounds", "--json", rounds=5)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--seconds", type=float, default=5, help="duration of each measurement after a warm-up")
    args = parser.parse_args()
    harness.require_linux()
    model = facesmith.load(args.model, quiet=True)
    record = harness.new_record(
        versions={name: version(name) for name in PACKAGES},
        model={"name": model.name, "digest": model.digest},
        seconds=args.seconds,
    )
    seeds, check = itertools.count(FIRST_SEED), partial(harness.check_png, size=model.size)
    servers = sides(args.model)
    rounds: dict[int, dict[str, list[dict[str, float]]]] = {n: {name: [] for name in servers} for n in args.clients}
    with ExitStack() as stack:
        started = {name: stack.enter_context(side.start()) for name, side in servers.items()}
        for name, side in servers.items():
            check_faces(started[name], side, model)
        for number, clients, name in itertools.product(range(args.rounds), args.clients, servers):
            server, paths = started[name], (servers[name].face.format(seed) for seed in seeds)
            cpu_start = server.cpu_seconds
            load = harness.run_clients(server.port, clients, paths, check, args.seconds, WARM_UP_SECONDS)
            rate = len(load.latencies) / args.seconds
            rounds[clients][name].append(
                {"faces_per_second": rate}
                | harness.percentiles(load.latencies)
                | {"server_cores": (server.cpu_seconds - cpu_start) / load.elapsed}
                | {"client_cores": load.cpu_seconds / load.elapsed}
            )
            print(f"round {number + 1}, {clients} clients, {name}: {rate:.0f} faces/s", flush=True)
    rows = []
    for clients, by_side in rounds.items():
        rates = {name: [row["faces_per_second"] for row in rows] for name, rows in by_side.items()}
        for name, measured in by_side.items():
            medians = {key: statistics.median(row[key] for row in measured) for key in measured[0]}
            lead = harness.median_and_range(harness.ratios(rates["studio"], rates[name]))
            rows.append([clients, name, *(f"{value:.2f}" for value in medians.values()), lead])
    print(harness.table(["clients", "server", *medians, "lead of the studio"], rows))
    harness.save_record(record | {"rounds": rounds}, args.json)


if __name__ == "__main__":
    main()
