"""A studio in a process of its own, what it says, holds and writes; and clients that speak to it by hand."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

HOST = "127.0.0.1"
PATIENCE = 90.0  # seconds for an answer: three times what a body may take
CUT = 0  # the status of an answer that never came


class Answer(NamedTuple):
    """Status, the head, the body, and after how many seconds it was complete."""

    status: int
    head: str
    body: bytes
    seconds: float

    def header(self, name: str) -> str:
        found = re.search(rf"(?im)^{name}: *(.*?)\r?$", self.head)
        return found[1] if found else ""


def say(
    port: int, parts: Iterable[bytes], *, pause: float = 0, stays: bool = True, patience: float = PATIENCE
) -> Answer:
    """Send these parts on a connection of their own, and read what comes until its end or ``patience`` is at one."""
    began, came = time.perf_counter(), b""
    with socket.create_connection((HOST, port), PATIENCE) as line:
        try:
            for part in parts:
                line.sendall(part)
                time.sleep(pause)
        except OSError:
            pass  # it has answered meanwhile, and reads no more
        line.settimeout(patience)
        try:
            while stays and (part := line.recv(1 << 18)):
                came += part
        except OSError:
            pass
    head, _, body = came.partition(b"\r\n\r\n")
    status = int(head.split()[1]) if head.startswith(b"HTTP/1.1 ") else CUT
    return Answer(status, head.decode("latin-1"), body, time.perf_counter() - began)


def written(method: str, path: str, headers: dict[str, str], length: int | None = 0) -> bytes:
    """The head of a request; with no ``length`` its body comes in chunks."""
    framed = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)} if length else {}
    lines = [f"{name}: {value}" for name, value in ({"Host": HOST, "Connection": "close"} | framed | headers).items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


@dataclass(eq=False)
class Studio:
    """The process, its port, and every line that it has said on stderr."""

    process: subprocess.Popen[str]
    port: int
    lines: list[str] = field(default_factory=list)

    def get(self, path: str, **headers: str) -> Answer:
        return say(self.port, [written("GET", path, headers)])

    def listed(self, what: str) -> Any:
        return json.loads(self.get(f"/api/v1/{what}").body)

    def memory(self, kind: str = "VmRSS") -> float:
        """MB that it holds, or that it held at most (VmHWM), in /proc, which only Linux has."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(rf"{kind}:\s+(\d+)", status)[0]) * 1024 / 1e6

    def bytes_written(self) -> int:
        """To files on a disk; what it says goes through a pipe."""
        return int(re.findall(r"\nwrite_bytes: (\d+)", Path(f"/proc/{self.process.pid}/io").read_text())[0])

    def statuses(self) -> Counter[int]:
        """How often it says that it answered with each status."""
        return Counter(json.loads(line)["status"] for line in list(self.lines) if line.startswith("{"))

    def other_words(self) -> Counter[str]:
        """What it said besides that: how often each."""
        return Counter(line for line in self.lines if not line.startswith("{"))

    def defects(self) -> list[str]:
        return [line for line in self.lines if '"defect"' in line or "Traceback" in line]


@contextmanager
def studio(folder: Path, *words: str) -> Iterator[Studio]:
    """One that is started in an empty folder, which is also where it would put what is temporary."""
    command = [sys.executable, "-m", "facesmith", "studio", "--port", "0", *words]
    environment = os.environ | {"TMPDIR": str(folder), "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        address = re.search(r"http://[^:]+:(\d+)/", said)
        if address is None:
            sys.exit(said + process.stderr.read())
        here = Studio(process, int(address[1]))
        reader = Thread(target=lambda: here.lines.extend(process.stderr or ()), daemon=True)
        reader.start()
        try:
            while here.get("/readyz").status != 200:
                time.sleep(0.1)
            yield here
        finally:
            process.terminate()
            process.wait(PATIENCE)
            reader.join()


def files(*folders: Path) -> set[tuple[str, int, int]]:
    """Every file beneath these folders, with its size and when it was changed."""
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in found}
