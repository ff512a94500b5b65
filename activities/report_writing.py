"""How a report is made, app by app: memory does not grow with what was found.

First a light pass over the states of all cells says what is fleet-wide. Then apps are read a few at
a time: controls, which say which tools can be believed; the scaffold; the apps that the pipeline is
about, in the order of the plan; repeats. Nothing of an app stays in memory but its summary.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from activities.baseline_reading import BaselineReading
from activities.decisions import decisions_of
from activities.fleet_reading import BATCH_APPS, overview_of
from activities.ports import ArtifactStore, ResultStore
from activities.report_logs import AppLogs
from activities.report_ports import ReportDraft, ReportWriter
from contract.record import PipelineRecord, Revision
from contract.spec import AppRef, AppRole
from reports.build import app_reports
from reports.facts import FleetFacts, Overview
from reports.files import ReportFiles
from reports.known import Known
from reports.model import AppReport
from reports.names import HTML_NAME, JSON_NAME
from reports.suppressions import Decisions

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

    async def write(
        self, pipeline_id: str, note: Note, at: datetime | None = None
    ) -> tuple[str, str]:
        """Write the report; paths of its JSON and HTML file.

        Done twice, it makes the same files. They appear when all are there.

        Args:
            pipeline_id: of which pipeline; it may still run.
            note: is told how far the work is.
            at: the moment that the report is of; None: now.

        Raises:
            PlatformError: NOT_FOUND, or a store or disk that does not do its work.
        """
        outline = await self._results.load_outline(pipeline_id)
        overview = await overview_of(self._results, outline, at)
        async with self._writer.draft(pipeline_id) as draft:
            writing = _OneReport(self._results, self._artifacts, draft, note)
            await writing.write(outline, overview)
            note("writing the report: putting its files in their places")
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
        id_ = outline.pipeline_id
        roles = {role: [app.ref for app in outline.apps if app.role is role] for role in AppRole}
        baseline = await BaselineReading.open(self._results, id_)
        known = await self._known(id_, overview.today)
        files = ReportFiles(overview.facts(), known.decisions)
        await self._draft.write(dict(files.heads()))
        done, total = 0, len(outline.apps)
        for role in _ORDER:
            async for record, apps in self._batches(id_, roles[role], files.facts, known):
                told = await baseline.told(apps) if baseline else apps
                await self._write_apps(files, told, record.revisions())
                done += len(apps)
                self._note(f"writing the report: {done} of {total} apps")
            if role is AppRole.CONTROL:
                files.believe()
            elif role is AppRole.SCAFFOLD:
                known = replace(known, scaffolds=files.scaffolds())
        self._note("writing the report: comparing models")
        compared = baseline.result() if baseline else None
        of_fleet = await asyncio.to_thread(files.of_fleet, self._draft.names, compared)
        await self._draft.write(of_fleet)

    async def _known(self, pipeline_id: str, today: date) -> Known:
        decisions = await decisions_of(self._results, pipeline_id)
        return Known(decisions=Decisions.of(decisions, today) if decisions else None)

    async def _batches(
        self, pipeline_id: str, refs: Sequence[AppRef], facts: FleetFacts, known: Known
    ) -> AsyncGenerator[tuple[PipelineRecord, list[AppReport]]]:
        for start in range(0, len(refs), BATCH_APPS):
            record = await self._results.load_apps(pipeline_id, refs[start : start + BATCH_APPS])
            yield record, await asyncio.to_thread(_apps, record, facts, known)

    async def _write_apps(
        self, files: ReportFiles, apps: Sequence[AppReport], ended: Mapping[AppRef, Revision]
    ) -> None:
        """Write the files and rows of these apps; list the weaknesses of those that have ended."""
        for app in apps:
            logs = await self._logs.copy(app)
            await self._draft.write(await asyncio.to_thread(_files, files, app, logs))
            if made_of := ended.get(app.ref):
                await self._results.replace_weaknesses(
                    app.pipeline_id, app.ref, app.weaknesses, made_of
                )
        await self._draft.append(await asyncio.to_thread(_rows, files, apps))


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
