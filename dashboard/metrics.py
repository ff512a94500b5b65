"""What the dashboard counts of its requests, and `/metrics`, for whoever may read.

A request counts under the template of its route, never under its path: what strangers ask for does
not become a label.
"""

import time
from collections.abc import Iterable

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contract.version import ASSAY_VERSION
from dashboard.known import Reader
from dashboard.urls import API
from telemetry.spans import exemplar

disable_created_metrics()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"
_SHOWN = ("assay_store_", "process_", "python_")
_STATIC = "/static"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Requests:
    """Counters of one application; a process may have several."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Process())
        build = Gauge(
            "assay_build_info",
            "Always 1; the labels say what runs.",
            ["part", "version", "build_id"],
            registry=self._registry,
        )
        build.labels("dashboard", ASSAY_VERSION, "").set(1)
        self._requests = Counter(
            "assay_http_requests",
            "Requests that were answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "assay_http_request_seconds",
            "Time from a request to the beginning of its answer.",
            ["route"],
            registry=self._registry,
            buckets=_SECONDS,
        )

    def count(self, scope: Scope, status: int, took_s: float) -> None:
        """An answer begins."""
        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        route = _route(scope)
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(took_s, exemplar())

    def render(self, accept: str) -> tuple[bytes, str]:
        """Body and content type for an `Accept` header."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class Counted:
    """ASGI middleware around all others: what they refuse counts, too."""

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.monotonic()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._requests.count(scope, message["status"], time.monotonic() - began_s)
            await send(message)

        await self._app(scope, receive, counted)


def _route(scope: Scope) -> str:
    route = scope.get("route")
    path = str(scope["path"])
    if isinstance(route, APIRoute):  # those of the API do not know their prefix
        return f"{API}{route.path}" if path.startswith(f"{API}/") else route.path
    return _STATIC if path.startswith(f"{_STATIC}/") else _OTHER


class _Process(Collector):
    """Of the default registry, what describes the process and its store.

    Modules that a dashboard shares with a worker count there, too; here they have nothing to do.
    """

    def collect(self) -> Iterable[Metric]:
        return (family for family in REGISTRY.collect() if family.name.startswith(_SHOWN))


async def metrics(request: Request, _: Reader) -> Response:
    """The figures of this dashboard, in the format of Prometheus that is asked for."""
    requests: Requests = request.app.state.requests
    body, content_type = requests.render(request.headers.get("accept", ""))
    return Response(body, media_type=content_type)
