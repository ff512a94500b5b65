"""What happened to a pipeline, as a list of entries from which its rows can be made again.

An entry is the input of one recording, and the moment at which it was asked for. Entries of one app
are in their order; those of different apps do not depend on each other.
"""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AwareDatetime, Field, TypeAdapter

from contract.analysis import AnalyzerReport
from contract.base import Frozen
from contract.outcome import AppOutcome, SubtaskOutcome
from contract.plan import PlanHeader, PlanPage, UnendedApps
from contract.spec import AppSpec
from contract.weakness import Weakness


class _Entry(Frozen):
    at: AwareDatetime


class PageRegistered(_Entry):
    """Apps of a plan were registered."""

    kind: Literal["register_page"] = "register_page"
    header: PlanHeader
    page: PlanPage


class SubtaskRecorded(_Entry):
    """An analyzer's work on an app ended; findings are in the artifact that the outcome names."""

    kind: Literal["record_subtask"] = "record_subtask"
    app: AppSpec
    outcome: SubtaskOutcome


class AppRecorded(_Entry):
    """The analysis of an app ended."""

    kind: Literal["record_app"] = "record_app"
    app: AppSpec
    outcome: AppOutcome


class SkippedRecorded(_Entry):
    """Apps did not end."""

    kind: Literal["record_skipped"] = "record_skipped"
    skipped: UnendedApps


class StateRecorded(_Entry):
    """The pipeline changed its state."""

    kind: Literal["record_pipeline_state"] = "record_pipeline_state"
    pipeline_id: str
    state: str
    detail: dict[str, Any] = {}


class RecordedApp(NamedTuple):
    """All that was recorded of one app, for a store that has nothing of it yet.

    Attributes:
        subtasks: how each analyzer's work ended, with what it reported; each analyzer once.
        outcome: how the app ended; None: it did not.
        weaknesses: as they are listed, gravest first; None: they are not listed yet.
    """

    spec: AppSpec
    subtasks: tuple[tuple[SubtaskOutcome, AnalyzerReport | None], ...] = ()
    outcome: AppOutcome | None = None
    weaknesses: tuple[Weakness, ...] | None = None


JournalEntry = Annotated[
    PageRegistered | SubtaskRecorded | AppRecorded | SkippedRecorded | StateRecorded,
    Field(discriminator="kind"),
]
ENTRY: TypeAdapter[JournalEntry] = TypeAdapter(JournalEntry)
"""Reads and writes entries as JSON."""


def pipeline_of(entry: JournalEntry) -> str:
    """The pipeline that an entry belongs to."""
    match entry:
        case PageRegistered():
            return entry.header.pipeline_id
        case SubtaskRecorded() | AppRecorded():
            return entry.app.pipeline_id
        case SkippedRecorded():
            return entry.skipped.pipeline_id
        case StateRecorded():
            return entry.pipeline_id
