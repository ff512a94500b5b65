"""What `GET /metrics` shows, in the format of Prometheus that is asked for."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from analyzers.runtime.advisories import Advised
from analyzers.runtime.measure.canary import CanaryKeeper
from analyzers.runtime.measure.counts import Counts
from analyzers.runtime.tool import Tool
from analyzers.runtime.wire.jobs import JobRegistry
from contract.analyzers import AnalyzerKind
from contract.version import ASSAY_VERSION

_CANARIES = {
    "assay_canary_blind": "1: the tool did not find its planted flaw, and measures nothing until "
    "it does.",
    "assay_canary_no_source": "1: the tool measures nothing until a source outside gives it an "
    "answer.",
}


class Metrics:
    """Reads figures from the service at each request, beside what its measurements count.

    Attributes:
        handshakes: connections opened so far.
    """

    def __init__(
        self,
        kind: AnalyzerKind,
        jobs: JobRegistry,
        canaries: CanaryKeeper,
        counts: Counts,
        tools: Sequence[Tool],
        tools_dir: Path,
    ) -> None:
        self._kind = kind
        self._jobs = jobs
        self._canaries = canaries
        self._counts = counts
        self._advised = [tool for tool in tools if isinstance(tool, Advised)]
        self._tools_dir = tools_dir
        self.handshakes = 0
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Body and content type for an `Accept` header: OpenMetrics, with exemplars, if it asks."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """Called by the registry on each `render`."""
        jobs = self._jobs
        build = GaugeMetricFamily(
            "assay_build_info",
            "Always 1; the labels say what runs.",
            labels=["part", "version", "build_id"],
        )
        build.add_metric([self._kind.value, ASSAY_VERSION, ""], 1)
        yield build
        yield self._counter("assay_runs_started", "Runs started.", jobs.started)
        yield self._counter(
            "assay_websocket_handshakes", "WebSocket connections opened here.", self.handshakes
        )
        yield self._gauge("assay_runs_running", "Runs at work.", jobs.running)
        yield self._gauge("assay_runs_capacity", "Runs that may work at once.", jobs.capacity)
        yield self._gauge("assay_results_kept", "Results not acknowledged yet.", jobs.kept)
        yield from self._blind()
        yield self._advisories()
        yield from self._counts.registry.collect()

    def _counter(self, name: str, text: str, value: float) -> Metric:
        family = CounterMetricFamily(name, text, labels=["analyzer"])
        family.add_metric([self._kind.value], value)
        return family

    def _gauge(self, name: str, text: str, value: float) -> Metric:
        family = GaugeMetricFamily(name, text, labels=["analyzer"])
        family.add_metric([self._kind.value], value)
        return family

    def _blind(self) -> Iterator[Metric]:
        """A tool that lacks its source needs another hand than one that is broken."""
        blind, away = (
            GaugeMetricFamily(name, text, labels=["analyzer", "tool"])
            for name, text in _CANARIES.items()
        )
        for tool in self._canaries.health():
            if not tool.starting:  # nobody knows yet
                labels = [self._kind.value, tool.name]
                broken = tool.blind and not tool.lacks_source and not tool.is_unset
                blind.add_metric(labels, float(broken))
                away.add_metric(labels, float(tool.blind and tool.lacks_source))
        yield from (blind, away)

    def _advisories(self) -> Metric:
        age = GaugeMetricFamily(
            "assay_advisories_age_seconds",
            "Time since this source of advisories last answered, or its database was installed.",
            labels=["analyzer", "source"],
        )
        for tool in self._advised:
            if at_s := self._known_since(tool):
                source = tool.advisory_source.source
                age.add_metric([self._kind.value, source], max(0.0, time.time() - at_s))
        return age

    def _known_since(self, tool: Advised) -> float:
        """When its advisories were new, seconds since 1970; 0: nobody knows."""
        if database := tool.advisory_source.database:
            try:
                return (self._tools_dir / database).stat().st_mtime
            except OSError:
                return 0.0
        seen = [
            health.checked_at.timestamp()
            for health in self._canaries.health()
            if health.name == tool.name and health.ok and health.checked_at
        ]
        return max([self._counts.answered_at_s.get(tool.name, 0.0), *seen])
