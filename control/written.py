"""What the written report of a pipeline says as a whole, and whether it still speaks for it."""

import asyncio
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from activities.decisions import decisions_of
from activities.ports import ResultStore
from clients.files import disk_faults
from contract.base import Frozen
from contract.errors import PlatformError
from contract.overview import PipelineOverview
from contract.record import FINISHED_STATES, PipelineListing
from contract.suppression import Suppression
from control.errors import NoReportError, NotStoredError
from control.listing import UNFINISHED
from control.reports import read_document, report_path
from control.stored import Stored
from reports.control_results import ControlsReport
from reports.model import SCHEMA_VERSION
from reports.parts import Effort, MissingGroup, ModelReport, PipelineFacts, ToolUse, Totals
from reports.study.model import Study
from reports.suppressions import SuppressionUse

_KEPT = 16
_READING = threading.Lock()
_Recorded = tuple[PipelineOverview, tuple[Suppression, ...]]


class WrittenApp(Frozen):
    """An app that a report names: the name of its document."""

    name: str


class FleetFigures(Frozen):
    """A written report with no more of its apps than names: as `FleetReport`, field by field."""

    schema_version: str = SCHEMA_VERSION
    generated_at: datetime
    verdict: str
    pipeline: PipelineFacts
    totals: Totals
    effort: Effort
    models: tuple[ModelReport, ...]
    apps: tuple[WrittenApp, ...] = ()
    others: tuple[WrittenApp, ...] = ()
    void: dict[str, str] = {}
    controls: ControlsReport = ControlsReport()
    study: Study = Study()
    missing: tuple[MissingGroup, ...]
    missing_left_out: int = 0
    tools: tuple[ToolUse, ...]
    suppressions: tuple[SuppressionUse, ...] = ()


class Written(Frozen):
    """The written report of a pipeline, as far as there is one.

    Attributes:
        pipeline_id: of which pipeline.
        state: of the pipeline, as recorded; empty: the store does not know it.
        ended: whether it has ended, as recorded.
        figures: what the report says; None: there is none that can be read.
        problem: why there is none.
        problem_next_step: what to do about that.
        stale: why the report does not speak for what is recorded now; empty: it does.
    """

    pipeline_id: str
    state: str = ""
    ended: bool = False
    figures: FleetFigures | None = None
    problem: str = ""
    problem_next_step: str = ""
    stale: str = ""

    @property
    def fresh(self) -> FleetFigures | None:
        """The report, if it speaks for what is recorded now."""
        return None if self.stale else self.figures


def read_figures(data_dir: Path, pipeline_id: str) -> FleetFigures:
    """The written report of the fleet without its apps. Blocking; kept until the file changes.

    Raises:
        NoReportError: there is none yet.
        OldReportError: another version wrote it.
        DamagedReportError: it is not whole.
    """
    path = report_path(data_dir, pipeline_id, "json")
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoReportError(pipeline_id, path) from error
    with _READING:  # who waits finds it kept
        return _kept(pipeline_id, path, status.st_mtime_ns, status.st_size, status.st_ino)


@lru_cache(maxsize=_KEPT)
def _kept(pipeline_id: str, path: Path, *_version: int) -> FleetFigures:
    return read_document(pipeline_id, path, FleetFigures)


async def written_of(stored: Stored, data_dir: Path, pipeline_id: str) -> Written:
    """What is written of a pipeline; a report that is missing or damaged is an answer.

    Raises:
        NotStoredError: neither the store nor any report knows it.
        PlatformError: the store cannot be read.
    """
    figures, problem = await asyncio.to_thread(_figures, data_dir, pipeline_id)

    async def ask(results: ResultStore) -> _Recorded:
        overview = await results.overview(pipeline_id)
        return overview, await decisions_of(results, pipeline_id) if figures else ()

    try:
        recorded = await stored.answered(pipeline_id, ask, lags=True)
    except NotStoredError:
        if figures is None:
            raise
        recorded = None
    return told(pipeline_id, recorded, figures, problem)


def told(
    pipeline_id: str,
    recorded: _Recorded | None,
    figures: FleetFigures | None,
    problem: PlatformError | None,
) -> Written:
    """The report beside what is recorded; see `written_of`."""
    listing = recorded[0].listing if recorded else None
    ended = bool(listing and listing.state in FINISHED_STATES)
    return Written(
        pipeline_id=pipeline_id,
        state=(listing.state if ended else UNFINISHED) if listing else "",
        ended=ended,
        figures=figures,
        problem=problem.message if problem else "",
        problem_next_step=problem.next_step if problem else "",
        stale=_stale(listing, recorded[1], figures) if recorded and listing and figures else "",
    )


def _stale(
    listing: PipelineListing, decisions: Iterable[Suppression], figures: FleetFigures
) -> str:
    if listing.state not in FINISHED_STATES:
        return "the pipeline has not ended"
    if listing.state != figures.pipeline.state:
        return f"the pipeline was {figures.pipeline.state} then, and is {listing.state} now"
    if listing.finished_at and listing.finished_at > figures.generated_at:
        return "the pipeline has gone on since it was written"
    today = datetime.now(UTC).date()
    then = (use.suppression for use in figures.suppressions if use.state != "expired")
    holding = {each.key: each for each in decisions if each.holds_on(today)}
    if holding != {each.key: each for each in then}:
        return "decisions about its weaknesses have changed since it was written"
    return ""


def _figures(data_dir: Path, pipeline_id: str) -> tuple[FleetFigures | None, PlatformError | None]:
    try:
        with disk_faults(data_dir):
            return read_figures(data_dir, pipeline_id), None
    except PlatformError as error:
        return None, error
