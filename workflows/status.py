"""Where a pipeline is, as people see it in the Web UI, in lists and by the `progress` query."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contract.progress import PipelinePhase, PipelineProgress
    from workflows import search_attributes
    from workflows.admission import Admission
    from workflows.child import Children
    from workflows.details import LINES_MAX, pipeline_details
    from workflows.fleet import Fleet


class Status:
    """Phase and message, and what a person set: the size of the window, a pause."""

    def __init__(
        self,
        fleet: Fleet,
        children: Children,
        admission: Admission,
        *,
        parallelism: int,
        paused: bool,
    ) -> None:
        self._fleet = fleet
        self._children = children
        self._admission = admission
        self._phase = PipelinePhase.REGISTERING
        self._message = ""
        self._listed = ""
        self.parallelism = parallelism
        self.paused = paused

    def enter(self, phase: PipelinePhase, message: str = "") -> None:
        """Go on to the next phase."""
        self._phase, self._message = phase, message
        self.show()

    def show(self) -> None:
        """Bring the details up to date, and the state by which lists find the pipeline."""
        progress = self.progress().model_copy(update={"apps": self._fleet.highlights(LINES_MAX)})
        workflow.set_current_details(pipeline_details(progress))
        if progress.phase != self._listed:
            self._listed = progress.phase
            workflow.upsert_search_attributes([search_attributes.STATE.value_set(progress.phase)])

    def progress(self) -> PipelineProgress:
        """A snapshot without the apps."""
        phase, message = self._now()
        return PipelineProgress(
            pipeline_id=self._fleet.plan.pipeline_id,
            phase=phase,
            message=message,
            total=self._fleet.total,
            finished=self._fleet.finished,
            in_flight=self._children.in_window,
            parallelism=self.parallelism,
            paused=self.paused,
            counts=self._fleet.counts(),
            analyzers=self._admission.readiness,
            breakers=self._admission.board.progress(),
        )

    def _now(self) -> tuple[PipelinePhase, str]:
        """The phase that people see, and a sentence about it."""
        if self._phase is not PipelinePhase.RUNNING:
            return self._phase, self._message
        if self.paused:
            return PipelinePhase.PAUSED, "running tools finish, nothing new starts"
        if waiting_for := self._admission.waiting_for:
            return PipelinePhase.WAITING, f"for {waiting_for}"
        ready = self._admission.readiness
        return (PipelinePhase.RUNNING if ready else PipelinePhase.PREFLIGHT), self._message
