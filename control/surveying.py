"""Says before the start what a pipeline would take and show, and what would not be measured."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from contract.analyzers import AnalyzerKind, Category
from contract.base import Frozen
from contract.health import ToolHealth
from contract.history import History
from contract.role import AppRole
from contract.roles import AUTO_FROM
from contract.spec import PipelinePlan
from control.analyzer_health import Analyzers, Asked, ask_all
from control.declared import tools_of
from control.dryrun import Machine, no_engine
from control.forecast import Forecast
from control.left_out import some
from control.planning import forecast
from control.stored import Stored

Sight = Literal["sees", "blind", "starting", "lost", "unknown"]
"""Of a tool: whether it would measure. `lost`: it could not run; `unknown`: nobody could say."""
_NOT_ASKED = "its analyzer does not run yet: its tools prove themselves when it starts"
_NO_ENGINE_ASKED = (
    "whether the apps can run is not known: the engine of the worker's host was not asked"
)
_NOTES_MAX = 50


class SurveyedTool(Frozen):
    """Whether one tool would measure.

    Attributes:
        sight: `sees`: it proved itself in its canary; `blind`: it did not; `starting`: its canary
            runs now; `lost`: it cannot run here; `unknown`: nobody could be asked.
        reason: why it is not `sees`.
    """

    name: str
    sight: Sight
    reason: str = ""


class Alike(Frozen):
    """Tools of one analyzer of which the same holds for the same reason.

    Attributes:
        whole: whether they are all of its tools that would run.
    """

    sight: Sight
    reason: str
    tools: tuple[str, ...]
    whole: bool


class SurveyedAnalyzer(Frozen):
    """One analyzer that the spec runs.

    Attributes:
        live: whether it needs the running app.
        tools: those that the spec runs.
        next_step: what would mend it; empty: nothing is known.
    """

    analyzer: AnalyzerKind
    live: bool
    tools: tuple[SurveyedTool, ...]
    next_step: str = ""

    def of(self, *sights: Sight) -> tuple[SurveyedTool, ...]:
        """Its tools of these sights."""
        return tuple(tool for tool in self.tools if tool.sight in sights)

    def alike(self, *sights: Sight) -> tuple[Alike, ...]:
        """Its tools of these sights, those together of which the same is said."""
        groups: dict[tuple[Sight, str], list[str]] = {}
        for tool in self.of(*sights):
            groups.setdefault((tool.sight, tool.reason), []).append(tool.name)
        return tuple(
            Alike(
                sight=sight, reason=reason, tools=tuple(names), whole=len(names) == len(self.tools)
            )
            for (sight, reason), names in groups.items()
        )


class SurveyedModel(Frozen):
    """How many apps of a model would run."""

    name: str
    apps: int


class Survey(Frozen):
    """What a spec would run, take, show and miss; nothing was started.

    Attributes:
        forecast: what it takes and can show.
        models: each a `SurveyedModel`, in order.
        analyzers: each a `SurveyedAnalyzer`.
        controls: why no control apps prove the tools; empty: they do.
        notes: of apps and folders: what is left out, and what is empty.
    """

    forecast: Forecast
    models: tuple[SurveyedModel, ...]
    analyzers: tuple[SurveyedAnalyzer, ...]
    controls: str = ""
    notes: tuple[str, ...] = ()

    def count(self, *sights: Sight) -> int:
        """How many tools are of these sights."""
        return sum(len(analyzer.of(*sights)) for analyzer in self.analyzers)


@dataclass(frozen=True, slots=True)
class Platform:
    """Who would do the work.

    Attributes:
        analyzers: where they are.
        machine: that runs the apps; None: another one does, whose engine nobody can ask from here.
        stored: what earlier pipelines took.
        not_asked: why an analyzer without an address cannot be asked.
    """

    analyzers: Analyzers
    machine: Machine | None
    stored: Stored
    not_asked: str = _NOT_ASKED


async def survey(
    name: str, plan: PipelinePlan, platform: Platform, notes: tuple[str, ...] = ()
) -> Survey:
    """What `plan` would take and show, and what would not be measured as things are now.

    Args:
        name: of the spec.
        plan: what it says.
        platform: that would do the work; each analyzer may take 1.2 s for its answer.
        notes: what is known of the apps already.

    Raises:
        PlatformError: the store cannot be read.
    """
    history, analyzers = await asyncio.gather(
        platform.stored.history(), survey_analyzers(plan, platform)
    )
    if platform.machine is None and _needs_engine(plan):
        notes = (*notes, _NO_ENGINE_ASKED)
    return await asyncio.to_thread(_survey, name, plan, history, analyzers, notes)


async def survey_analyzers(plan: PipelinePlan, platform: Platform) -> tuple[SurveyedAnalyzer, ...]:
    """Whether the tools of `plan` would measure, as far as anybody can say now."""
    urls = platform.analyzers.urls
    wanted = {kind: urls[kind] for kind in plan.spec.analyzers if kind in urls}
    asked, engine = await asyncio.gather(
        ask_all(Analyzers(wanted, platform.analyzers.lacks)),
        asyncio.to_thread(_engine, plan, platform.machine),
    )
    answers = {one.health.analyzer: one for one in asked}
    return tuple(
        SurveyedAnalyzer(
            analyzer=kind,
            live=kind.is_live,
            tools=tuple(_tools(plan, kind, answers.get(kind), platform, engine)),
            next_step=platform.analyzers.lacks(kind),
        )
        for kind in plan.spec.analyzers
    )


def _engine(plan: PipelinePlan, machine: Machine | None) -> str:
    """Why the apps cannot run; empty if they can, or if they need not."""
    return no_engine(machine) if machine and _needs_engine(plan) else ""


def _needs_engine(plan: PipelinePlan) -> bool:
    """Whether apps of others are to run."""
    return any(kind.is_live for kind in plan.spec.analyzers) and not plan.spec.apps.trusted


def _tools(
    plan: PipelinePlan,
    kind: AnalyzerKind,
    asked: Asked | None,
    platform: Platform,
    engine: str,
) -> Iterator[SurveyedTool]:
    chosen = plan.spec.tools.get(kind) or tools_of(kind)
    if lost := platform.analyzers.lacks(kind) or (engine if kind.is_live else ""):
        yield from (SurveyedTool(name=name, sight="lost", reason=lost) for name in chosen)
        return
    sight, reason = _of_analyzer(asked, platform.not_asked)
    told: Mapping[str, ToolHealth] = (
        {tool.name: tool for tool in asked.health.tools} if asked and not reason else {}
    )
    for name in chosen:
        if reason:
            yield SurveyedTool(name=name, sight=sight, reason=reason)
        else:
            yield _of_tool(name, told.get(name))


def _of_analyzer(asked: Asked | None, not_asked: str) -> tuple[Sight, str]:
    """What holds for all tools of an analyzer that takes no work, and why."""
    if asked is None:
        return "unknown", not_asked
    health = asked.health
    if health.ok:
        return "sees", ""
    reason = health.reason or "it does not take work"
    if not asked.answers and not health.starting:
        return "unknown", reason
    return ("starting" if health.starting else "lost"), reason


def _of_tool(name: str, health: ToolHealth | None) -> SurveyedTool:
    if health is None:
        reason = "the analyzer that runs does not have it: it is of another version"
        return SurveyedTool(name=name, sight="lost", reason=reason)
    if health.ok:
        return SurveyedTool(name=name, sight="sees")
    reason = health.reason or "its canary was not found"
    if health.lacks_source:
        return SurveyedTool(name=name, sight="lost", reason=reason)
    return SurveyedTool(name=name, sight="blind" if health.blind else "starting", reason=reason)


def _survey(
    name: str,
    plan: PipelinePlan,
    history: History,
    analyzers: tuple[SurveyedAnalyzer, ...],
    notes: tuple[str, ...],
) -> Survey:
    made = forecast(name, plan, history)
    empty = (f"{app.ref.label} has no files" for app in plan.apps if not app.source.files)
    said = (*notes, *empty)
    counts: dict[str, int] = {}
    for app in plan.apps:
        if app.role is AppRole.SUBJECT:
            counts[app.ref.model] = counts.get(app.ref.model, 0) + 1
    return Survey(
        forecast=made,
        models=tuple(SurveyedModel(name=model, apps=apps) for model, apps in counts.items()),
        analyzers=analyzers,
        controls=_controls(plan, made.subjects),
        notes=some(said, _NOTES_MAX, "like these"),
    )


def _controls(plan: PipelinePlan, subjects: int) -> str:
    """Why the pipeline has no control apps; empty: it has."""
    if any(app.role is AppRole.CONTROL for app in plan.apps):
        return ""
    if plan.spec.controls == "off":
        return "controls are off"
    if not any(Category.SECURITY in kind.row.looks_for for kind in plan.spec.analyzers):
        return "no analyzer of the spec looks for weaknesses"
    return f"with fewer than {AUTO_FROM} apps ({subjects}) there are none unless the spec says on"
