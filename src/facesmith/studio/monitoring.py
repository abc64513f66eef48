"""Monitoring: metrics for Prometheus, and the access log, a line of JSON on stderr for each request.

A line has when, id, method, path, status, ms, and the bytes of the response; also trace_id and parent_id if the client
sends a W3C traceparent. It has no query, body or cookie, so neither images nor the token are logged. A path may contain
the random id of a face, which only its own session can use.
"""

import json
import platform
import re
import secrets
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facesmith.extras import require
from facesmith.studio.errors import send_error
from facesmith.studio.limits import header
from facesmith.studio.settings import API
from facesmith.version import __version__

# https://www.w3.org/TR/trace-context/: ids of zeros are invalid, and later versions may append fields.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})(?P<parent_id>[0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)
CLIENT_CLOSED = 499  # the status counted for a client that disconnected before the response
UNLOGGED_PATHS = ("/healthz", "/readyz", "/metrics", "/static")  # logged only if they fail
# Seconds, from a cached response to a video. 0.1 is the limit for a slider.
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The metrics of one studio, in a registry of their own, because one process may run several studios."""

    def __init__(self) -> None:
        prometheus = require("prometheus_client", "studio", "the studio")
        prometheus.disable_created_metrics()  # they double the output and nobody reads them
        self._generate = prometheus.generate_latest
        self.media_type = str(prometheus.CONTENT_TYPE_LATEST)
        self.registry = prometheus.CollectorRegistry()
        self._gauge = prometheus.Gauge
        prometheus.ProcessCollector(registry=self.registry)
        prometheus.Info("facesmith_build", "The running version", registry=self.registry).info(
            {"version": __version__, "python": platform.python_version()}
        )
        self.requests = prometheus.Counter(
            "facesmith_requests", "Requests answered", ["route", "method", "status"], registry=self.registry
        )
        self.seconds = prometheus.Histogram(
            "facesmith_request_seconds", "Seconds per request", ["route"], buckets=_BUCKETS, registry=self.registry
        )
        self.faces = prometheus.Counter("facesmith_faces", "Faces generated", ["model"], registry=self.registry)
        self.rejections = prometheus.Counter("facesmith_refused", "Requests refused with 429", registry=self.registry)

    def add_gauge(self, name: str, description: str, value: Callable[[], float]) -> None:
        """Add a gauge called facesmith_NAME that calls ``value`` whenever it is read."""
        self._gauge(f"facesmith_{name}", description, registry=self.registry).set_function(value)

    def record_request(self, route: str, method: str, status: int, seconds: float) -> None:
        self.requests.labels(route, method, status).inc()
        self.seconds.labels(route).observe(seconds)
        if status == 429:
            self.rejections.inc()

    def text(self) -> bytes:
        """Return all metrics as Prometheus reads them."""
        text: bytes = self._generate(self.registry)
        return text


class AccessLog:
    """Gives every request an id (the client's X-Request-ID if it is valid), counts it, and writes its line."""

    def __init__(self, app: ASGIApp, metrics: Metrics, quiet: bool) -> None:
        self.app, self.metrics, self.quiet = app, metrics, quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = time.perf_counter()
        client_id = header(scope, b"x-request-id")
        valid = 8 <= len(client_id) <= 64 and client_id.replace("-", "").isalnum()
        request_id = client_id if valid else secrets.token_hex(8)
        scope["request_id"] = request_id
        trace = _TRACEPARENT.fullmatch(header(scope, b"traceparent").strip())
        status, size, defect = CLIENT_CLOSED, 0, None

        async def observed_send(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode("latin-1"))]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, observed_send)
        except Exception as error:
            defect = error
            if status == CLIENT_CLOSED:  # no response has begun
                message = f"internal error: the server log has the traceback of request {request_id}"
                await send_error(500, message, scope, receive, observed_send)
        finally:
            seconds = time.perf_counter() - start
            self.metrics.record_request(_route(scope), scope["method"], status, seconds)
            if defect is not None or not (self.quiet or (status < 400 and scope["path"].startswith(UNLOGGED_PATHS))):
                self._write(scope, request_id, trace, status, seconds, size, defect)

    def _write(
        self,
        scope: Scope,
        request_id: str,
        trace: re.Match[str] | None,
        status: int,
        seconds: float,
        size: int,
        defect: Exception | None,
    ) -> None:
        line: dict[str, object] = {
            "when": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "id": request_id,
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": round(1000 * seconds, 1),
            "bytes": size,
        }
        if trace is not None:
            line |= trace.groupdict()
        if defect is not None:
            line["defect"] = "".join(traceback.format_exception(defect))
        print(json.dumps(line), file=sys.stderr, flush=True)


def _route(scope: Scope) -> str:
    """Return the route's path as declared in the code, so that the number of label values is bounded."""
    if scope["path"].startswith("/static/"):
        return "/static"
    path = getattr(scope.get("route"), "path", None)
    if not isinstance(path, str):
        return "other"
    # A router's routes lack the prefix under which the router was included. A page may have the same path.
    return API + path if scope["path"].startswith(f"{API}/") and not path.startswith(API) else path
