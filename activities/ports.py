"""The ports: what activities need, and adapters in `clients/` and `store/` provide."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from contract.analysis import AnalyzerReport, ArtifactRef, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.health import AnalyzerHealth
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.protocol import Progress
from contract.record import PipelineRecord
from contract.running import AppCheck, RunningApp, StartOutcome, TeardownReport
from contract.spec import AppSpec, PipelinePlan


class AnalyzerResult(Protocol):
    """A finished subtask: the parsed `report.json` and the whole result archive on local disk."""

    @property
    def report(self) -> AnalyzerReport:
        """All cells of the subtask."""
        ...

    @property
    def archive(self) -> Path:
        """Tar file, `report.json` first; gone after `acknowledge`."""
        ...


class AnalyzerGateway(Protocol):
    """Speaks protocol v1 to the analyzers."""

    async def health(self, analyzer: AnalyzerKind) -> AnalyzerHealth:
        """Ask `GET /health`, cached 5 s. A dead analyzer is `ok=False`, not an exception."""
        ...

    async def analyze(
        self,
        request: SubtaskRequest,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[], None],
    ) -> AnalyzerResult:
        """Run or re-attach to the subtask and fetch its result into a private folder.

        `on_end` is called, if that is seen, when the run is over and its result begins to come.

        A cancelled call sends `cancel` and waits until the analyzer has ended the run.

        Raises:
            PlatformError: the analyzer is unreachable, refused, or failed.
        """
        ...

    async def acknowledge(self, subtask_id: str, analyzer: AnalyzerKind) -> None:
        """Tell the analyzer that the result is safe; forgets local copies too. Best effort."""
        ...

    async def detach(self, request: SubtaskRequest) -> None:
        """Drop the connection of a running `analyze` but let the run go on; `analyze` re-attaches.

        It is the call that got this very object: another attempt's, for an equal one, goes on.
        The pending call ends with a `PlatformError`. For an attempt that is given up on.
        """
        ...


class AppWatch(Protocol):
    """Looks at a running app of this host."""

    async def check(self, app: RunningApp) -> AppCheck:
        """Whether the same processes still run and answer.

        Raises:
            PlatformError: the engine cannot be asked.
        """
        ...


class AppRuntime(Protocol):
    """Builds, runs, checks and removes apps on this host."""

    @property
    def host(self) -> str:
        """Name of this host, stable over restarts."""
        ...

    async def prepare(
        self, app: AppSpec, run_id: str, on_progress: Callable[[str], None]
    ) -> StartOutcome:
        """Build what `start` would build; nothing of it runs. Its phase is `built`, or `build`.

        Raises:
            PlatformError: as `start`.
        """
        ...

    async def start(
        self,
        app: AppSpec,
        run_id: str,
        on_progress: Callable[[str], None],
        on_built: Callable[[], None],
    ) -> StartOutcome:
        """Build and start `app`, or adopt what an earlier attempt of the same workflow left.

        `on_built` is called when all is built: from then on it waits until the app answers.

        Raises:
            PlatformError: the platform is at fault (no engine, disk full); never the app.
        """
        ...

    async def check(self, app: RunningApp) -> AppCheck:
        """Whether the same containers still run and answer; resolves targets for the analyzers."""
        ...

    async def teardown(self, workflow_id: str) -> TeardownReport:
        """Remove everything labelled with `workflow_id`. Safe to repeat, even with nothing there.

        Raises:
            PlatformError: the engine is unreachable.
        """
        ...

    async def owned_workflows(self) -> Sequence[str]:
        """Workflow IDs that own at least one resource on this host (for the janitor)."""
        ...

    async def prune(self) -> int:
        """Remove images of ours, longest unused first, above the disk limit; bytes freed."""
        ...

    async def probe(self) -> None:
        """Whether apps can be started here, within seconds.

        Raises:
            PlatformError: the engine does not answer. A host that never had one is no fault.
        """
        ...


class ArtifactStore(Protocol):
    """Immutable, content-addressed, zstd-compressed files written by atomic rename."""

    async def put_file(self, path: Path, name: str) -> ArtifactRef:
        """Store a file's content. Storing the same content twice keeps one copy."""
        ...

    async def put_bytes(self, data: bytes, name: str) -> ArtifactRef:
        """Store bytes; same rules as `put_file`."""
        ...

    async def get(self, ref: ArtifactRef) -> bytes:
        """Content of a small artifact, verified against its digest.

        Raises:
            PlatformError: NOT_FOUND, or DATA_LOSS when the digest differs.
        """
        ...

    async def cache(self, key: str, ref: ArtifactRef) -> None:
        """Remember `ref` under an idempotency key; a later call replaces it."""
        ...

    async def cached(self, key: str) -> ArtifactRef | None:
        """The artifact that is cached under `key`, if its content is still here."""
        ...


class ResultStore(Protocol):
    """The projection that reports read. Every write is an upsert: twice changes nothing."""

    async def register_pipeline(self, plan: PipelinePlan) -> None:
        """Rows of the pipeline and of each app (unique on pipeline, model, app number).

        A plan that only adds apps to the registered one extends it.

        Raises:
            PlatformError: ALREADY_EXISTS when the ID stands for a different plan.
        """
        ...

    async def record_subtask(
        self, pipeline_id: str, app: AppSpec, outcome: SubtaskOutcome, report: AnalyzerReport | None
    ) -> tuple[ToolSummary, ...]:
        """One row per cell, with findings and metrics; answers with all cells of the subtask now.

        Replaces what the subtask left before, but nothing measured by what is not.
        """
        ...

    async def record_app(self, app: AppSpec, outcome: AppOutcome) -> None:
        """State, reason and logs of one app."""
        ...

    async def record_pipeline_state(
        self, pipeline_id: str, state: str, detail: dict[str, Any]
    ) -> None:
        """State of the whole pipeline (`running`, `completed`, `cancelled`, `failed`)."""
        ...

    async def load_pipeline(self, pipeline_id: str) -> PipelineRecord:
        """All that the report needs.

        Raises:
            PlatformError: NOT_FOUND.
        """
        ...

    async def probe(self) -> None:
        """Whether it answers.

        Raises:
            PlatformError: it does not.
        """
        ...


class ReportWriter(Protocol):
    """Keeps the files of reports."""

    async def write(self, pipeline_id: str, files: Mapping[str, bytes]) -> Mapping[str, str]:
        """Write each file by atomic rename, replacing earlier ones; absolute paths by name."""
        ...
