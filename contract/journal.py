"""What happened to a pipeline, as a list of entries from which its rows can be made again.

An entry is the input of one recording, and the moment at which it was asked for. Entries of one app
are in their order; those of different apps do not depend on each other.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from contract.base import Frozen
from contract.outcome import AppOutcome, SubtaskOutcome
from contract.plan import PlanHeader, PlanPage, UnendedApps
from contract.spec import AppSpec


class _Entry(Frozen):
    at: datetime


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
