"""Writing the report of a pipeline."""

from temporalio import activity

from activities import Activities
from activities.heartbeat import Attempt
from activities.measures import timing_report
from activities.ports import ArtifactStore, ResultStore
from activities.report_ports import ReportWriter


class ReportActivities:
    """Makes files from what was recorded."""

    def __init__(
        self, results: ResultStore, writer: ReportWriter, artifacts: ArtifactStore
    ) -> None:
        # A worker has it from its start; workflows, and so every command, name this class alone.
        from activities.report_writing import ReportWriting

        self._writing = ReportWriting(results, writer, artifacts)

    def activities(self) -> Activities:
        """All activities of this class, for the control queue."""
        return [self.write_report]

    @activity.defn(name="write_report")
    async def write_report(self, pipeline_id: str) -> tuple[str, str]:
        """Write the report; paths of its JSON and HTML file.

        Retry is safe: the same rows make the same files, and they appear when all are there.
        """
        async with Attempt("writing the report") as attempt:
            with timing_report():
                return await self._writing.write(pipeline_id, attempt.note)
