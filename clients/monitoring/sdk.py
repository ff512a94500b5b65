"""The Temporal SDK's own metrics, and those that workflows and activities record through it.

The SDK serves them in a process-wide exporter of its own, which we bind to a free port on loopback,
read at each scrape and show beside ours. It can be made once per process.
"""

import socket
from collections.abc import Iterator
from urllib.request import ProxyHandler, build_opener

from prometheus_client import Counter
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from clients.core_logs import core_logging
from clients.measures import WAITING_S

_LIMIT_S = 2.0
_TRIES = 5
_OURS = "assay_"
_ADDED = frozenset({"namespace", "task_queue", "activity_type", "workflow_type"})
_MAX_BYTES = 32 * 1024 * 1024
# Where the defaults (50 ms to 60 s) do not fit: activities last up to hours, and so do waits.
_LONG_S = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 7200]
_BUCKETS = {
    "temporal_activity_execution_latency": _LONG_S,
    "temporal_activity_succeed_endtoend_latency": _LONG_S,
    "temporal_activity_schedule_to_start_latency": [float(limit) for limit in WAITING_S],
    "temporal_workflow_endtoend_latency": [1.0, *_LONG_S[4:], 21_600, 86_400],
    "temporal_workflow_task_execution_latency": [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10],
    "assay_task_creation": [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    "assay_report": [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900],
}

EXPORTER_FAILURES = Counter(
    "assay_sdk_exporter_failures",
    "Scrapes at which the Temporal SDK's own exporter gave no answer: its metrics were missing.",
)


def measure_sdk() -> str:
    """Measure the SDK in this whole process; the address of its exporter.

    To be called before the first client connects, and once per process.

    Raises:
        ValueError: no port on loopback can be used.
    """
    runtime, address = measured_runtime()
    Runtime.set_default(runtime)
    return address


def measured_runtime() -> tuple[Runtime, str]:
    """A runtime of the SDK that measures, and the address of its exporter.

    Raises:
        ValueError: no port on loopback can be used.
    """
    for tries_left in reversed(range(_TRIES)):
        address = f"127.0.0.1:{_free_port()}"
        config = PrometheusConfig(
            bind_address=address,
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
            histogram_bucket_overrides=_BUCKETS,
        )
        telemetry = TelemetryConfig(
            metrics=config, logging=core_logging(), attach_service_name=False
        )
        try:
            return Runtime(telemetry=telemetry), address
        except ValueError:  # somebody else took the port meanwhile
            if not tries_left:
                raise
    raise AssertionError("unreachable")


class SdkMetrics(Collector):
    """Collects from the SDK's exporter at `address`; one that is silent leaves a count behind."""

    def __init__(self, address: str) -> None:
        self._url = f"http://{address}/metrics"
        self._opener = build_opener(ProxyHandler({}))

    def collect(self) -> Iterator[Metric]:
        """The families as the SDK names them."""
        try:
            with self._opener.open(self._url, timeout=_LIMIT_S) as answer:
                text = answer.read(_MAX_BYTES).decode()
            families = list(text_string_to_metric_families(text))
        except (OSError, ValueError):
            EXPORTER_FAILURES.inc()
            return
        for family in families:
            family.documentation = family.documentation or "Of the Temporal SDK; see its reference."
            yield _plain(family) if family.name.startswith(_OURS) else family


def _plain(family: Metric) -> Metric:
    """A metric of ours without the labels that the SDK adds; what then is equal is added up."""
    sums: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for sample in family.samples:
        labels = frozenset(pair for pair in sample.labels.items() if pair[0] not in _ADDED)
        key = (sample.name, labels)
        sums[key] = sample.value + (0.0 if family.type == "gauge" else sums.get(key, 0.0))
    family.samples = [Sample(name, dict(labels), value) for (name, labels), value in sums.items()]
    return family


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
