"""Seconds from the start of `facesmith studio` to its first face, and the share that imports take.

    python benchmarks/cold_start.py [--model drawn64] [--starts 5] [--python PYTHON] [--json record.json]

The studio listens when a connection succeeds, which is tried every millisecond; the face is requested at once. The
first start does not count, because it fills the file cache. Imports are timed in separate starts with -X importtime,
which adds a little time. ``--python`` is the interpreter of another installation, such as one without PyTorch.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness

import facesmith

FACE = "/api/v1/generate?seed={}&count=1"
VERSIONS = """
import json, platform
from importlib.metadata import PackageNotFoundError, version
versions = {"python": platform.python_version()}
for name in ("facesmith", "fastapi", "numpy", "onnxruntime", "opencv-python-headless", "torch", "uvicorn"):
    try:
        versions[name] = version(name)
    except PackageNotFoundError:
        versions[name] = None
print(json.dumps(versions))
"""
IMPORT_TIME = re.compile(r"^import time: +(\d+) \|", re.MULTILINE)


def start(python: str, model: str, size: tuple[int, int], seed: int, *options: str) -> tuple[dict[str, float], str]:
    """Start a studio, request a face and stop it: seconds until it listens and until the face, and its output."""

    def command(port: int) -> list[str]:
        return [python, *options, *harness.STUDIO[1:], model, "--port", str(port), "--quiet"]

    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        with harness.start_server(command, ready=None, poll_seconds=0.001, cwd=Path(folder)) as server:
            listening = time.perf_counter() - begin
            harness.check_png(server.get(FACE.format(seed))[1], size)
            face = time.perf_counter() - begin
            status = server.stop()
            if status:
                sys.exit(f"{' '.join(command(server.port))} ended with exit code {status}")
            return {"listening": listening, "face": face}, server.log()


def main() -> None:
    parser = harness.parser(__doc__, "--model", "--json")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--python", default=sys.executable)
    args = parser.parse_args()
    size = facesmith.load(args.model, quiet=True).size
    versions = json.loads(subprocess.run([args.python, "-c", VERSIONS], capture_output=True, check=True).stdout)
    record = harness.new_record(install=versions, model=args.model, starts=[])
    print(json.dumps(versions))
    start(args.python, args.model, size, 0)
    for number in range(1, args.starts + 1):
        times, _ = start(args.python, args.model, size, number)
        slower, log = start(args.python, args.model, size, number, "-X", "importtime")
        seconds = sum(int(micros) for micros in IMPORT_TIME.findall(log)) / 1e6
        record["starts"].append(times | {"import_share": seconds / slower["face"]})
        print(f"start {number}: listening {times['listening']:.2f} s, first face {times['face']:.2f} s", flush=True)
    listening, faces, shares = ([row[key] for row in record["starts"]] for key in ("listening", "face", "import_share"))
    print(f"first face after {harness.median_and_range(faces)} s, listening after {statistics.median(listening):.2f} s")
    print(f"imports take {statistics.median(shares):.0%}")
    harness.save_record(record, args.json)


if __name__ == "__main__":
    main()
