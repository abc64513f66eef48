"""The studio as a server: it listens, says where, and ends only when what it was asked for is done."""

import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from facesmith.errors import FacesmithError
from facesmith.extras import require

# How long a thread may go on when another waits for the interpreter. The loop that reads requests and the threads that
# make faces take turns hundreds of times a second, and with Python's 5 ms each turn would be most of a face's time.
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
    workers: int = 0,
    rate: float | None = None,
    browser: bool = False,
    quiet: bool = False,
) -> None:
    """Serve pages and an HTTP API for models and runs until told to stop.

    ``paths`` are runs, models, makeovers, judges, datasets and maps, folders of them, names of shipped models, or hub
    ids; without any it is all that is beneath the working folder, and the shipped models. With a ``token`` only who has
    it is let in. ``allow_training`` lets visitors start, stop and branch runs. ``cors`` are origins whose pages may ask
    the API. ``allowed_hosts`` are names that it answers to besides those of this machine; without any, a studio that
    only this machine can reach answers to no other, and one that others can reach to all. ``certfile`` and ``keyfile``
    are for TLS. ``port`` 0 takes any free one. ``workers`` threads make faces, by default one for every core; one
    client may ask ``rate`` times a second, by default 50 times, or as often as it likes where only this machine can
    ask. ``browser`` opens one on the first page. SIGTERM and SIGINT end it: it takes no new requests, finishes those in
    flight, and returns.

    Raises `FacesmithError` for settings that do not go together, paths that are not there, and an address in use.
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
        workers=workers,
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
        limit_concurrency=1000,  # connections: more would end at the system's limit of open files
        timeout_keep_alive=75,  # longer than the minute after which proxies give up a connection themselves
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    if settings.tls:
        try:
            config.load()
        except OSError as error:  # of ssl too
            raise FacesmithError(
                f"{certfile} and {keyfile} cannot be used ({error}): give a certificate and its key as PEM"
            ) from None
    listener = _listener(settings.host, settings.port)
    server = uvicorn.Server(config)
    end = server.handle_exit

    def told(number: int, frame: FrameType | None) -> None:
        app.state.parts.closing.set()  # what streams for ever ends by itself
        end(number, frame)

    server.handle_exit = told
    address = _address(listener, settings.tls)
    print(f"facesmith studio: {address} (Ctrl-C ends it)", file=sys.stderr, flush=True)
    if browser:
        threading.Timer(0.5, webbrowser.open, [address + (f"?token={token}" if token else "")]).start()
    with _told_to_end(), _quick_turns():
        server.run([listener])


def _listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=2048)
        # What it accepts has this from it. Without, a body waits 40 ms until the client has confirmed its headers.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise FacesmithError(
            f"{host} port {port} cannot be listened on ({error.strerror or error}): choose another --port or --host"
        ) from None


def _address(listener: socket.socket, tls: bool) -> str:
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{port}/"


@contextmanager
def _told_to_end() -> Iterator[None]:
    """Let a signal that ended the server be one that was obeyed: uvicorn raises it again once it has shut down."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _quick_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
