"""What the studio counts of itself, for Prometheus: /metrics."""

from collections.abc import Callable

from facesmith.extras import require

# Seconds: from a cached answer to a film. 0.1 is what a slider may take.
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Figures:
    """The counters of one studio, in a registry of their own: several can live in one process."""

    def __init__(self) -> None:
        prometheus = require("prometheus_client", "studio", "the studio")
        prometheus.disable_created_metrics()  # when each counter began: as many lines again, which nobody reads
        self._write = prometheus.generate_latest
        self.media_type = str(prometheus.CONTENT_TYPE_LATEST)
        self.registry = prometheus.CollectorRegistry()
        self._gauge = prometheus.Gauge
        self.requests = prometheus.Counter(
            "facesmith_requests", "Answered requests", ["route", "method", "status"], registry=self.registry
        )
        self.seconds = prometheus.Histogram(
            "facesmith_request_seconds", "Seconds to an answer", ["route"], buckets=_BUCKETS, registry=self.registry
        )
        self.faces = prometheus.Counter("facesmith_faces", "Faces made", ["model"], registry=self.registry)
        self.refused = prometheus.Counter("facesmith_refused", "Requests refused as too much", registry=self.registry)

    def watch(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Add a gauge that asks ``value`` whenever it is read; its name begins with facesmith_."""
        self._gauge(f"facesmith_{name}", about, registry=self.registry).set_function(value)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self.requests.labels(route, method, status).inc()
        self.seconds.labels(route).observe(seconds)
        if status == 429:
            self.refused.inc()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        written: bytes = self._write(self.registry)
        return written
