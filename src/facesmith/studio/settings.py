"""What a studio is started with: where it listens, what it shows, whom it lets in, and how much it takes on."""

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from facesmith.errors import FacesmithError

API = "/api/v1"  # what the addresses of the API begin with
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def usable_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Cores this process may use: in a container they may be fewer than the machine has, by number or by time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        time, period = quota.read_text().split()
        return max(1, min(cores, round(int(time) / int(period))))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return cores


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Checked when made: `FacesmithError` says which two settings do not go together, or which one makes no sense.

    The limits below the line are of one server; what is beyond them is refused in one sentence, at once, and costs
    nothing.
    """

    paths: tuple[str, ...] = ()  # runs, models, ... and folders of them; none: what is beneath the working folder
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    allow_training: bool = False
    cors: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()  # besides this machine's own names; none: see `hosts`
    certfile: Path | None = None
    keyfile: Path | None = None
    quiet: bool = False

    workers: int = 0  # threads that compute faces; 0: one for every core
    queue_faces: int = 1024  # faces that may wait to be computed
    aside_jobs: int = 16  # long jobs (refining, films) that may wait
    models_loaded: int = 4
    body_bytes: int = 20_000_000
    body_seconds: float = 30.0  # for a whole body to arrive
    pixels: int = 40_000_000  # of an uploaded photo
    rate: float | None = None  # requests a second of one client; None: 50, or no limit where only this machine asks
    session_minutes: float = 30.0  # without a request
    session_bytes: int = 64_000_000  # of one visitor
    sessions_bytes: int = 512_000_000  # of all visitors
    sessions: int = 500
    shutdown_seconds: int = 20  # for requests in flight to finish

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise FacesmithError(f"port {self.port} is not between 0 (any free one) and 65535")
        if self.workers < 0 or (self.rate is not None and not self.rate > 0):
            raise FacesmithError("workers and rate are numbers above 0: leave them out, or give such")
        if (self.certfile is None) != (self.keyfile is None):
            raise FacesmithError("a certificate and its key go together: give --certfile and --keyfile")
        if self.token is not None and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{8,256}", self.token):
            raise FacesmithError("a token is 8 to 256 letters, digits and . _ ~ + / = -: choose another")
        if self.allow_training and self.token is None and not self.local:
            name = (*self.allowed_hosts, self.host)[0]
            way = "" if self.allowed_hosts else ", or listen on 127.0.0.1"
            raise FacesmithError(f"anyone who reaches {name} could train on this machine: give a --token{way}")
        for origin in self.cors:
            if origin != "*" and not re.fullmatch(r"https?://[^/\s,]+", origin):
                raise FacesmithError(f"{origin!r} is no origin: write it as https://example.org, or * for all")
        for name in self.allowed_hosts:
            if not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", name):
                raise FacesmithError(f"{name!r} is no host: write it without a port, as faces.example.org or [fe80::1]")

    @property
    def hosts(self) -> frozenset[str] | None:
        """The names that the studio answers to, in small letters; None for any, for it is to be reached as it may.

        Where only this machine can reach it, a name that another host chose to point here is a trap (DNS rebinding).
        """
        if not self.local and not self.allowed_hosts:
            return None
        return frozenset(name.strip("[]").lower() for name in (*LOCAL_NAMES, self.host, *self.allowed_hosts))

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it: where it answers to other names, something here passes them on."""
        if self.allowed_hosts:
            return False
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def tls(self) -> bool:
        return self.certfile is not None

    @property
    def client_rate(self) -> float | None:
        """Requests a second that one client may go on with; None for any number."""
        return self.rate if self.rate is not None or self.local else 50.0

    @property
    def threads(self) -> int:
        return self.workers or usable_cores()
