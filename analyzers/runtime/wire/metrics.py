"""What `GET /metrics` shows, in Prometheus' text format."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from analyzers.runtime.measure.canary import CanaryKeeper
from analyzers.runtime.wire.jobs import JobRegistry


class Metrics:
    """Reads the figures from the service at each request; it keeps no counters of its own."""

    def __init__(self, jobs: JobRegistry, canaries: CanaryKeeper) -> None:
        self._jobs = jobs
        self._canaries = canaries
        self.handshakes = 0
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self) -> bytes:
        """The text format, version 0.0.4."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry on each `render`."""
        jobs = self._jobs
        yield CounterMetricFamily("assay_runs_started", "Runs started.", value=jobs.started)
        yield CounterMetricFamily("assay_handshakes", "Connections opened.", value=self.handshakes)
        yield GaugeMetricFamily("assay_runs_running", "Runs at work.", value=jobs.running)
        yield GaugeMetricFamily("assay_runs_capacity", "Runs at once.", value=jobs.capacity)
        yield GaugeMetricFamily("assay_results_kept", "Results not acknowledged.", value=jobs.kept)
        seeing = GaugeMetricFamily(
            "assay_tool_sees_canary", "1: the tool found its planted flaw.", labels=["tool"]
        )
        for tool in self._canaries.health():
            seeing.add_metric([tool.name], float(tool.ok))
        yield seeing
