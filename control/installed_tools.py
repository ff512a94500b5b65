"""The tools of the installation as they answer now, and what recent pipelines say of them."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.health import ToolHealth
from control.analyzer_health import Analyzers, Asked, ask_all
from control.stored import Stored
from control.tool_documents import InstalledAnalyzer, InstalledTool, InstalledTools, SeenTool
from control.void_tools import ToolKey
from control.written import FleetFigures, read_figures

_RECENT, _PAST_S = 8, 1.2


@dataclass(slots=True)
class _Past:
    """What recent reports say of tools, the newest first."""

    pipelines: list[str] = field(default_factory=list[str])
    seen: dict[ToolKey, SeenTool] = field(default_factory=dict[ToolKey, SeenTool])
    measured: dict[ToolKey, int] = field(default_factory=dict[ToolKey, int])
    duration_s: dict[ToolKey, float] = field(default_factory=dict[ToolKey, float])
    unread: str = ""

    def add(self, figures: FleetFigures) -> None:
        """Take the report of an older pipeline into account."""
        id_ = figures.pipeline.id
        self.pipelines.append(id_)
        for score in figures.controls.tools:
            if score.analyzer is not None and score.versions:
                seen = SeenTool(pipeline_id=id_, score=score, version=score.versions[0])
                self.seen.setdefault((score.analyzer, score.tool), seen)
        for use in figures.tools:
            if not use.cached:  # a cached cell takes no time, whatever its state
                key = (use.analyzer, use.tool)
                self.measured[key] = self.measured.get(key, 0) + use.cells.measured
                self.duration_s[key] = self.duration_s.get(key, 0.0) + use.duration_s


async def installed_tools(stored: Stored, data_dir: Path, analyzers: Analyzers) -> InstalledTools:
    """Ask every analyzer now, 1.2 s at most, and read what recent reports say of its tools.

    A store or a report that cannot be read costs what it would have said, no more.
    """
    asked, past = await asyncio.gather(ask_all(analyzers), _past(stored, data_dir))
    return InstalledTools(
        analyzers=tuple(_analyzer(one, analyzers, past) for one in asked),
        pipelines=tuple(past.pipelines),
        unread=past.unread,
    )


async def _past(stored: Stored, data_dir: Path) -> _Past:
    past = _Past()
    try:
        async with asyncio.timeout(_PAST_S):
            names = [listing.pipeline_id for listing in await stored.pipelines()]
            reports = await asyncio.to_thread(lambda: list(_reports(data_dir, names)))
    except PlatformError as error:
        past.unread = error.message
    except TimeoutError:  # the thread reads on, and keeps what it has read
        past.unread = "recent reports are still being read"
    else:
        for figures in reports:
            past.add(figures)
    return past


def _reports(data_dir: Path, names: Iterable[str]) -> Iterator[FleetFigures]:
    left = _RECENT
    for name in names:
        if not left:
            return
        try:
            yield read_figures(data_dir, name)
        except PlatformError:
            continue
        left -= 1


def _analyzer(asked: Asked, analyzers: Analyzers, past: _Past) -> InstalledAnalyzer:
    health, kind = asked.health, asked.health.analyzer
    return InstalledAnalyzer(
        analyzer=kind,
        ok=health.ok,
        answers=asked.answers,
        starting=health.starting,
        reason=health.reason,
        lacks=analyzers.lacks(kind),
        version=health.version,
        running=health.running,
        capacity=health.capacity,
        tools=tuple(_tools(kind, health.tools, past)),
    )


def _tools(kind: AnalyzerKind, tools: Sequence[ToolHealth], past: _Past) -> Iterator[InstalledTool]:
    for tool in tools:
        key = (kind, tool.name)
        seen = past.seen.get(key)
        yield InstalledTool(
            **dict(tool),
            seen=seen,
            seen_of_other_version=bool(
                seen and tool.version and tool.version not in seen.score.versions
            ),
            measured=past.measured.get(key, 0),
            duration_s=round(past.duration_s[key], 3) if key in past.duration_s else None,
        )
