"""The studio as a server: listen, print the address, and shut down without dropping requests."""

import errno
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from facesmith.errors import FacesmithError
from facesmith.extras import require

if TYPE_CHECKING:
    from facesmith.studio.settings import Settings

# How long a thread runs while another waits for the interpreter. The event loop and the threads that compute faces
# switch hundreds of times a second: with Python's default of 5 ms, most of a face's time would be spent waiting.
_SWITCH_SECONDS = 0.0005


def serve(
    paths: Sequence[str | Path] = (),
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    allow_training: bool = False,
    cors: Sequence[str] = (),
    allowed_hosts: Sequence[str] = (),
    certfile: str | Path | None = None,
    keyfile: str | Path | None = None,
    root_path: str = "",
    workers: int = 0,
    backend: str = "onnx",
    rate: float | None = None,
    browser: bool = False,
    quiet: bool = False,
) -> None:
    """Serve the studio's pages and HTTP API for models and runs. Returns after SIGTERM or SIGINT.

    Args:
        paths: runs, models, makeovers, attribute classifiers, datasets and maps, folders that contain them, names of
            included models, or hub ids. Default: everything below the working folder, and the included models.
        host: the address to listen on; "0.0.0.0" for all of IPv4, "::" for all of IPv6 and IPv4.
        port: the port to listen on; 0 selects a free one.
        token: the token that clients must send. Default: no token.
        allow_training: whether visitors may start, stop and branch runs.
        cors: origins whose pages may use the API.
        allowed_hosts: host names to respond to besides those of this machine. Default: only the names of this machine
            if no other machine can connect, otherwise any name.
        certfile: the TLS certificate; requires ``keyfile``.
        root_path: the prefix of the addresses under which a proxy serves the studio, such as "/faces". The proxy may
            remove it from requests or keep it.
        workers: threads that compute faces; 0: one per core.
        backend: the backend of generators and encoders; see `load`.
        rate: requests per second per client. Default: 50, or no limit if only this machine can reach the studio.
        browser: whether to open a browser.
        quiet: whether to disable the access log.

    On shutdown, new requests are refused and running ones are finished. Raises `FacesmithError` for settings that
    contradict each other, missing paths, and an address in use.
    """
    require("fastapi", "studio", "the studio")
    uvicorn = require("uvicorn", "studio", "the studio")
    from facesmith.studio.app import create_app
    from facesmith.studio.connection import Connection
    from facesmith.studio.settings import Settings

    settings = Settings(
        paths=tuple(map(str, paths)),
        host=host,
        port=port,
        token=token,
        allow_training=allow_training,
        cors=tuple(cors),
        allowed_hosts=tuple(allowed_hosts),
        certfile=None if certfile is None else Path(certfile),
        keyfile=None if keyfile is None else Path(keyfile),
        root_path=root_path.rstrip("/"),
        workers=workers,
        backend=backend,
        rate=rate,
        quiet=quiet,
    )
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=Connection,
        ssl_certfile=settings.certfile,
        ssl_keyfile=settings.keyfile,
        access_log=False,
        log_config=None,
        server_header=False,
        ws="none",
        limit_concurrency=1000,  # connections: below the usual limit of open files
        timeout_keep_alive=75,  # longer than the minute after which proxies close idle connections themselves
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    if settings.tls:
        try:
            config.load()
        except OSError as error:  # ssl.SSLError is one
            raise FacesmithError(
                f"{certfile} and {keyfile} cannot be used ({error}): pass a certificate and its key in PEM format"
            ) from None
    listeners = _listen(settings.host, settings.port)
    server = uvicorn.Server(config)
    handle_exit = server.handle_exit

    def exit_gracefully(number: int, frame: FrameType | None) -> None:
        app.state.services.closing.set()  # endless streams end
        handle_exit(number, frame)

    server.handle_exit = exit_gracefully
    address = _address(listeners[0], settings)
    print(f"facesmith studio: {address} (press Ctrl-C to stop)", file=sys.stderr, flush=True)
    if browser:
        threading.Timer(0.5, webbrowser.open, [address + (f"?token={token}" if token else "")]).start()
    with _signals_handled(), _short_switch_interval():
        server.run(listeners)


def _listen(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of a host name. "::" stands for all addresses of both IPv6 and IPv4."""
    listeners, error = list[socket.socket](), OSError(f"{host} does not resolve to an address")
    try:
        hosts = [host.strip("[]"), "0.0.0.0"] if host in ("::", "[::]") else [host.strip("[]")]
        found = [entry for name in hosts for entry in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            free_port = listeners[0].getsockname()[1] if listeners else port
            try:
                listener = socket.create_server((address[0], free_port, *address[2:]), family=family, backlog=2048)
            except OSError as failure:
                # A machine may know the addresses of a family that it cannot use.
                if failure.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                error = failure
                continue
            # Accepted connections inherit this. Without it a body waits 40 ms for the client to confirm the headers.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listeners.append(listener)
        if not listeners:
            raise error
    except (OSError, UnicodeError) as failure:
        for listener in listeners:
            listener.close()
        reason = getattr(failure, "strerror", None) or failure
        raise FacesmithError(
            f"cannot listen on {host} port {port} ({reason}): choose another --port or --host"
        ) from None
    return listeners


def _address(listener: socket.socket, settings: "Settings") -> str:
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    scheme = "https" if settings.tls else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{settings.root_path}/"


@contextmanager
def _signals_handled() -> Iterator[None]:
    """Ignore the signal that uvicorn raises again after it has shut down: it was handled."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def _short_switch_interval() -> Iterator[None]:
    previous = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(previous)
