"""Writes reports in the background, one after another, for programs that stay."""

import asyncio
import logging
import threading
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contract.errors import ErrorCode, PlatformError
from control.form_files import require_form
from control.forms import AS_WRITTEN, Source, write_forms
from control.report_documents import Writing, WritingState
from control.reporting import write_anew
from control.reports import read_report
from control.stored import Stored
from control.written import written_of
from reports.model import AppReport, FleetReport

_LOG = logging.getLogger(__name__)
_KEPT = 200
_NOTED_APPS = 25
_STOPPED = "the program that wrote it was stopped; nothing of the old report is lost"


class _StoppedError(Exception):
    """Nobody waits for the forms any more."""


@dataclass(frozen=True, slots=True)
class _Watched(Source):
    """A source that tells how far it is read, and that can be stopped between two apps."""

    job: "_Job"

    def apps(self) -> Iterator[AppReport]:
        """The documents of all apps."""
        total = len(self.report.apps) + len(self.report.others)
        for number, app in enumerate(Source.apps(self), 1):
            if self.job.stopped.is_set():
                raise _StoppedError
            if number % _NOTED_APPS == 0 or number == total:
                self.job.note(f"writing {self.job.form}: {number:,} of {total:,} apps")
            yield app


class _Job:
    """One writing."""

    def __init__(self, writing: Writing) -> None:
        self.writing = writing
        self.form = "forms"
        self.stopped = threading.Event()
        self.task: asyncio.Task[None] | None = None

    def note(self, message: str) -> None:
        """Say what it does now; from any thread."""
        self._change(state=WritingState.WORKING, message=message)

    def end(self, state: WritingState, message: str, next_step: str = "") -> None:
        """Say how it ended."""
        at = datetime.now(UTC)
        self._change(state=state, message=message, next_step=next_step, ended_at=at)

    def _change(self, **update: object) -> None:
        self.writing = self.writing.model_copy(update=update)


class ReportJobs:
    """The writings of one program; what is not done when it ends is not done.

    A report appears when it is whole, so that a program that is killed leaves the old one.

    Args:
        stored: the store.
        data_dir: with the artifacts; reports are written here.
        assay: name and version of the program.
    """

    def __init__(self, stored: Stored, data_dir: Path, assay: str) -> None:
        self._stored = stored
        self._data_dir = data_dir
        self._assay = assay
        self._jobs: dict[str, _Job] = {}
        self._turn = asyncio.Lock()

    def writing(self, pipeline_id: str) -> Writing | None:
        """The last writing of this pipeline's report; None: this program was not asked for any."""
        job = self._jobs.get(pipeline_id)
        return job.writing if job else None

    async def start(
        self, pipeline_id: str, forms: Sequence[str] = (), *, by: str = "", anew: bool = True
    ) -> Writing:
        """Begin to write a report, and then these forms of it; it is written on when this returns.

        Args:
            pipeline_id: of which pipeline; it may still run.
            forms: some of `FORMS`; those that are written with the report need not be named.
            by: who asks.
            anew: False: a report that speaks for what is recorded now is not written again.

        Raises:
            WrongInputError: there is no such form.
            NotStoredError: the store does not know the pipeline.
            PlatformError: ALREADY_EXISTS: it is being written now; or the store cannot be read.
        """
        for form in forms:
            require_form(form)
        await self._stored.answered(pipeline_id, lambda store: store.overview(pipeline_id))
        before = self._jobs.get(pipeline_id)
        if before and not before.writing.is_over:
            raise PlatformError(
                ErrorCode.ALREADY_EXISTS,
                f"the report of pipeline {pipeline_id} is being written already",
                next_step="wait until it is written",
            )
        beside = tuple(dict.fromkeys(form for form in forms if form not in AS_WRITTEN))
        job = _Job(
            Writing(
                pipeline_id=pipeline_id,
                state=WritingState.WAITING,
                forms=beside,
                message="waits for its turn",
                by=by,
                asked_at=datetime.now(UTC),
            )
        )
        self._keep(job)
        job.task = asyncio.create_task(self._run(job, anew))
        return job.writing

    async def close(self) -> None:
        """Stop all of them, and wait until no form is written any more."""
        for job in self._jobs.values():
            job.stopped.set()
        tasks = [job.task for job in self._jobs.values() if job.task and not job.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep(self, job: _Job) -> None:
        self._jobs.pop(job.writing.pipeline_id, None)
        self._jobs[job.writing.pipeline_id] = job
        over = [name for name, one in self._jobs.items() if one.writing.is_over]
        for name in over[: max(0, len(self._jobs) - _KEPT)]:
            del self._jobs[name]

    async def _run(self, job: _Job, anew: bool) -> None:
        try:
            async with self._turn:
                message = await self._write(job, anew)
        except PlatformError as error:
            job.end(WritingState.FAILED, error.message, error.next_step)
        except _StoppedError:
            job.end(WritingState.FAILED, _STOPPED, "write it anew")
        except asyncio.CancelledError:
            job.end(WritingState.FAILED, _STOPPED, "write it anew")
            raise
        except Exception as error:
            _LOG.exception("the report of %s", job.writing.pipeline_id)
            message = f"an error that nobody expected: {type(error).__name__}"
            job.end(WritingState.FAILED, message, "this program's log has more; please report it")
        else:
            job.end(WritingState.DONE, message)

    async def _write(self, job: _Job, anew: bool) -> str:
        id_, forms = job.writing.pipeline_id, job.writing.forms
        job.note("reading what is recorded")
        report = await self._report(job, anew)
        for form in forms:
            job.form = form
            job.note(f"writing {form}")
            source = _Watched(self._data_dir, report, self._assay, job)
            await _to_its_end(asyncio.to_thread(write_forms, source, (form,), None))
        written = ", ".join(forms)
        return f"the report of {id_} is written" + (f", also as {written}" if written else "")

    async def _report(self, job: _Job, anew: bool) -> FleetReport:
        id_ = job.writing.pipeline_id
        if not anew:
            written = await written_of(self._stored, self._data_dir, id_)
            if written.fresh:
                return await asyncio.to_thread(read_report, self._data_dir, id_)
        return await write_anew(self._stored, self._data_dir, id_, job.note)


async def _to_its_end(work: Coroutine[Any, Any, object]) -> None:
    """Work of a thread: whoever cancels it waits for the thread, which nobody can cancel."""
    working = asyncio.create_task(work)
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.gather(working, return_exceptions=True)
        raise
