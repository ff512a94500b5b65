"""One test at a time on a watched host; a test under contention is repeated once the host is calm.

A test that could not be repeated in calm gets the metric `contended` and is never served from the
cache.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol, TypeVar

from analyzers.performance.host import HostLoad, Thresholds, wait_until_calm, watched
from analyzers.performance.lock import host_lock
from analyzers.performance.options import LoadOptions
from analyzers.performance.site import Site
from analyzers.runtime.tool import Parsed, ToolRun
from contract.analysis import Metric
from contract.quiet import GAP_S, scans_ended, undisturbed

# A repetition may use this share of the subtask's time; the rest is for the other tools.
_REPEAT_SHARE = 0.6


class Trial(Protocol):
    """One whole test: `contention` says why it cannot be trusted, empty when it can."""

    notes: list[str]

    @property
    def may_repeat(self) -> bool:
        """Whether a repetition would be the same test."""
        ...

    @property
    def contention(self) -> tuple[str, ...]:
        """Reasons, for a reader of the report."""
        ...


AnyTrial = TypeVar("AnyTrial", bound=Trial)


async def repeated_when_calm(
    run: ToolRun, options: LoadOptions, measure: Callable[[], Awaitable[AnyTrial]]
) -> AnyTrial:
    """Measure; after contention, once more when the host is calm. The calmer of the two counts."""
    began = time.monotonic()
    first = await measure()
    if not first.contention:
        return first
    reasons = ", ".join(first.contention)
    if not first.may_repeat:
        first.notes.append(
            f"measured under contention, not repeated within a rate limit: {reasons}"
        )
        return first
    spent_s = time.monotonic() - began
    if 2 * spent_s + options.calm_wait_s > run.request.deadline_s * _REPEAT_SHARE:
        first.notes.append(f"measured under contention, no time to repeat: {reasons}")
        return first
    run.progress(f"contention ({reasons}): waiting for a calm host")
    if not await wait_until_calm(Thresholds(), options.calm_wait_s):
        first.notes.append(
            f"measured under contention: {reasons}; not repeated, because the host was not calm "
            f"within {options.calm_wait_s:g} s"
        )
        return first
    second = await measure()
    best = min((second, first), key=lambda trial: len(trial.contention))
    best.notes.append(f"first test under contention: {reasons}; repeated")
    if best.contention:
        best.notes.append(f"measured under contention: {', '.join(best.contention)}")
    return best


@asynccontextmanager
async def alone(run: ToolRun, options: LoadOptions, site: Site) -> AsyncGenerator[None]:
    """Hold the host's load-test lock, with all other work of ours on the host ended or paused.

    A wait for another run is announced and does not use up our time. Afterwards the others can
    begin before the next load test does.

    Raises:
        ToolFault: it was not free within `options.lock_wait_s`.
    """
    lock = host_lock(site.lock_file, options.lock_wait_s, run.request.subtask_id, run.progress)
    async with AsyncExitStack() as stack:
        with run.waiting():
            await scans_ended(site.lock_file, options.scan_wait_s, run.progress)
            await stack.enter_async_context(lock)
            run.progress("has the host's load-test lock")
            quiet = undisturbed(site.lock_file, options.quiet_wait_s)
            if not await stack.enter_async_context(quiet):
                run.progress(f"work beside it did not end within {options.quiet_wait_s:g} s")
        yield
    with run.waiting():
        await asyncio.sleep(GAP_S)


def flag(target: str, contended: bool) -> Metric:
    """1: these figures were measured under contention; 0: they were not."""
    return Metric(name="contended", value=float(contended), unit="count", target=target)


def freshness(contended: bool) -> timedelta | None:
    """How long figures may be served from the cache: never those of a busy host."""
    return timedelta(0) if contended else None


@dataclass(slots=True)
class _Watched:
    """The result of a tool, and the load of the host during it."""

    parsed: Parsed
    host: HostLoad
    contention: tuple[str, ...]
    notes: list[str] = field(default_factory=list)
    may_repeat: bool = True


async def measured_alone(
    run: ToolRun,
    options: LoadOptions,
    site: Site,
    measure: Callable[[], Awaitable[Parsed]],
    limits: Thresholds | None = None,
) -> Parsed:
    """Hold the host's lock, watch the host, repeat when calm; every target of figures is flagged.

    Raises:
        ToolFault: the lock was not available; also what `measure` raises.
    """

    async def trial() -> _Watched:
        parsed, host = await watched(measure())
        return _Watched(parsed, host, host.contention(limits or Thresholds()))

    async with alone(run, options, site):
        best = await repeated_when_calm(run, options, trial)
    contended = bool(best.contention)
    targets = dict.fromkeys(metric.target for metric in best.parsed.metrics)
    flags = (flag(target, contended) for target in targets)
    return replace(
        best.parsed,
        metrics=(*best.parsed.metrics, *flags, *best.host.metrics()),
        notes=(*best.parsed.notes, *best.host.notes(), *best.notes),
        fresh_for=freshness(contended),
    )
