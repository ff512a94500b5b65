"""Figures that must be asked for: taken at a scrape, and at most every few seconds.

Nothing is asked while nobody scrapes. A source that fails or is slow loses its own figures for that
time, and counts as a failure; nothing else is harmed.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

EVERY_S = 10.0
LIMIT_S = 4.0

logger = logging.getLogger("assay.metrics")

Take = Callable[[], Awaitable[Iterable[Metric]]]


@dataclass(slots=True)
class _Source:
    take: Take
    families: tuple[Metric, ...] = ()
    ok: bool = True
    failures: int = 0
    running: asyncio.Task[None] | None = field(default=None, repr=False)


class Samples(Collector):
    """Keeps the last answer of each source; a scrape that comes sooner gets the same again.

    Args:
        sources: by name, each a coroutine function that answers metric families.
        every_s: how old an answer may be.
        limit_s: how long all sources together may take at one scrape.
    """

    def __init__(
        self, sources: Mapping[str, Take], every_s: float = EVERY_S, limit_s: float = LIMIT_S
    ) -> None:
        self._sources = {name: _Source(take) for name, take in sources.items()}
        self._every_s = every_s
        self._limit_s = limit_s
        self._taken_at_s = -every_s
        self._asking: asyncio.Task[None] | None = None
        self._lock = threading.Lock()

    async def refresh(self) -> None:
        """Ask all sources, unless they have answered just now. It raises nothing.

        Scrapes at one moment wait for the same answers; a scrape that is given up ends no question.
        """
        if self._asking is None or self._asking.done():
            if time.monotonic() - self._taken_at_s < self._every_s:
                return
            self._taken_at_s = time.monotonic()
            self._asking = asyncio.create_task(self._ask_all())
        await asyncio.shield(self._asking)

    async def _ask_all(self) -> None:
        for name, source in self._sources.items():
            if source.running is None or source.running.done():
                source.running = asyncio.create_task(self._ask(name, source))
        tasks = {name: source.running for name, source in self._sources.items() if source.running}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks.values(), timeout=self._limit_s)
        # What is late goes on: asked again each time, a hung disk would take thread after thread.
        for name in (name for name, task in tasks.items() if task in late):
            self._lose(name, f"no answer within {self._limit_s:g} s")

    async def _ask(self, name: str, source: _Source) -> None:
        try:
            families = tuple(await source.take())
        except Exception as error:
            self._lose(name, f"{type(error).__name__}: {error}")
            return
        with self._lock:
            source.families = families
            if not source.ok:
                logger.info("metrics of %s are back", name)
            source.ok = True

    def _lose(self, name: str, why: str) -> None:
        """No figure is better than one that may be wrong; the first failure in a row is logged."""
        source = self._sources[name]
        with self._lock:
            source.families = ()
            source.failures += 1
            if source.ok:
                logger.warning("no metrics of %s: %s", name, why)
            source.ok = False

    def lose_all(self, why: str) -> None:
        """Drop what was found, from any thread; the next refresh asks again at once."""
        for name in self._sources:
            self._lose(name, why)
        self._taken_at_s = -self._every_s

    def collect(self) -> Iterator[Metric]:
        """What was found, and how each source is."""
        up = GaugeMetricFamily(
            "assay_sampler_up",
            "Whether this source of figures answered last time (1) or its figures are missing (0).",
            labels=["sampler"],
        )
        failed = CounterMetricFamily(
            "assay_sampler_failures",
            "Times that a source of figures failed or was too slow.",
            labels=["sampler"],
        )
        with self._lock:
            families = [family for source in self._sources.values() for family in source.families]
            for name, source in self._sources.items():
                up.add_metric([name], float(source.ok))
                failed.add_metric([name], source.failures)
        yield from (*families, up, failed)

    def describe(self) -> Iterator[Metric]:
        """Nothing: the names depend on what runs, and a registry is not to ask for them."""
        yield from ()


class Later(Collector):
    """Shows what `find` answers at a scrape: samples that are not there yet when it is made."""

    def __init__(self, find: Callable[[], Collector | None]) -> None:
        self._find = find

    def collect(self) -> Iterator[Metric]:
        """Its families; none while there is nothing."""
        found = self._find()
        if found is not None:
            yield from found.collect()
