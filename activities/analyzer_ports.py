"""The port of the analyzers: the gateway that speaks their protocol."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from contract.analysis import AnalyzerReport, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.health import AnalyzerHealth
from contract.protocol import Progress


class AnalyzerResult(Protocol):
    """A finished subtask: the parsed `report.json` and the whole result archive on local disk."""

    @property
    def report(self) -> AnalyzerReport:
        """All cells of the subtask."""
        ...

    @property
    def archive(self) -> Path:
        """Tar file, `report.json` first; gone after `discard` or `acknowledge`."""
        ...

    async def discard(self) -> None:
        """Remove the local copy of the archive; the analyzer keeps its own. Safe to repeat."""
        ...


class AnalyzerGateway(Protocol):
    """Speaks protocol v1 to the analyzers."""

    async def health(self, analyzer: AnalyzerKind) -> AnalyzerHealth:
        """The answer of `GET /health`, cached 5 s. A dead analyzer is `ok=False`, no exception."""
        ...

    async def analyze(
        self,
        request: SubtaskRequest,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[], None],
    ) -> AnalyzerResult:
        """Run the subtask, or join its run, and fetch the result into a private folder.

        When this call is cancelled, it sends `cancel` and waits until the analyzer has ended the
        run.

        Args:
            request: what to measure; its `subtask_id` names the run.
            on_progress: called with each progress that the analyzer sends.
            on_end: called when the run is over and its result begins to come; perhaps never.

        Raises:
            PlatformError: the analyzer is unreachable, refused, or failed.
        """
        ...

    async def acknowledge(self, subtask_id: str, analyzer: AnalyzerKind) -> None:
        """Tell the analyzer that the result is safe, and remove local copies; may fail silently."""
        ...

    async def detach(self, request: SubtaskRequest) -> None:
        """End a pending `analyze` with a `PlatformError`, but let its run go on.

        A later `analyze` joins that run. Only the call that got this very object is ended: another
        attempt's call with an equal request goes on.
        """
        ...
