"""Questions about the weaknesses of a pipeline, and the answers, page by page."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contract.analysis import Confidence, Severity
from contract.analyzers import Category
from contract.base import Frozen
from contract.spec import AppRef, AppRole, PipelineId
from contract.weakness import BaselineState, Origin, Suppression, Weakness

PAGE_LIMIT = 1_000


class Standing(StrEnum):
    """What stands of a weakness; each has exactly one, the first of these that holds.

    `suppressed`: a decision says that it needs no action; `scaffold`: it came with the scaffold;
    `new`, `unchanged`, `unknown`: what the pipeline's baseline says of it; `open`: there is no
    baseline.
    """

    SUPPRESSED = "suppressed"
    SCAFFOLD = "scaffold"
    NEW = "new"
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"
    OPEN = "open"


def standing_of(weakness: Weakness, today: date) -> Standing:
    """The standing of a weakness on a day: a suppression ends with its last day."""
    decision = weakness.suppression
    if decision is not None and (decision.until is None or decision.until >= today):
        return Standing.SUPPRESSED
    return unsuppressed_standing(weakness)


_OF_BASELINE: Mapping[BaselineState | None, Standing] = {
    None: Standing.OPEN,
    BaselineState.NEW: Standing.NEW,
    BaselineState.UNCHANGED: Standing.UNCHANGED,
    BaselineState.UNKNOWN: Standing.UNKNOWN,
}


def unsuppressed_standing(weakness: Weakness) -> Standing:
    """Its standing if no decision held."""
    if weakness.origin is Origin.SCAFFOLD:
        return Standing.SCAFFOLD
    return _OF_BASELINE[weakness.baseline]


def _today() -> date:
    return datetime.now(UTC).date()


class FindingsQuery(Frozen):
    """Which weaknesses of a pipeline are wanted. An empty field excludes nothing.

    Values of one field are alternatives; all fields must hold.

    Attributes:
        tools: those that saw it, alone or among others.
        cwe: numbers of the most specific weakness.
        owasp: categories of the OWASP Top 10 2021 (`A03`).
        standings: see `Standing`.
        roles: of the apps; left out: subjects alone.
        today: day on which suppressions are judged.
        after: `next` of the page before; empty: the first page.
        limit: weaknesses per page, at most 1,000.
    """

    pipeline_id: PipelineId
    models: tuple[str, ...] = ()
    apps: tuple[AppRef, ...] = ()
    tools: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    confidences: tuple[Confidence, ...] = ()
    categories: tuple[Category, ...] = ()
    cwe: tuple[int, ...] = ()
    owasp: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    standings: tuple[Standing, ...] = ()
    roles: tuple[AppRole, ...] = (AppRole.SUBJECT,)
    today: date = Field(default_factory=_today)
    after: str = ""
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 100


class FoundWeakness(Frozen):
    """One weakness and the app that has it. `ordinal`: its place in the app, gravest first."""

    ref: AppRef
    role: AppRole = AppRole.SUBJECT
    ordinal: int
    weakness: Weakness


class FindingsPage(Frozen):
    """Weaknesses in the order of severity, then of apps in the plan, then of the app's own list.

    Attributes:
        next: cursor of the page after this one; empty: there is none.
        unlisted_apps: ended apps of the pipeline whose weaknesses are not listed yet: nobody may
            take an empty page for an app without weaknesses while this is above zero.
    """

    found: tuple[FoundWeakness, ...] = ()
    next: str = ""
    unlisted_apps: int = 0


class StoredSuppression(Frozen):
    """A decision as it is stored.

    Attributes:
        key: derived from what it names; the same weaknesses decided again replace it.
        pipeline_id: where it holds; empty: in every pipeline of the store.
    """

    key: str
    pipeline_id: str = ""
    suppression: Suppression
    created_at: datetime
