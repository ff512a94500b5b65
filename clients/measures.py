"""What the adapters of a worker count and time; `docs/metrics.md` lists every name."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

from telemetry.spans import exemplar

# From a request on this machine to the build of an app with many dependencies.
SHORT_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LONG_S = (0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800)
WAITING_S = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 1800, 3600, 7200)

WEBSOCKET_CONNECTIONS = Counter(
    "assay_websocket_connections",
    "Attempts to open a WebSocket to an analyzer, by outcome (ok, failed).",
    ["analyzer", "outcome"],
)
WEBSOCKET_REQUESTS = Counter(
    "assay_websocket_requests",
    "Measurements asked for over WebSocket, each attempt to attach to a run again included.",
    ["analyzer"],
)
WEBSOCKET_SEND_FAILURES = Counter(
    "assay_websocket_send_failures",
    "Frames that could not be sent because the connection was lost.",
    ["analyzer"],
)
WEBSOCKET_TIMEOUTS = Counter(
    "assay_websocket_timeouts",
    "Connections that were not opened in time, or whose analyzer answered no ping.",
    ["analyzer"],
)
HEALTH_CHECK_SECONDS = Histogram(
    "assay_app_health_check_seconds",
    "Time of one check that an app under test still runs and answers.",
    buckets=SHORT_S,
)
HEALTH_CHECKS = Counter(
    "assay_app_health_checks",
    "Checks of apps under test, by outcome (alive, silent, dead, taken, failed).",
    ["outcome"],
)
BUILD_SECONDS = Histogram(
    "assay_build_seconds",
    "Time of making an app's images or environments, unless they are there, by outcome (ok,"
    " app_failed, infra_failed).",
    ["engine", "outcome"],
    buckets=LONG_S,
)
START_SECONDS = Histogram(
    "assay_start_seconds",
    "Time from a built app to its first answer, by outcome (ok, app_failed, infra_failed).",
    ["engine", "outcome"],
    buckets=LONG_S,
)
ARTIFACT_SECONDS = Histogram(
    "assay_artifact_seconds",
    "Time of one operation of the artifact store.",
    ["operation"],
    buckets=SHORT_S,
)
NOTICES = Counter(
    "assay_notices",
    "Notices to the receivers of the alerts file, by outcome (sent, failed).",
    ["receiver", "outcome"],
)
QUEUE_WAIT_SECONDS = Histogram(
    "assay_queue_wait_seconds",
    "Time that an attempt of an activity waited in its task queue for a slot.",
    ["queue"],
    buckets=WAITING_S,
)


def begin_counting(analyzer: str) -> None:
    """Show the connections to an analyzer from zero: then the first event is an increase, too."""
    for outcome in ("ok", "failed"):
        WEBSOCKET_CONNECTIONS.labels(analyzer, outcome)
    for counter in (WEBSOCKET_REQUESTS, WEBSOCKET_SEND_FAILURES, WEBSOCKET_TIMEOUTS):
        counter.labels(analyzer)


@contextmanager
def timed(histogram: Histogram, *labels: str) -> Generator[None]:
    """Observe how long the block takes, also when it fails."""
    began_s = time.monotonic()
    try:
        yield
    finally:
        observed = histogram.labels(*labels) if labels else histogram
        observed.observe(time.monotonic() - began_s, exemplar())
