"""Metrics of the studio in the format of Prometheus: /metrics."""

from collections.abc import Callable

from facesmith.extras import require

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
