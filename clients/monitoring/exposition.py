"""One text for one scrape: our figures, those that were sampled, and those of the SDK."""

from collections.abc import Iterable, Iterator

from prometheus_client import REGISTRY, CollectorRegistry, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

disable_created_metrics()


class Build(Collector):
    """Which program this is: `assay_build_info`."""

    def __init__(self, part: str, version: str, build_id: str = "") -> None:
        self._labels = {"part": part, "version": version, "build_id": build_id}

    def collect(self) -> Iterator[Metric]:
        """The one family."""
        info = GaugeMetricFamily(
            "assay_build_info", "Always 1; the labels say what runs.", labels=list(self._labels)
        )
        info.add_metric(list(self._labels.values()), 1)
        yield info


class Exposition:
    """The metrics of one process, in the format that is asked for.

    Args:
        collectors: shown beside what the process counts in the default registry.
        process: whether that registry is shown, too.
    """

    def __init__(self, collectors: Iterable[Collector], *, process: bool = True) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        for collector in collectors:
            self._registry.register(collector)
        if process:
            self._registry.register(_Process())

    def render(self, accept: str) -> tuple[bytes, str]:
        """Body and content type for an `Accept` header: OpenMetrics, with exemplars, if it asks."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _Process(Collector):
    """The default registry, in which modules count."""

    def collect(self) -> Iterator[Metric]:
        yield from REGISTRY.collect()
