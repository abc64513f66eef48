"""Parts that the benchmarks share: options, records, tables, timing in turns, memory, and HTTP servers with clients."""

import argparse
import http.client
import os
import re
import selectors
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facesmith import doctor
from facesmith.files import write_json

HOST = "127.0.0.1"
FACESMITH = (sys.executable, "-m", "facesmith")
STUDIO = (*FACESMITH, "studio")
TIMEOUT_SECONDS = 60.0  # for a server to start, to answer, or to stop
OPTIONS: dict[str, dict[str, Any]] = {
    "--json": {"type": Path, "metavar": "FILE", "help": "write the record to this file"},
    "--out": {"type": Path, "required": True, "metavar": "FOLDER", "help": "a new folder for the results"},
    "--seed": {"type": int, "default": 0, "help": "seed of all random choices, default 0"},
    "--rounds": {"type": int, "default": 3, "help": "rounds in which the sides are timed in turns"},
    "--count": {"type": int, "help": "number of faces or photos"},
    "--model": {"default": "drawn64", "help": "generator, default drawn64"},
    "--classifier": {"required": True, "help": "attribute classifier that labels the results"},
    "--set": {"dest": "settings", "action": "append", "default": [], "metavar": "KEY=VALUE",
              "help": "change a setting, as for facesmith train"},
}  # fmt: skip


def parser(description: str | None, *options: str, **defaults: Any) -> argparse.ArgumentParser:
    """Return a parser with these common options, and with these defaults."""
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in options:
        result.add_argument(option, **OPTIONS[option])
    result.set_defaults(**defaults)
    return result


def require_linux() -> None:
    if sys.platform != "linux":
        sys.exit("this benchmark reads /proc, which exists only on Linux")


def celeba_root() -> Path:
    if "CELEBA_ROOT" not in os.environ:
        sys.exit("CELEBA_ROOT is not set: set it to the folder with CelebA's photos")
    return Path(os.environ["CELEBA_ROOT"])


def new_record(**fields: Any) -> dict[str, Any]:
    """Print the machine and return a record that begins with it."""
    record = {"machine": doctor.machine(torch.device("cpu")), **fields}
    print(record["machine"], flush=True)
    return record


def save_record(record: dict[str, Any], path: Path | None) -> None:
    if path:
        write_json(path, record)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown; numbers are printed with three decimals."""
    lines = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(header), ["---"] * len(header), *lines])


def spread(values: np.ndarray) -> dict[str, float]:
    """Return the mean and the interval of 95 % of the values."""
    low, high = np.percentile(values, (2.5, 97.5))
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return milliseconds below which 50, 95 and 99 % of the times lie."""
    return dict(
        zip(("p50_ms", "p95_ms", "p99_ms"), (1000 * np.percentile(seconds, (50, 95, 99))).tolist(), strict=True)
    )


def median_and_range(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def take_turns(sides: Mapping[str, Callable[[], float]], rounds: int, unit: str) -> dict[str, list[float]]:
    """Measure the sides in turns, so that a change of the machine's speed affects all; print rates and ratios.

    The first side is the reference of the ratios.
    """
    rates: dict[str, list[float]] = {name: [] for name in sides}
    reference = next(iter(sides))
    for number in range(rounds):
        for name, measure in sides.items():
            rates[name].append(measure())
        print(f"round {number + 1}:", ", ".join(f"{name} {rates[name][-1]:,.1f} {unit}" for name in sides), flush=True)
    for name in sides:
        ratio = "" if name == reference else f", ratio {median_and_range(ratios(rates[name], rates[reference]))}"
        print(f"{name}: median {statistics.median(rates[name]):,.1f} {unit}{ratio}", flush=True)
    return rates


def ratios(rates: Sequence[float], reference: Sequence[float]) -> list[float]:
    return [rate / other for rate, other in zip(rates, reference, strict=True)]


def timed(function: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, float]:
    """Return the result of a call and its seconds."""
    start = time.perf_counter()
    result = function(*args, **options)
    return result, time.perf_counter() - start


def train_command(
    recipe: str, dataset: Path | str, run: Path, *options: str, settings: Iterable[str] = ()
) -> list[str]:
    words = [word for setting in settings for word in ("--set", setting)]
    return [*FACESMITH, "train", recipe, str(dataset), str(run), "--quiet", *options, *words]


def peak_memory(command: Sequence[str]) -> dict[str, float]:
    """Run a command; return its seconds and the peaks, in bytes, of its memory including child processes.

    ``resident`` counts shared pages once per process, ``proportional`` once in total; ``own`` is without files.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peaks = {"resident": 0.0, "proportional": 0.0, "own": 0.0}
    while process.poll() is None:
        sizes = [_memory(pid) for pid in _process_tree(process.pid)]
        peaks = {kind: max(peak, sum(size.get(kind, 0) for size in sizes)) for kind, peak in peaks.items()}
        time.sleep(0.01)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with exit code {process.returncode}")
    return {"seconds": time.perf_counter() - start} | peaks


def _process_tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # the process has ended
        return []
    return [pid, *(descendant for child in children for descendant in _process_tree(int(child)))]


def _memory(pid: int) -> dict[str, float]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    sizes = {line.split()[0]: int(line.split()[1]) * 1024 for line in lines}
    return {"resident": sizes["Rss:"], "proportional": sizes["Pss:"], "own": sizes["Anonymous:"]} if sizes else {}


@dataclass
class Server:
    """A process that answers on a local port, and the file of its output."""

    process: subprocess.Popen[bytes]
    port: int
    log_path: Path

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body of a response."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def stop(self) -> int:
        """Send SIGTERM, wait, and return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT_SECONDS)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def resources(self) -> dict[str, float]:
        """Return memory in MB (all, its peak, and without files), threads and open files."""
        proc = Path(f"/proc/{self.process.pid}")
        fields = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        names = {"rss_mb": "VmRSS", "peak_mb": "VmHWM", "own_mb": "RssAnon"}
        memory = {key: int(fields[name].split()[0]) * 1.024e-3 for key, name in names.items()}
        return memory | {"threads": float(fields["Threads"]), "files": float(len(list((proc / "fd").iterdir())))}

    @property
    def cpu_seconds(self) -> float:
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def start_server(
    command: Callable[[int], Sequence[str]],
    ready: str | None = "/readyz",
    poll_seconds: float = 0.05,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Start the command for a free port, wait until ``ready`` returns 200 (None: until it listens), and end it."""
    port = free_port()
    shared_memory = Path("/dev/shm")  # a log on a disk would count as bytes that the server writes
    with tempfile.NamedTemporaryFile(dir=shared_memory if shared_memory.is_dir() else None) as log:
        process = subprocess.Popen(
            command(port), stdout=log, stderr=log, cwd=cwd, env=os.environ | dict(environment or {})
        )
        server, deadline = Server(process, port, Path(log.name)), time.monotonic() + TIMEOUT_SECONDS
        try:
            while not _is_ready(server, ready):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{' '.join(command(port))} does not serve:\n{server.log()[-2000:]}")
                time.sleep(poll_seconds)
            yield server
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def _is_ready(server: Server, path: str | None) -> bool:
    with suppress(OSError, http.client.HTTPException):
        if path is not None:
            return server.get(path)[0] == 200
        with socket.create_connection((HOST, server.port), TIMEOUT_SECONDS):
            return True
    return False


def studio_command(*options: str) -> Callable[[int], list[str]]:
    return lambda port: [*STUDIO, *options, "--port", str(port)]


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def check_png(body: bytes, size: tuple[int, int]) -> None:
    """Raise `ValueError` unless the body is a complete PNG of this width and height."""
    complete = body[:8] == b"\x89PNG\r\n\x1a\n" and body[-8:] == b"IEND\xaeB`\x82"
    if not complete or struct.unpack(">II", body[16:24]) != size:
        raise ValueError(f"expected a PNG of {size}, received {len(body)} bytes that begin with {body[:60]!r}")


@dataclass
class Load:
    """Latencies in seconds, and the duration and processor time of the clients."""

    latencies: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    cpu_seconds: float = 0.0


class _Client:
    """A connection with one request at a time, opened again when the server closes it."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self.port, self.selector = port, selector
        self.socket: socket.socket | None = None
        self.received, self.start = b"", 0.0

    def send(self, path: str) -> None:
        self.start, self.received = time.perf_counter(), b""
        if self.socket is None:
            self.socket = socket.create_connection((HOST, self.port), TIMEOUT_SECONDS)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(self.socket, selectors.EVENT_READ, self)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n\r\n".encode())

    def receive(self) -> bytes | None:
        """Return the body once it is complete; raise `ValueError` for a response other than 200."""
        assert self.socket is not None
        part = self.socket.recv(1 << 18)
        self.received += part
        head, blank, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        if blank and (b" 200 " not in head[:13] or length is None):
            raise ValueError(f"expected a face, received {self.received[:300]!r}")
        if length is None or len(body) < int(length[1]):
            if not part:
                raise ValueError("the server closed a connection in the middle of a response")
            return None
        if re.search(rb"\r\nconnection: *close", head, re.IGNORECASE):
            self.close()
        return body

    def close(self) -> None:
        if self.socket is not None:
            self.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None


def run_clients(
    port: int, clients: int, paths: Iterator[str], check: Callable[[bytes], None], seconds: float, warm_up: float
) -> Load:
    """Let each client request the next path as soon as it has received a response.

    Responses in the first ``warm_up`` seconds do not count. One thread without an event loop serves all clients, so
    that a request costs tens of microseconds and servers on the same cores have the rest.
    """
    load = Load()
    with selectors.DefaultSelector() as selector:
        start, cpu_start = time.perf_counter(), time.process_time()
        count_from, count_until = start + warm_up, start + warm_up + seconds
        for _ in range(clients):
            _Client(port, selector).send(next(paths))
        active = clients
        while active:
            ready = selector.select(TIMEOUT_SECONDS)
            if not ready:
                raise ValueError(f"no response for {TIMEOUT_SECONDS:g} seconds")
            for key, _ in ready:
                client = key.data
                body = client.receive()
                if body is None:
                    continue
                now = time.perf_counter()
                check(body)
                if count_from <= now < count_until:
                    load.latencies.append(now - client.start)
                if now < count_until:
                    client.send(next(paths))
                else:
                    client.close()
                    active -= 1
    load.elapsed, load.cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    return load
