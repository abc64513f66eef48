"""A studio under hostile requests: schemathesis over the whole API, malformed requests, hostile uploads.

    python benchmarks/hostile.py RUN DATASET MAP MAKEOVER [--uploads 500] [--examples 30] [--seed 0] [--json RECORD]

A studio serves the included models and the paths, in an empty working folder that is watched for new files. All
requests are drawn from the seed. Meanwhile a visitor requests the same face again and again and must always receive it.
A second studio allows training and has nothing to train on; schemathesis must not be able to start a run there. The
exit status is 1 after a 5xx response, a traceback, a written file, more than `MAX_MEMORY_GROWTH_MB` of growth after a
warm-up with every kind of upload, or a late or wrong face.
"""

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product
from pathlib import Path
from random import Random
from threading import Event
from typing import Any, NamedTuple

import harness
from harness import HOST, Server
from hostile_requests import malformed_requests, requests
from hostile_uploads import KINDS, Upload, uploads

from facesmith.studio.maintenance import INTERVAL_SECONDS

INCLUDED = ("drawn64", "celeba64")
FACE = "/api/v1/generate?model=drawn64&seed=7"
PHOTOS, SESSION = "/api/v1/photos", "/api/v1/session"
MAX_MEMORY_GROWTH_MB = 50.0
MAX_FACE_SECONDS = 10.0
MAX_BODY_BYTES, MAX_PIXELS = 20_000_000, 40_000_000  # limits of the studio, as in facesmith.studio.settings
RESPONSE_TIMEOUT_SECONDS = 90.0  # three times the time limit of a request body
NO_RESPONSE = 0  # as a status
# Ways to send an upload, with their weights.
TRANSFERS = {"whole": 80, "chunked": 8, "too short": 4, "too long": 3, "slow": 2, "disconnect": 3}
WITHOUT_RESPONSE = ("too short", "disconnect")
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "response_headers_conformance")  # fmt: skip
EXCLUDED = ("/api/v1/watch", "/api/v1/runs/{name}/events", SESSION)  # endless streams, and the end of the session
NAMES, FACES = ("name", "model", "dataset"), ("face", "a", "b", "c")  # parameters that get existing values


class Response(NamedTuple):
    status: int
    head: str
    body: bytes
    seconds: float


def send(
    port: int,
    parts: Iterable[bytes],
    *,
    pause: float = 0,
    receive: bool = True,
    timeout: float = RESPONSE_TIMEOUT_SECONDS,
) -> Response:
    """Send the parts on a new connection and read until it is closed or nothing arrives within the timeout."""
    start, received = time.perf_counter(), b""
    with socket.create_connection((HOST, port), RESPONSE_TIMEOUT_SECONDS) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        except OSError:
            pass  # the server has responded and reads no more
        connection.settimeout(timeout)
        try:
            while receive and (part := connection.recv(1 << 18)):
                received += part
        except OSError:
            pass
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split()[1]) if head.startswith(b"HTTP/1.1 ") else NO_RESPONSE
    return Response(status, head.decode("latin-1"), body, time.perf_counter() - start)


def request_head(method: str, path: str, headers: dict[str, str], length: int | None = 0) -> bytes:
    """Return the head of a request; a ``length`` of None announces chunks."""
    framing = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)} if length else {}
    lines = [f"{name}: {value}" for name, value in ({"Host": HOST, "Connection": "close"} | framing | headers).items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


def list_names(server: Server, kind: str) -> list[str]:
    return [item["name"] for item in json.loads(server.get(f"/api/v1/{kind}")[1])]


def start_session(server: Server) -> tuple[str, str]:
    """Upload an aligned photo: the session's ID and the photo's face."""
    (photo,) = uploads(1, -1)
    head = request_head("POST", f"{PHOTOS}?aligned=true", {"Content-Type": "image/jpeg"}, len(photo.data))
    response = send(server.port, [head, photo.data])
    match = re.search(r"(?im)^x-session: *(.*?)\r?$", response.head)
    return match[1] if match else "", json.loads(response.body)["whole"]


def run_schemathesis(server: Server, folder: Path, examples: int, seed: int) -> dict[str, Any]:
    """Return the numbers of operations, cases, failures and errors. Half of the names and faces exist."""
    session, face = start_session(server)
    names = [name for kind in ("models", "runs", "datasets", "maps") for name in list_names(server, kind)]
    dictionaries = {"names": names, "faces": [face, "seed:7", "seed:7:3:0.7"]}
    lines = [
        "[dictionaries]",
        *(f"{key} = {{ values = {json.dumps(values)} }}" for key, values in dictionaries.items()),
    ]
    parameters = [(f"{place}.{name}", "names") for name in NAMES for place in ("path", "query", "body")]
    parameters += [(f"body.{name}", "faces") for name in FACES]
    lines += [
        "[parameters]",
        *(f'"{name}" = {{ dictionary = "{key}", probability = 0.5 }}' for name, key in parameters),
    ]
    (folder / "schemathesis.toml").write_text("\n".join(lines) + "\n")
    report = folder / "report.json"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml"), "run"]
    command += [f"http://{HOST}:{server.port}/api/v1/openapi.json", "--checks", ",".join(CHECKS), "--seed", str(seed)]
    command += ["--max-examples", str(examples), "--continue-on-failure", "--generation-database", "none", "--no-color"]
    command += ["--request-timeout", "120", "--report", "json", "--report-json-path", str(report)]
    command += ["-H", f"X-Session: {session}", *(word for path in EXCLUDED for word in ("--exclude-path", path))]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    send(server.port, [request_head("DELETE", SESSION, {"X-Session": session})])
    if not report.exists():
        sys.exit(result.stdout[-3000:] + result.stderr[-3000:])
    if result.returncode:
        print("\n".join(line[:300] for line in result.stdout.splitlines() if line.strip())[:9000], flush=True)
    counts = json.loads(report.read_text())
    return {key: counts[key] for key in ("operations", "test_cases", "failures", "errors", "running_time")}


def send_upload(port: int, upload: Upload, rng: Random, session: str) -> tuple[str, Response]:
    """Send an upload by a random transfer: its name and the response."""
    transfer = rng.choices(list(TRANSFERS), list(TRANSFERS.values()))[0] if upload.data else "whole"
    size, parts = len(upload.data), [upload.data]
    length = {"chunked": None, "too short": size + 999, "too long": max(1, size // 2)}.get(transfer, size)
    if transfer in ("chunked", "slow"):
        cuts = [0, *sorted(rng.randrange(size) for _ in range(19)), size]
        parts = [upload.data[start:end] for start, end in pairwise(cuts) if end > start]
    if transfer == "chunked":
        parts = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts] + [b"0\r\n\r\n"]
    head = request_head("POST", PHOTOS, {"Content-Type": upload.media, "X-Session": session}, length)
    pause = 0.05 if transfer == "slow" else 0
    return transfer, send(port, [head, *parts], pause=pause, receive=transfer not in WITHOUT_RESPONSE)


def send_uploads(server: Server, count: int, seed: int, session: str) -> dict[str, Any]:
    kinds, transfers, lost, longest = dict[str, Counter[int]](), Counter[str](), 0, 0.0
    for number, upload in enumerate(uploads(count, seed, MAX_PIXELS)):
        transfer, response = send_upload(server.port, upload, Random(f"transfer {seed} {number}"), session)
        kinds.setdefault(upload.kind, Counter())[response.status] += 1
        transfers[transfer] += 1
        lost += response.status == NO_RESPONSE and transfer not in WITHOUT_RESPONSE
        longest = max(longest, 0 if transfer == "slow" else response.seconds)
    statuses = sum(kinds.values(), Counter[int]())
    return {"kinds": kinds, "transfers": transfers, "statuses": statuses, "lost": lost, "longest_seconds": longest}


def send_requests(server: Server, step: int, session: str) -> dict[str, Any]:
    statuses, longest = Counter[int](), 0.0
    for request in requests()[::step]:
        headers = {"X-Session": session} | request.headers
        head = request_head(request.method, request.path, headers, len(request.body))
        response = send(server.port, [head, request.body])
        statuses[response.status] += 1
        longest = max(longest, response.seconds)
    streams = [[request_head("GET", f"/api/v1/watch?run={name}", {})] for name in list_names(server, "runs")]
    for parts in [*malformed_requests(f"{HOST}:{server.port}"), *streams]:
        statuses[send(server.port, parts, timeout=2).status] += 1
    return {"statuses": statuses, "longest_seconds": longest}


def send_too_large(port: int) -> list[int]:
    """Return the statuses for bodies above the limit, declared and undeclared."""
    parts = [b"%x\r\n" % 10**6 + bytes(10**6) + b"\r\n"] * 30
    heads = [request_head("POST", PHOTOS, {"Content-Type": "image/png"}, n) for n in (MAX_BODY_BYTES + 1, 10**15, None)]
    return [send(port, [head, *parts]).status for head in heads]


def slow_clients() -> list[list[bytes]]:
    """Return what slow clients send, one byte per second: a body, a head, nothing."""
    head = request_head("POST", PHOTOS, {"Content-Type": "image/png"}, 1000)
    return [[head, *[b"x"] * 60], [head[:9], *[b"x"] * 60], [], []]


class Visitor:
    """A client that requests the same face until ``stopped`` is set."""

    def __init__(self, server: Server) -> None:
        self.server, self.stopped, self.expected = server, Event(), server.get(FACE)
        self.count, self.wrong, self.slowest = 0, 0, 0.0

    def run(self) -> None:
        while not self.stopped.wait(0.2):
            response, seconds = harness.timed(self.server.get, FACE)
            self.count, self.slowest = self.count + 1, max(self.slowest, seconds)
            self.wrong += response != self.expected


def attack(server: Server, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Send everything to the first studio and return what happened."""
    watched = [folder, *map(Path, args.paths)]
    session, _ = start_session(server)
    for dataset, model in product(list_names(server, "datasets"), INCLUDED):
        # The first request of each model stores features beside the dataset.
        body = json.dumps({"face": "seed:7", "dataset": dataset, "model": model}).encode()
        head = request_head("POST", "/api/v1/neighbours", {"Content-Type": "application/json"}, len(body))
        send(server.port, [head, body])
    visitor = Visitor(server)
    run_schemathesis(server, args.folder, 1, args.seed + 1)  # memory that the first requests take is no leak
    send_uploads(server, min(args.uploads, 2 * len(KINDS)), args.seed + 1, session)
    time.sleep(args.settle)
    record: dict[str, Any] = {"memory_before": server.resources()["rss_mb"]}
    files, written = list_files(*watched), bytes_written(server)
    with ThreadPoolExecutor(8) as pool:
        visit = pool.submit(visitor.run)
        try:
            slow = [pool.submit(send, server.port, parts, pause=1, timeout=60) for parts in slow_clients()]
            record["uploads"] = send_uploads(server, args.uploads, args.seed, session)
            record["too_large"] = send_too_large(server.port)
            record["requests"] = send_requests(server, args.every, session)
            record["schemathesis"] = run_schemathesis(server, args.folder, args.examples, args.seed)
            record["slow_clients"] = [(task.result().status, round(task.result().seconds, 1)) for task in slow]
        finally:
            visitor.stopped.set()
        visit.result()
    send(server.port, [request_head("DELETE", SESSION, {"X-Session": session})])
    time.sleep(args.settle)
    memory = server.resources()
    record |= {"memory_after": memory["rss_mb"], "memory_peak": memory["peak_mb"]}
    record |= {"faces": visitor.count, "faces_wrong": visitor.wrong, "slowest_face": visitor.slowest}
    record |= {"files_changed": len(files ^ list_files(*watched)), "bytes_written": bytes_written(server) - written}
    return record | {"same_face_at_end": server.get(FACE) == visitor.expected}


def list_files(*folders: Path) -> set[tuple[str, int, int]]:
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths}


def bytes_written(server: Server) -> int:
    """Return the bytes that the server has written to disks."""
    return int(re.findall(r"\nwrite_bytes: (\d+)", Path(f"/proc/{server.process.pid}/io").read_text())[0])


def log_summary(log: str) -> dict[str, Any]:
    """Return the counts of the logged statuses and of other lines, and the first defects."""
    lines = log.splitlines()
    return {
        "statuses": Counter(json.loads(line)["status"] for line in lines if line.startswith("{")),
        "other_lines": Counter(line for line in lines if not line.startswith("{")),
        "defects": [line for line in lines if '"defect"' in line or "Traceback" in line][:5],
    }


def problems(record: dict[str, Any]) -> list[str]:
    first, second = record["studio"], record["studio_that_trains"]
    growth = max(first["memory_after"] - first["memory_before"], 0)
    starting = 503  # of /readyz before the first model has loaded
    sent = first["uploads"]["statuses"] + first["requests"]["statuses"]
    statuses = first["log"]["statuses"] | sent | second["log"]["statuses"]
    late = first["faces_wrong"] or first["slowest_face"] > MAX_FACE_SECONDS or not first["same_face_at_end"]
    results = {
        "5xx responses": any(status >= 500 and status != starting for status in statuses),
        "tracebacks": first["log"]["defects"] or second["log"]["defects"],
        "uploads or requests with 503": sent[starting],
        "schemathesis": any(part["schemathesis"][key] for part in (first, second) for key in ("failures", "errors")),
        f"{growth:.0f} MB more": growth > MAX_MEMORY_GROWTH_MB,
        "files written": first["files_changed"] or first["bytes_written"],
        "late or wrong faces": late,
        "a training": second["runs"],
        "uploads without a response": first["uploads"]["lost"],
        "long waits for slow clients": any(seconds > 50 for _, seconds in first["slow_clients"]),
        "too large bodies accepted": any(status not in (413, NO_RESPONSE) for status in first["too_large"]),
    }
    return [name for name, is_problem in results.items() if is_problem]


def main() -> None:
    parser = harness.parser(__doc__, "--seed", "--json")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--uploads", type=int, default=500)
    parser.add_argument("--examples", type=int, default=30, help="schemathesis examples per operation")
    parser.add_argument("--every", type=int, default=1, help="2 sends every second request")
    parser.add_argument("--settle", type=float, default=INTERVAL_SECONDS + 5, help="seconds before memory is read")
    args = parser.parse_args()
    args.paths = [str(Path(path).resolve()) for path in args.paths]
    record = harness.new_record(seed=args.seed)
    with tempfile.TemporaryDirectory() as temporary:
        args.folder, folder = Path(temporary) / "schemathesis", Path(temporary) / "studio"
        args.folder.mkdir()
        folder.mkdir()
        environment = {"TMPDIR": str(folder), "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = harness.studio_command(*INCLUDED, *args.paths)
        with harness.start_server(command, cwd=folder, environment=environment) as server:
            record["studio"] = attack(server, folder, args)
            server.stop()
            record["studio"]["log"] = log_summary(server.log())
        command = harness.studio_command(*INCLUDED, "--allow-training")
        with harness.start_server(command, cwd=folder, environment=environment) as server:
            counts = run_schemathesis(server, args.folder, args.examples, args.seed)
            record["studio_that_trains"] = {"schemathesis": counts, "runs": list_names(server, "runs")}
            server.stop()
            record["studio_that_trains"]["log"] = log_summary(server.log())
    record["problems"] = problems(record)
    print(json.dumps(record, indent=1))
    harness.save_record(record, args.json)
    sys.exit(bool(record["problems"]))


if __name__ == "__main__":
    main()
