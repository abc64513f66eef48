"""From the start of `facesmith studio` to its first face: seconds, how many of them imports take, and whose.

    python benchmarks/cold_start.py [--model drawn64] [--starts 5] [--python PYTHON] [--json record.json]

A start begins with the process. It listens when a connection succeeds, which is tried every millisecond; the face is
asked for at once, and there when all of its PNG is. The first start is not counted: after it the system has the files
at hand. Imports are counted by Python's own -X importtime, which takes a little time itself, in starts of their own;
those that happen at the first face count too. ``--python`` is the interpreter of another install, such as one without
PyTorch.
"""

import argparse
import http.client
import json
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from http_server import HOST, PATIENCE, STUDIO, check_png, free_port

import facesmith
from facesmith import doctor
from facesmith.files import write_json

FACE = "/api/v1/generate?seed={}&count=1"
LARGEST = 8  # packages named
INSTALLED = """
import json, platform
from importlib.metadata import PackageNotFoundError, version
found = {"python": platform.python_version()}
for name in ("facesmith", "fastapi", "numpy", "onnxruntime", "opencv-python-headless", "torch", "uvicorn"):
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        found[name] = None
print(json.dumps(found))
"""
_IMPORT = re.compile(r"^import time: +(\d+) \| +\d+ \| +([\w.]+)$", re.MULTILINE)


def start(python: str, model: str, size: tuple[int, int], number: int, *options: str) -> tuple[dict[str, float], str]:
    """Start a studio, take a face, and end it: seconds until it listened and until the face, and what it said."""
    port = free_port()
    command = [python, *options, *STUDIO[1:], model, "--port", str(port), "--quiet"]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "said").open("w+") as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)
        try:
            listens = _listening(process, port)
            if listens is None:
                said.seek(0)
                sys.exit(f"{' '.join(command)} does not serve:\n{said.read()[-2000:]}")
            line = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
            line.request("GET", FACE.format(number))
            check_png(line.getresponse().read(), size)
            face = time.perf_counter()
            line.close()
            process.terminate()
            if process.wait(PATIENCE) != 0:
                sys.exit(f"{' '.join(command)} ended with {process.returncode}")
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        said.seek(0)
        return {"listens": listens - began, "face": face - began}, said.read()


def _listening(process: subprocess.Popen[bytes], port: int) -> float | None:
    """When a port took a connection; None where the process ends without, or does not come to it."""
    until = time.perf_counter() + PATIENCE
    while process.poll() is None and time.perf_counter() < until:
        with suppress(ConnectionRefusedError), socket.create_connection((HOST, port), PATIENCE):
            return time.perf_counter()
        time.sleep(0.001)
    return None


def bare(python: str) -> float:
    """Seconds that an interpreter takes to start and end with nothing to do."""
    began = time.perf_counter()
    subprocess.run([python, "-c", "pass"], check=True)
    return time.perf_counter() - began


def imports(said: str) -> dict[str, float]:
    """The seconds that each package took to import, without what it imported itself."""
    seconds: dict[str, float] = defaultdict(float)
    for micros, module in _IMPORT.findall(said):
        seconds[module.partition(".")[0]] += int(micros) / 1e6
    return dict(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="drawn64")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--json", type=Path, help="write everything into this file")
    args = parser.parse_args()
    size = facesmith.load(args.model, quiet=True).size
    asked = subprocess.run([args.python, "-c", INSTALLED], capture_output=True, text=True, check=True)
    record: dict[str, Any] = {
        "machine": doctor.machine(torch.device("cpu")),
        "install": json.loads(asked.stdout),
        "model": args.model,
        "starts": [],
    }
    print(json.dumps(record["machine"]))
    print(json.dumps(record["install"]))
    start(args.python, args.model, size, 0)
    for number in range(1, args.starts + 1):
        found, _ = start(args.python, args.model, size, number)
        slower, said = start(args.python, args.model, size, number, "-X", "importtime")
        packages = imports(said)
        share = sum(packages.values()) / slower["face"]
        record["starts"].append(found | {"bare": bare(args.python), "import_share": share, "packages": packages})
        print(
            f"start {number}: listens after {found['listens']:.2f} s, first face after {found['face']:.2f} s",
            flush=True,
        )
    starts = record["starts"]
    listens, face, python, share = (
        statistics.median(one[key] for one in starts) for key in ("listens", "face", "bare", "import_share")
    )
    faces = [one["face"] for one in starts]
    print(
        f"first face after {face:.2f} s ({min(faces):.2f} to {max(faces):.2f}), listening after {listens:.2f}; "
        f"imports are {share:.0%} of it, Python itself {python:.2f} s"
    )
    middle = {name: statistics.median(one["packages"].get(name, 0.0) for one in starts) for name in packages}
    largest = sorted(middle, key=lambda name: -middle[name])[:LARGEST]
    print(
        f"seconds of imports, without what they import: {', '.join(f'{name} {middle[name]:.2f}' for name in largest)}"
    )
    if args.json:
        write_json(args.json, record)


if __name__ == "__main__":
    main()
