"""Writing the report of a pipeline."""

import asyncio
from datetime import UTC, datetime

from temporalio import activity

from activities.heartbeat import Attempt
from activities.ports import ReportWriter, ResultStore
from contract.record import PipelineRecord
from reports import build_fleet_report, render_files
from reports.files import HTML_NAME, JSON_NAME


class ReportActivities:
    """Turns what was recorded into files."""

    def __init__(self, results: ResultStore, writer: ReportWriter) -> None:
        self._results = results
        self._writer = writer

    @activity.defn(name="write_report")
    async def write_report(self, pipeline_id: str) -> tuple[str, str]:
        """Paths of JSON and HTML report. Retry is safe: same rows, same files, atomic rename."""
        async with Attempt("writing the report"):
            record = await self._results.load_pipeline(pipeline_id)
            files = await asyncio.to_thread(_render, record)
            paths = await self._writer.write(pipeline_id, files)
            return paths[JSON_NAME], paths[HTML_NAME]


def _render(record: PipelineRecord) -> dict[str, bytes]:
    return render_files(build_fleet_report(record, datetime.now(UTC)))
