"""Shows a pipeline's status where people look: its page in the Web UI, and lists of workflows."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contract.progress import PipelinePhase
    from workflows import search_attributes
    from workflows.details import LINES_MAX, pipeline_details
    from workflows.status import Snapshot, Status


class Display:
    """Brings the details up to date, and the search attribute by which lists find the pipeline."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._listed = ""

    async def keep_up(self) -> None:
        """Show every change; runs until it is cancelled."""
        while True:
            shown = self._show()
            await workflow.wait_condition(
                lambda shown=shown: self._status.snapshot(workflow.time()) != shown
            )

    def enter(self, phase: PipelinePhase, message: str = "") -> None:
        """Show that the pipeline goes on to its next phase."""
        self._status.phase, self._status.message = phase, message
        self._show()

    def _show(self) -> Snapshot:
        now_s = workflow.time()
        progress = self._status.progress(now_s, LINES_MAX)
        workflow.set_current_details(pipeline_details(progress))
        if progress.phase != self._listed:
            self._listed = progress.phase
            workflow.upsert_search_attributes([search_attributes.STATE.value_set(progress.phase)])
        return self._status.snapshot(now_s)
