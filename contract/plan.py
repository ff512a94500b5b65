"""A plan on its way to a pipeline: a small header, and pages of apps that the store keeps."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.limits import REASON_CHARS
from contract.outcome import ALL_TOOLS, worst_state
from contract.role import AppRole
from contract.shortening import shortened
from contract.spec import AppRef, AppSpec, PipelineId, PipelinePlan, PipelineSpec, PlannedApp
from contract.template import TemplateSpec

# About 120 kB: far below Temporal's limit of 2 MB for one payload.
PAGE_APPS = 500
NAME_CHARS = 200
"""Longest name of somebody who started a pipeline; of a longer one the beginning is kept."""

_APPS = TypeAdapter(tuple[PlannedApp, ...])


class PlanPage(Frozen):
    """Up to `PAGE_APPS` apps of a plan.

    Attributes:
        first: position of the first of them in the fleet, counted from 0.
    """

    first: int
    apps: tuple[PlannedApp, ...]

    @property
    def digest(self) -> str:
        """sha256 of the apps."""
        derived = {"__all__": {"source": {"main_file"}}}
        return hashlib.sha256(_APPS.dump_json(self.apps, exclude=derived)).hexdigest()


class AddedApps(Frozen):
    """Apps of one role that stand together in a plan; `first`: position of the first of them."""

    role: AppRole
    first: int
    apps: int


class PlanHeader(Frozen):
    """What a pipeline is started with, and what it carries from run to run: a plan without apps.

    Attributes:
        total: how many apps the plan has.
        added: where those are that are no subjects.
        started_by: who submitted it first, as they were known there; empty: nobody said it. It is
            no part of the plan: whoever submits the same plan joins.
        digest: of the whole plan.
        pages: digest of each page, in order.
    """

    pipeline_id: PipelineId
    spec: PipelineSpec
    templates: dict[str, TemplateSpec] = {}
    total: int
    digest: str
    pages: tuple[str, ...]
    added: tuple[AddedApps, ...] = ()
    started_by: str = ""

    @classmethod
    def of(cls, plan: PipelinePlan, started_by: str = "") -> "PlanHeader":
        """The header of `plan`."""
        return cls(
            pipeline_id=plan.pipeline_id,
            spec=plan.spec,
            templates=plan.templates,
            total=len(plan.apps),
            digest=plan.digest,
            pages=tuple(page.digest for page in pages_of(plan)),
            added=tuple(_added(plan.apps)),
            started_by=started_by[:NAME_CHARS],
        )

    def role_at(self, position: int) -> AppRole:
        """Role of the app at a position of the fleet; what came beside the plan is a subject."""
        found = (run.role for run in self.added if 0 <= position - run.first < run.apps)
        return next(found, AppRole.SUBJECT)

    @property
    def beside(self) -> dict[AppRole, int]:
        """How many apps there are beside the subjects, by role."""
        counts: dict[AppRole, int] = {}
        for run in self.added:
            counts[run.role] = counts.get(run.role, 0) + run.apps
        return counts

    def has(self, page: PlanPage) -> bool:
        """Whether `page` is one of this plan's."""
        number, rest = divmod(page.first, PAGE_APPS)
        return rest == 0 and self.pages[number : number + 1] == (page.digest,)

    def app_spec(self, app: PlannedApp) -> AppSpec:
        """The child's input for `app`."""
        return AppSpec.of(self.pipeline_id, self.spec, self.templates, app)


def _added(apps: Sequence[PlannedApp]) -> Iterator[AddedApps]:
    first = 0
    for role, run in groupby(apps, key=lambda app: app.role):
        count = sum(1 for _ in run)
        if role is not AppRole.SUBJECT:
            yield AddedApps(role=role, first=first, apps=count)
        first += count


def pages_of(plan: PipelinePlan) -> list[PlanPage]:
    """The apps of `plan` in pages; at least one."""
    starts = range(0, max(len(plan.apps), 1), PAGE_APPS)
    return [PlanPage(first=start, apps=plan.apps[start : start + PAGE_APPS]) for start in starts]


class AppResult(Frozen):
    """What stands of one app that ended.

    Attributes:
        analyzers: worst state of those tools of each analyzer that the platform did not fail.
        missing: the tools that it did; `*` when it failed all of them.
    """

    state: MeasurementState
    reason: str = ""
    analyzers: dict[AnalyzerKind, MeasurementState] = {}
    missing: dict[AnalyzerKind, tuple[str, ...]] = {}

    @classmethod
    def of(
        cls,
        state: MeasurementState,
        reason: str,
        cells: Mapping[AnalyzerKind, Mapping[str, MeasurementState]],
    ) -> "AppResult":
        """The result of an app with these cells: state by tool, of each analyzer."""
        failed = MeasurementState.INFRA_FAILED
        analyzers: dict[AnalyzerKind, MeasurementState] = {}
        missing: dict[AnalyzerKind, tuple[str, ...]] = {}
        for kind, tools in cells.items():
            if stands := [found for found in tools.values() if found is not failed]:
                analyzers[kind] = worst_state(stands)
            if lost := tuple(tool for tool, found in tools.items() if found is failed):
                missing[kind] = lost if kind in analyzers else (ALL_TOOLS,)
        reason = shortened(reason, REASON_CHARS)
        return cls(state=state, reason=reason, analyzers=analyzers, missing=missing)

    def tools_to_retry(self) -> dict[AnalyzerKind, tuple[str, ...]]:
        """Single tools to run again, of analyzers whose other results stand."""
        return {kind: tools for kind, tools in self.missing.items() if ALL_TOOLS not in tools}


class AppPath(NamedTuple):
    """The folder that an app was found in. Plain: a fleet has ten thousand of them."""

    model: str
    number: int
    role: str
    path: str


class AppEntry(Frozen):
    """One app of a pipeline as the store knows it.

    Attributes:
        position: its place in the fleet, counted from 0.
        state: how it ended; None while it has not.
        result: what stands of it; None when nothing is recorded.
    """

    position: int
    app: PlannedApp
    state: MeasurementState | None = None
    result: AppResult | None = None


class AppChoice(Frozen):
    """An app that is to run again. `state`: how it ended; None when it did not."""

    position: int
    ref: AppRef
    state: MeasurementState | None = None


class Reopening(Frozen):
    """What the store knows of an ended pipeline that is to go on.

    Attributes:
        header: of its plan.
        registered: how many apps it has, with those that were added.
        counts: how many of them ended in each state.
        beside: those of `counts` that are no subjects, by role.
        detail: facts of its earlier runs.
        choices: the apps to run again.
    """

    header: PlanHeader
    registered: int
    counts: dict[MeasurementState, int] = {}
    beside: dict[AppRole, dict[MeasurementState, int]] = {}
    detail: dict[str, Any] = {}
    choices: tuple[AppChoice, ...] = ()


class UnendedApps(Frozen):
    """Apps that did not end, for one reason.

    Attributes:
        tools: names of each analyzer's tools, as far as they are known.
    """

    pipeline_id: PipelineId
    positions: tuple[int, ...]
    tools: dict[AnalyzerKind, tuple[str, ...]] = {}
    reason: str
