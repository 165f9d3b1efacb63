"""What the server counts of itself; `GET /metrics` shows it.

metrics = ServerMetrics(source, gate)
metrics.photos.add(outcome="answered")
metrics.text()
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from serving.server.gate import Gate
from serving.server.metrics import Counter, Gauge, Histogram, Labels, exposition
from serving.server.model_source import ModelSource

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCHES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)

ANSWERED, UNREADABLE = "answered", "unreadable"
"""Outcomes of a photo."""


class ServerMetrics:
    """The metrics of one server.

    Args:
        gate: whose photos are inside.
    """

    def __init__(self, gate: Gate) -> None:
        self.source: ModelSource | None = None
        self.requests = Counter(
            "fieldmark_requests_total", "Requests answered.", ("route", "method", "status")
        )
        self.request_seconds = Histogram(
            "fieldmark_request_seconds",
            "Time from a request's head to the end of its answer.",
            SECONDS,
            ("route",),
        )
        self.photos = Counter(
            "fieldmark_photos_total", "Photos by what became of them.", ("outcome",)
        )
        self.batch_photos = Histogram(
            "fieldmark_batch_photos", "Photos of a batch that the network ran.", BATCHES
        )
        self.batch_seconds = Histogram(
            "fieldmark_batch_seconds", "Time that the network took for a batch.", SECONDS
        )
        self._all = [
            self.requests,
            self.request_seconds,
            self.photos,
            self.batch_photos,
            self.batch_seconds,
            Gauge(
                "fieldmark_photos_inside",
                "Photos between the arrival of their request and its answer.",
                lambda: [((), float(gate.inside))],
            ),
            Gauge("fieldmark_model_info", "The model that answers.", self._model_info),
        ]

    def on_batch(self, photos: int, secs: float) -> None:
        """Takes in a batch that the network ran."""
        self.batch_photos.observe(photos)
        self.batch_seconds.observe(secs)

    def text(self) -> str:
        """Returns all of them as Prometheus reads them."""
        return exposition(self._all)

    def _model_info(self) -> Iterator[tuple[Labels, float]]:
        if self.source is not None:
            model = self.source.current.model
            yield (("model_id", model.model_id), ("version", str(model.version))), 1.0


def counting(metrics: ServerMetrics) -> Middleware:
    """Returns the middleware that counts and times requests."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        status = 500  # also of a client that went away
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            resource = request.match_info.route.resource
            route = resource.canonical if resource is not None else "none"
            metrics.requests.add(route=route, method=request.method, status=str(status))
            metrics.request_seconds.observe(time.perf_counter() - started, route=route)

    return middleware
