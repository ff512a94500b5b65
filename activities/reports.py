"""Writing the report of a pipeline."""

from temporalio import activity

from activities.heartbeat import Attempt
from activities.ports import ReportWriter, ResultStore


class ReportActivities:
    """Turns what was recorded into files."""

    def __init__(self, results: ResultStore, writer: ReportWriter) -> None:
        self._results = results
        self._writer = writer

    @activity.defn(name="write_report")
    async def write_report(self, pipeline_id: str) -> tuple[str, str]:
        """Paths of JSON and HTML report. Retry is safe: same rows, same files, atomic rename."""
        async with Attempt("writing the report"):
            return await self._writer.write(await self._results.load_pipeline(pipeline_id))
