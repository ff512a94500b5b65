"""How a report is made, app by app: memory does not grow with what was found.

First a light pass over the states of all cells says what is fleet-wide. Then apps are read a few at
a time: controls, which say which tools can be believed; the scaffold; the apps that the pipeline is
about, in the order of the plan; repeats. Nothing of an app stays in memory but its summary.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import replace

from activities.fleet_reading import overview_of
from activities.ports import ArtifactStore, ReportDraft, ReportWriter, ResultStore
from contract.analysis import ArtifactRef
from contract.errors import ErrorCode, PlatformError
from contract.record import PipelineRecord
from contract.spec import AppRef, AppRole
from reports.build import app_reports
from reports.facts import FleetFacts, Overview
from reports.files import ReportFiles
from reports.known import Known
from reports.model import AppReport
from reports.names import HTML_NAME, JSON_NAME, log_name

_MIB = 1024 * 1024
# Limits: apps in memory at once, one log that is copied, and all logs together.
_BATCH_APPS, _LOG_BYTES, _ALL_LOGS_BYTES = 10, 4 * _MIB, 256 * _MIB
_ORDER = (AppRole.CONTROL, AppRole.SCAFFOLD, AppRole.SUBJECT, AppRole.REPEAT)
Note = Callable[[str], None]
"""Is told how far the work is."""


class ReportWriting:
    """Makes the files of a report from what was recorded."""

    def __init__(
        self, results: ResultStore, writer: ReportWriter, artifacts: ArtifactStore
    ) -> None:
        self._results = results
        self._writer = writer
        self._artifacts = artifacts

    async def write(self, pipeline_id: str, note: Note) -> tuple[str, str]:
        """Write the report; paths of its JSON and HTML file.

        Args:
            pipeline_id: of which pipeline; it may still run.
            note: is told how far the work is.

        Raises:
            PlatformError: NOT_FOUND, or a store or disk that does not do its work.
        """
        outline = await self._results.load_outline(pipeline_id)
        overview = await overview_of(self._results, outline)
        async with self._writer.draft(pipeline_id) as draft:
            writing = _OneReport(self._results, self._artifacts, draft, note)
            await writing.write(outline, overview)
            paths = await draft.publish()
        return paths[JSON_NAME], paths[HTML_NAME]


class _OneReport:
    """One report on its way into its draft."""

    def __init__(
        self, results: ResultStore, artifacts: ArtifactStore, draft: ReportDraft, note: Note
    ) -> None:
        self._results = results
        self._logs = AppLogs(artifacts, draft)
        self._draft = draft
        self._note = note

    async def write(self, outline: PipelineRecord, overview: Overview) -> None:
        """Write all files."""
        roles = {role: [app.ref for app in outline.apps if app.role is role] for role in AppRole}
        known = Known()
        files = ReportFiles(overview.facts())
        await self._draft.write(dict(files.heads()))
        done, total = 0, len(outline.apps)
        for role in _ORDER:
            async for apps in self._batches(outline.pipeline_id, roles[role], files.facts, known):
                await self._write_apps(files, apps)
                done += len(apps)
                self._note(f"writing the report: {done} of {total} apps")
            if role is AppRole.CONTROL:
                files.believe(overview)
            elif role is AppRole.SCAFFOLD:
                known = replace(known, scaffolds=files.scaffolds())
        self._note("writing the report: the fleet")
        of_fleet = await asyncio.to_thread(dict, files.of_fleet(self._draft.names))
        await self._draft.write(of_fleet)

    async def _batches(
        self, pipeline_id: str, refs: Sequence[AppRef], facts: FleetFacts, known: Known
    ) -> AsyncGenerator[list[AppReport]]:
        for start in range(0, len(refs), _BATCH_APPS):
            batch = refs[start : start + _BATCH_APPS]
            record = await self._results.load_apps(pipeline_id, batch)
            yield await asyncio.to_thread(_apps, record, facts, known)

    async def _write_apps(self, files: ReportFiles, apps: Sequence[AppReport]) -> None:
        for app in apps:
            logs = await self._logs.copy(app)
            await self._draft.write(await asyncio.to_thread(_files, files, app, logs))
        await self._draft.append(await asyncio.to_thread(_rows, files, apps))


class AppLogs:
    """Copies the apps' logs beside the report as text.

    A log that is gone, too long, or no text is only named on the page.
    """

    def __init__(self, artifacts: ArtifactStore, draft: ReportDraft) -> None:
        self._artifacts = artifacts
        self._draft = draft
        self._room = _ALL_LOGS_BYTES

    async def copy(self, app: AppReport) -> list[str]:
        """Copy the logs of one app; the names of their files."""
        names: list[str] = []
        for place, log in enumerate(app.facts.logs):
            fits = log.size_bytes <= min(_LOG_BYTES, self._room)
            data = await self._content(log) if fits and log.name.endswith(".log") else b""
            if data:
                name = log_name(app.ref, place, log)
                await self._draft.write({name: data})
                names.append(name)
                self._room -= len(data)
        return names

    async def _content(self, log: ArtifactRef) -> bytes:
        try:
            return await self._artifacts.get(log)
        except PlatformError as error:
            if error.code in (ErrorCode.NOT_FOUND, ErrorCode.DATA_LOSS):
                return b""  # a report without this log is better than none
            raise


def _apps(record: PipelineRecord, facts: FleetFacts, known: Known) -> list[AppReport]:
    return list(app_reports(record, facts, known))


def _files(files: ReportFiles, app: AppReport, logs: Sequence[str]) -> dict[str, bytes]:
    files.add(app)
    return dict(files.of_app(app, logs))


def _rows(files: ReportFiles, apps: Iterable[AppReport]) -> dict[str, bytes]:
    """What is added to each table for these apps."""
    rows: dict[str, bytes] = {}
    for app in apps:
        for name, more in files.rows(app):
            rows[name] = rows.get(name, b"") + more
    return rows
