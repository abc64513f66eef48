"""What the measurements of servers share: a server started for a while, clients that ask it, what its process holds."""

import http.client
import os
import re
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
STUDIO = (sys.executable, "-m", "facesmith", "studio")
PATIENCE = 60.0  # seconds for a server to start, to answer, or to end
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass
class Server:
    """A process that answers on a port of this machine."""

    process: subprocess.Popen[bytes]
    port: int
    said: IO[bytes]

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of one answer."""
        line = http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE)
        try:
            line.request("GET", path)
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()

    def end(self) -> int:
        """Tell it to end, and wait: its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def log(self) -> str:
        """What it has said; its place in the file is its own, so this is for when it has ended."""
        self.said.seek(0)
        return self.said.read().decode()

    def held(self) -> dict[str, float]:
        """What its process holds, by /proc, which only Linux has: memory, of it its own, threads, open files."""
        proc = Path(f"/proc/{self.process.pid}")
        found = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        rss, own, threads = (float(found[name].split()[0]) for name in ("VmRSS", "RssAnon", "Threads"))
        files = float(len(list((proc / "fd").iterdir())))
        return {"rss_mb": rss * 1.024e-3, "own_mb": own * 1.024e-3, "threads": threads, "files": files}

    @property
    def cpu_seconds(self) -> float:
        """What its process has computed so far, by /proc."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(command: Callable[[int], Sequence[str]], ready: str, **environment: str) -> Iterator[Server]:
    """The server that ``command`` starts on a port, from when it first answers ``ready`` with 200 until the end."""
    port = free_port()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command(port), stdout=said, stderr=said, env=os.environ | environment)
        try:
            server, until = Server(process, port, said), time.monotonic() + PATIENCE
            while not _answers(server, ready):
                if process.poll() is not None or time.monotonic() > until:
                    sys.exit(f"{' '.join(command(port))} does not serve:\n{server.log()[-2000:]}")
                time.sleep(0.05)
            yield server
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def _answers(server: Server, path: str) -> bool:
    try:
        return server.get(path)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def check_png(body: bytes, size: tuple[int, int]) -> None:
    """Raise `ValueError` for what is no whole PNG of that width and height."""
    whole = body[:8] == b"\x89PNG\r\n\x1a\n" and body[-8:] == b"IEND\xaeB`\x82"
    if not whole or struct.unpack(">II", body[16:24]) != size:
        raise ValueError(f"{len(body)} bytes that begin with {body[:60]!r} are no PNG of {size}")


@dataclass
class Load:
    """What a while of asking came to: the seconds to each answer that counts, all the time it took, ours of it."""

    latencies: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    cpu_seconds: float = 0.0


class _Client:
    """A connection, made anew wherever the server ends it, and one request at a time."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self.port, self.selector = port, selector
        self.line: socket.socket | None = None
        self.came, self.began = b"", 0.0

    def ask(self, path: str) -> None:
        self.began, self.came = time.perf_counter(), b""
        if self.line is None:
            self.line = socket.create_connection((HOST, self.port), PATIENCE)
            self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(self.line, selectors.EVENT_READ, self)
        self.line.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n\r\n".encode())

    def hear(self) -> bytes | None:
        """The body of the answer, once all of it is here; `ValueError` for an answer other than 200."""
        assert self.line is not None
        part = self.line.recv(1 << 18)
        self.came += part
        head, blank, body = self.came.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if blank and (b" 200 " not in head[:13] or length is None):
            raise ValueError(f"the answer was not a face: {self.came[:300]!r}")
        if length is None or len(body) < int(length[1]):
            if not part:
                raise ValueError("the server ended a connection before its answer did")
            return None
        if _CLOSE.search(head):
            self.close()
        return body

    def close(self) -> None:
        if self.line is not None:
            self.selector.unregister(self.line)
            self.line.close()
            self.line = None


def ask(
    port: int, clients: int, paths: Iterator[str], check: Callable[[bytes], None], seconds: float, warm_up: float
) -> Load:
    """Let so many clients ask for one of ``paths`` after the other, each as soon as it has its last answer.

    What was answered in the first ``warm_up`` seconds does not count. There is one thread and no event loop, so that a
    request costs its client some dozens of microseconds, and servers on the same cores have the rest.
    """
    load = Load()
    with selectors.DefaultSelector() as selector:
        asking = [_Client(port, selector) for _ in range(clients)]
        start, busy = time.perf_counter(), time.process_time()
        begin, until = start + warm_up, start + warm_up + seconds
        for client in asking:
            client.ask(next(paths))
        waiting = clients
        while waiting:
            ready = selector.select(PATIENCE)
            if not ready:
                raise ValueError(f"no answer for {PATIENCE:g} seconds")
            for key, _ in ready:
                client = key.data
                body = client.hear()
                if body is None:
                    continue
                now = time.perf_counter()
                check(body)
                if begin <= now < until:
                    load.latencies.append(now - client.began)
                if now < until:
                    client.ask(next(paths))
                else:
                    client.close()
                    waiting -= 1
    load.elapsed, load.cpu_seconds = time.perf_counter() - start, time.process_time() - busy
    return load
