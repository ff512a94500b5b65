"""Isolates a file that crashes or delays a tool: it costs that file and not the cell.

A tool that fails on all files runs again: first without files that no parser accepts, then on
halves until the culprit is known. Large files run alone first, each within its own limit.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from analyzers.runtime import blame
from analyzers.runtime.tool import (
    Command,
    Completed,
    Execute,
    HostFault,
    Parsed,
    SlowTool,
    ToolFault,
    ToolRun,
)
from analyzers.static.reading import coverage, with_skipped
from analyzers.static.syntax import flaws_of

HEAVY_BYTES = 256 * 1024
FILE_LIMIT_S = 60.0
_MAX_SLOW = 3
_WHOLE_SHARE = 0.4  # of the deadline, for all files together
_WHOLE_MIN_S = 120.0
_SEARCH_SHARE = 0.25  # for finding the culprit
_MAX_TRIES = 40

Measure = Callable[[ToolRun, Sequence[str], Execute], Awaitable[Parsed]]


_UNFORESEEN = (LookupError, ValueError, TypeError, AttributeError)


async def _asked(
    measure: Measure, run: ToolRun, names: Sequence[str], execute: Execute, limit_s: float
) -> Parsed:
    """`measure` within a limit; an answer that breaks the adapter is a `ToolFault` as well."""
    try:
        return await measure(run, names, _Limited(execute, limit_s))
    except _UNFORESEEN as error:
        raise ToolFault(f"its answer is not understood: {type(error).__name__}: {error}") from error


@dataclass(slots=True)
class _Limited:
    """`execute`, all of whose commands together end within `limit_s` seconds."""

    execute: Execute
    limit_s: float
    started: float = field(default_factory=time.monotonic)

    async def __call__(self, command: Command) -> Completed:
        left_s = max(self.started + self.limit_s - time.monotonic(), 0.1)
        own = command.limit_s
        return await self.execute(replace(command, limit_s=min(left_s, own) if own else left_s))


async def measured_apart(
    measure: Measure, run: ToolRun, given: Sequence[str], execute: Execute, *, depth: int
) -> Parsed:
    """`measure` over `given`, without files that it fails on or does not finish.

    Args:
        measure: may be called several times, with any of the files.
        run: of the tool.
        given: its files.
        execute: runs its commands.
        depth: how deep a Python file may nest before the tool crashes on it.

    Raises:
        HostFault: no file is to blame.
        ToolFault: nothing was left to measure, or no culprit was found.
    """
    slow = await _slow(measure, run, given, execute)
    rest = [name for name in given if name not in slow]
    if not rest:
        raise ToolFault("; ".join(f"{name}: {why}" for name, why in slow.items())[:1_000])
    parsed = await _spared(measure, run, rest, execute, depth)
    if not slow:
        return parsed
    # A calmer host may finish them.
    return replace(with_skipped(parsed, slow), fresh_for=timedelta(0))


async def _slow(
    measure: Measure, run: ToolRun, given: Sequence[str], execute: Execute
) -> dict[str, str]:
    """Large files that it does not finish alone within their limit, each with the reason."""
    sizes = {name: (run.source.root / name).stat().st_size for name in given}
    heavy = sorted((name for name in given if sizes[name] > HEAVY_BYTES), key=sizes.__getitem__)
    slow: dict[str, str] = {}
    if len(given) < 2:
        return {}
    limit_s = min(FILE_LIMIT_S, run.request.deadline_s * _SEARCH_SHARE / _MAX_SLOW)
    for name in heavy:
        size = f"{sizes[name] / 1024**2:.1f} MiB"
        if len(slow) >= _MAX_SLOW:
            slow[name] = f"{size}, and smaller files took longer than {limit_s:.0f} s"
            continue
        try:
            await _asked(measure, run, [name], execute, limit_s)
        except SlowTool:
            slow[name] = f"the tool did not get through it ({size}) within {limit_s:.0f} s"
        except HostFault:
            raise
        except ToolFault:
            continue  # the run over all files will show the culprit
    return slow


async def _spared(
    measure: Measure, run: ToolRun, given: Sequence[str], execute: Execute, depth: int
) -> Parsed:
    limit_s = max(run.request.deadline_s * _WHOLE_SHARE, _WHOLE_MIN_S)
    try:
        return await _asked(measure, run, given, execute, limit_s)
    except HostFault:
        raise
    except ToolFault as error:
        fault = error
    flaws = await flaws_of(run, given, execute, depth=depth)
    bad = {name: flaw.reason for name, flaw in flaws.items()}
    rest = [name for name in given if name not in bad]
    if not rest:
        return Parsed(coverage(given, (), bad))
    if bad:
        try:
            return with_skipped(await _asked(measure, run, rest, execute, limit_s), bad)
        except HostFault:
            raise
        except ToolFault as error:
            fault = error
    search = _Search(measure, run, execute, run.request.deadline_s * _SEARCH_SHARE)
    parsed = await search.without_culprits(rest, fault)
    return with_skipped(parsed, bad | search.culprits)


@dataclass(slots=True)
class _Search:
    """Finds the files that a tool fails on, by halves; the result is the rest's measurement.

    Attributes:
        budget_s: for all runs together.
        culprits: files that it fails on, each with the reason.
    """

    measure: Measure
    run: ToolRun
    execute: Execute
    budget_s: float
    culprits: dict[str, str] = field(default_factory=dict)
    _ends_at: float = 0.0
    _tries: int = 0
    _passed: dict[tuple[str, ...], Parsed] = field(default_factory=dict)
    _fault: ToolFault = field(default_factory=ToolFault)

    async def without_culprits(self, names: Sequence[str], fault: ToolFault) -> Parsed:
        """Raises: ToolFault with the text of `fault` where nothing is left to measure."""
        self._ends_at = time.monotonic() + self.budget_s
        self._fault = fault
        good = await self._add([], list(names))
        parsed = self._passed.get(tuple(good))
        if parsed is None:
            raise blame.verdict("tool-failed", str(fault)) from fault
        return parsed

    async def _add(self, context: list[str], group: list[str]) -> list[str]:
        """`context` and those of `group` that it does not fail on; it fails on both together."""
        if len(group) == 1:
            self.culprits[group[0]] = f"the tool failed on it: {self._fault}"[:500]
            return context
        if self._tries >= _MAX_TRIES or time.monotonic() > self._ends_at:
            why = f"the tool failed on one of {len(group)} files: {self._fault}"[:500]
            self.culprits |= dict.fromkeys(group, why)
            return context
        half = len(group) // 2
        for part in (group[:half], group[half:]):
            passes = await self._passes([*context, *part])
            context = [*context, *part] if passes else await self._add(context, part)
        return context

    async def _passes(self, names: list[str]) -> bool:
        self._tries += 1
        limit_s = max(self._ends_at - time.monotonic(), 5.0)
        try:
            parsed = await _asked(
                self.measure, self.run, names, self.execute, min(limit_s, FILE_LIMIT_S)
            )
        except HostFault:
            raise
        except ToolFault as error:
            self._fault = error
            return False
        self._passed[tuple(names)] = parsed
        return True
