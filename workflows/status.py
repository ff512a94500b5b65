"""Where a pipeline is, as people see it: a projection of what its parts know, and nothing else."""

from typing import NamedTuple

from contract.plan import PAGE_APPS
from contract.progress import PipelinePhase, PipelineProgress
from workflows.admission import Admission
from workflows.breakers import Breakers
from workflows.fleet import Fleet
from workflows.window import Window


class Snapshot(NamedTuple):
    """Differs from another one when people see something else."""

    progress: PipelineProgress
    lines: int


class Status:
    """Reads the parts of a pipeline; only the phase that it entered last is its own."""

    def __init__(
        self, fleet: Fleet, window: Window, admission: Admission, breakers: Breakers
    ) -> None:
        self._fleet = fleet
        self._window = window
        self._admission = admission
        self._breakers = breakers
        self.phase = PipelinePhase.REGISTERING
        self.message = ""

    def progress(self, now_s: float, lines: int = 0) -> PipelineProgress:
        """A snapshot with a line for each of up to `lines` apps."""
        phase, message = self._now(now_s)
        return PipelineProgress(
            pipeline_id=self._fleet.header.pipeline_id,
            phase=phase,
            message=message,
            total=self._fleet.total,
            finished=self._fleet.finished,
            in_flight=self._window.in_flight,
            parallelism=self._window.size,
            paused=self._window.paused,
            counts=self._fleet.ended.subjects(),
            beside=self._fleet.header.beside,
            apps=self._fleet.lines(lines) if lines else (),
            analyzers=self._admission.readiness,
            breakers=self._breakers.progress(),
        )

    def snapshot(self, now_s: float) -> Snapshot:
        """What people see, without the lines, which only have a number."""
        return Snapshot(self.progress(now_s), self._fleet.revision)

    def _now(self, now_s: float) -> tuple[PipelinePhase, str]:
        """The phase that people see, and a sentence about it."""
        if self.phase is PipelinePhase.REGISTERING and self._fleet.registered > 0:
            return self.phase, self._missing_pages()
        if self.phase is not PipelinePhase.RUNNING:
            return self.phase, self.message
        if self._window.paused:
            return PipelinePhase.PAUSED, "running tools finish, nothing new starts"
        if waiting_for := self._breakers.waiting_for(now_s):
            return PipelinePhase.WAITING, f"for {waiting_for}"
        ready = self._admission.readiness
        return (PipelinePhase.RUNNING if ready else PipelinePhase.PREFLIGHT), self.message

    def _missing_pages(self) -> str:
        pages = len(self._fleet.header.pages)
        missing = pages - -(-self._fleet.registered // PAGE_APPS)
        if missing <= 0:
            return ""
        return f"waits for {missing} of {pages} pages of its plan: submit it again"
