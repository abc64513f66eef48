"""Settings of a studio: where it listens, what it shows, whom it admits, and its limits."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from facesmith.errors import FacesmithError
from facesmith.extras import check_backend
from facesmith.machine import worker_count

API = "/api/v1"  # prefix of the API's addresses
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Validated settings. Raises `FacesmithError` for an invalid one, and for two that contradict each other.

    The second block are limits of one server. A request beyond them is refused at once.
    """

    paths: tuple[str, ...] = ()  # runs, models, ... and folders of them; default: everything below the working folder
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    allow_training: bool = False
    cors: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()  # besides this machine's own names, see `hosts`
    certfile: Path | None = None
    keyfile: Path | None = None
    root_path: str = ""  # prefix of all addresses behind a proxy, such as /faces
    quiet: bool = False
    backend: str = "onnx"  # computes generators and encoders, see `facesmith.load`

    workers: int = 0  # threads that compute faces; 0: one per core
    queue_faces: int = 1024  # faces that may wait to be computed
    waiting_jobs: int = 16  # long jobs (refining, videos) that may wait
    models_loaded: int = 4
    body_bytes: int = 20_000_000
    body_seconds: float = 30.0  # for a whole body to arrive
    pixels: int = 40_000_000  # of an uploaded photo
    rate: float | None = None  # requests a second per client; None: 50, or no limit on a local studio
    session_minutes: float = 30.0  # without a request
    session_bytes: int = 64_000_000  # per session
    sessions_bytes: int = 512_000_000  # of all sessions
    sessions: int = 500
    shutdown_seconds: int = 20  # for running requests to finish

    def __post_init__(self) -> None:
        check_backend(self.backend)  # now, not at the first request
        if not 0 <= self.port <= 65535:
            raise FacesmithError(f"invalid port {self.port}: expected 1 to 65535, or 0 for any free port")
        if self.workers < 0 or (self.rate is not None and not self.rate > 0):
            raise FacesmithError("--workers and --rate must be greater than 0: omit them, or pass higher values")
        if (self.certfile is None) != (self.keyfile is None):
            raise FacesmithError("a certificate requires its key: pass both --certfile and --keyfile")
        if self.token is not None and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{8,256}", self.token):
            raise FacesmithError("invalid token: expected 8 to 256 letters, digits and . _ ~ + / = -")
        if self.allow_training and self.token is None and not self.local:
            name = (*self.allowed_hosts, self.host)[0]
            alternative = "" if self.allowed_hosts else ", or listen on 127.0.0.1"
            raise FacesmithError(f"anyone who can reach {name} could train on this machine: set a --token{alternative}")
        if not re.fullmatch(r"(/(?!\.+(/|$))[A-Za-z0-9._~-]+)*", self.root_path):
            raise FacesmithError(f"invalid --root-path {self.root_path!r}: expected a path, for example /faces")
        for origin in self.cors:
            if origin != "*" and not re.fullmatch(r"https?://[^/\s,]+", origin):
                raise FacesmithError(
                    f"invalid --cors {origin!r}: expected an origin, for example https://example.org, or *"
                )
        for name in self.allowed_hosts:
            if not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", name):
                raise FacesmithError(
                    f"invalid --allowed-host {name!r}: expected a host without a port, such as a.example.org or "
                    "[fe80::1]"
                )

    @property
    def api(self) -> str:
        """Return the prefix of the API's addresses as clients use them."""
        return self.root_path + API

    @property
    def cookie_path(self) -> str:
        return self.root_path or "/"

    @property
    def hosts(self) -> frozenset[str] | None:
        """Return the host names to respond to, in lower case; None for any.

        A local studio responds only to its own names: another name that points here is an attack (DNS rebinding).
        """
        if not self.local and not self.allowed_hosts:
            return None
        return frozenset(name.strip("[]").lower() for name in (*LOCAL_NAMES, self.host, *self.allowed_hosts))

    @property
    def local(self) -> bool:
        """Return whether only this machine can reach the studio. With allowed hosts, a proxy may forward requests."""
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
        """Return the requests a second that one client may send; None for any number."""
        return self.rate if self.rate is not None or self.local else 50.0

    @property
    def threads(self) -> int:
        return worker_count(self.workers)
