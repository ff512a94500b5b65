"""Writing the report of a pipeline."""

import asyncio
from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from temporalio import activity

from activities import Activities
from activities.heartbeat import Attempt
from activities.ports import ArtifactStore, ReportWriter, ResultStore
from contract.analysis import ArtifactRef
from contract.errors import ErrorCode, PlatformError
from contract.record import PipelineRecord
from reports import build_fleet_report, render_files
from reports.names import HTML_NAME, JSON_NAME, log_name

_MIB = 1024 * 1024
# Limits: one log that is copied, all of them together, and what is in memory at once.
_LOG_BYTES, _ALL_LOGS_BYTES, _BATCH_BYTES = 4 * _MIB, 256 * _MIB, 8 * _MIB


class ReportActivities:
    """Makes files from what was recorded."""

    def __init__(
        self, results: ResultStore, writer: ReportWriter, artifacts: ArtifactStore
    ) -> None:
        self._results = results
        self._writer = writer
        self._artifacts = artifacts

    def activities(self) -> Activities:
        """All activities of this class, for the control queue."""
        return [self.write_report]

    @activity.defn(name="write_report")
    async def write_report(self, pipeline_id: str) -> tuple[str, str]:
        """Write the report; paths of its JSON and HTML file.

        Retry is safe: the same rows make the same files, written by atomic rename.
        """
        async with Attempt("writing the report"):
            record = await self._results.load_pipeline(pipeline_id)
            logs = await self._copy_logs(record)
            files = await asyncio.to_thread(_render, record, logs)
            paths = await self._writer.write(pipeline_id, files)
            return paths[JSON_NAME], paths[HTML_NAME]

    async def _copy_logs(self, record: PipelineRecord) -> list[str]:
        """Copy the apps' logs beside the report as text, a few at a time; the names of their files.

        A log that is gone, too long, or no text is only named on the page.
        """
        names: list[str] = []
        batch: dict[str, bytes] = {}
        room = _ALL_LOGS_BYTES
        for name, log in _logs(record):
            data = await self._content(log) if log.size_bytes <= min(_LOG_BYTES, room) else b""
            if not data:
                continue
            batch[name] = data
            names.append(name)
            room -= len(data)
            if sum(map(len, batch.values())) > _BATCH_BYTES:
                await self._writer.write(record.pipeline_id, batch)
                batch = {}
        if batch:
            await self._writer.write(record.pipeline_id, batch)
        return names

    async def _content(self, log: ArtifactRef) -> bytes:
        try:
            return await self._artifacts.get(log)
        except PlatformError as error:
            if error.code in (ErrorCode.NOT_FOUND, ErrorCode.DATA_LOSS):
                return b""  # a report without this log is better than none
            raise


def _logs(record: PipelineRecord) -> Iterator[tuple[str, ArtifactRef]]:
    for app in record.apps:
        for place, log in enumerate(app.facts.logs):
            if log.name.endswith(".log"):
                yield log_name(app.ref, place, log), log


def _render(record: PipelineRecord, beside: Collection[str]) -> dict[str, bytes]:
    return render_files(build_fleet_report(record, datetime.now(UTC)), beside)
