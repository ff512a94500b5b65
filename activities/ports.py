"""The ports: what activities need, and adapters in `clients/` and `store/` provide."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from contract.alert import Notice
from contract.analysis import AnalyzerReport, ArtifactRef
from contract.findings import FindingsPage, FindingsQuery, StoredSuppression
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.overview import LooksOverview, PipelineOverview
from contract.plan import AppChoice, AppEntry, PlanHeader, PlanPage
from contract.record import CellState, PipelineRecord, Revision
from contract.role import AppRole
from contract.running import AppCheck, RunningApp, StartOutcome, TeardownReport
from contract.spec import AppRef, AppSpec
from contract.weakness import Suppression, Weakness


class AppWatch(Protocol):
    """Checks running apps of this host."""

    async def check(self, app: RunningApp) -> AppCheck:
        """Whether the same processes still run and answer.

        Raises:
            PlatformError: the engine cannot be asked.
        """
        ...


class AppRuntime(Protocol):
    """Builds, runs, checks and removes apps on this host."""

    async def prepare(
        self, app: AppSpec, run_id: str, on_progress: Callable[[str], None]
    ) -> StartOutcome:
        """Build what `start` would build, and start nothing; the phase is `built` or `build`.

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
        """Build and start `app`, or take over what an earlier attempt of its workflow left.

        Args:
            app: what to start.
            run_id: run of the workflow that asks.
            on_progress: called with a sentence for people, from time to time.
            on_built: called when all is built; from then on the call waits for the app's answer.

        Raises:
            PlatformError: the platform is at fault (no engine, disk full); never the app.
        """
        ...

    async def check(self, app: RunningApp) -> AppCheck:
        """Whether the same containers still run and answer, and where the analyzers find them."""
        ...

    async def teardown(self, workflow_id: str) -> TeardownReport:
        """Remove everything that is labelled with `workflow_id`; there may be nothing.

        Raises:
            PlatformError: the engine is unreachable.
        """
        ...

    async def owned_workflows(self) -> Sequence[str]:
        """IDs of the workflows to which anything on this host belongs (for the janitor)."""
        ...

    async def prune(self) -> int:
        """Remove our images above the disk limit, longest unused first; the bytes freed."""
        ...

    async def probe(self) -> None:
        """Whether apps can be started here, within seconds.

        Raises:
            PlatformError: the engine does not answer. A host that never had an engine is sound.
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

    async def register_page(
        self, header: PlanHeader, page: PlanPage, at: datetime | None = None
    ) -> None:
        """Rows of the pipeline and of these apps (unique on pipeline, model, app number).

        A plan that only adds apps to the registered one extends it. A new pipeline was created at
        the moment `at`, or now.

        Raises:
            PlatformError: ALREADY_EXISTS when the ID stands for a different plan.
        """
        ...

    async def load_header(self, pipeline_id: str) -> PlanHeader:
        """The plan of a pipeline without its apps.

        Raises:
            PlatformError: NOT_FOUND.
        """
        ...

    async def read_apps(self, pipeline_id: str, positions: Collection[int]) -> Sequence[AppEntry]:
        """Apps at these positions of the fleet, in order, with what is recorded of them."""
        ...

    async def apps_to_retry(self, pipeline_id: str, labels: Collection[str]) -> Sequence[AppChoice]:
        """The apps that `labels` name; without labels, those that lack a measurement.

        Raises:
            PlatformError: INVALID_ARGUMENT for a label that names none; FAILED_PRECONDITION for one
                of a control app that was measured.
        """
        ...

    async def record_subtask(
        self,
        pipeline_id: str,
        app: AppSpec,
        outcome: SubtaskOutcome,
        report: AnalyzerReport | None,
        at: datetime | None = None,
    ) -> tuple[ToolSummary, ...]:
        """One row per cell, with findings and metrics; answers with all cells of the subtask now.

        They were recorded at the moment `at`, or now. Replaces what the subtask left before, but
        nothing measured by what is not.
        """
        ...

    async def record_app(self, app: AppSpec, outcome: AppOutcome) -> None:
        """State, reason and logs of one app."""
        ...

    async def record_pipeline_state(
        self, pipeline_id: str, state: str, detail: dict[str, Any], at: datetime | None = None
    ) -> None:
        """State of the whole pipeline (`running`, `completed`, `cancelled`, `failed`) since `at`.

        Left out, `at` is now.
        """
        ...

    async def replace_weaknesses(
        self,
        pipeline_id: str,
        app: AppRef,
        weaknesses: Sequence[Weakness] | None,
        made_of: Revision | None = None,
    ) -> None:
        """List the weaknesses of one app, gravest first, in place of those listed before.

        None: they cannot be listed. Nothing changes if its record is not `made_of` any more.

        Raises:
            PlatformError: NOT_FOUND: there is no such app.
        """
        ...

    async def findings_page(self, query: FindingsQuery) -> FindingsPage:
        """One page of the weaknesses that `query` wants.

        Raises:
            PlatformError: NOT_FOUND: there is no such pipeline; INVALID_ARGUMENT: its cursor is
                none.
        """
        ...

    async def looks_overview(self, pipeline_id: str, only: AppRef | None = None) -> LooksOverview:
        """Where its tools should look, and where they did, on all apps or on one.

        Raises:
            PlatformError: NOT_FOUND.
        """
        ...

    async def overview(self, pipeline_id: str) -> PipelineOverview:
        """The pipeline in counts.

        Raises:
            PlatformError: NOT_FOUND.
        """
        ...

    async def suppress(self, pipeline_id: str, decision: Suppression) -> bool:
        """Keep a decision for a pipeline; False: it was there like this already."""
        ...

    async def unsuppress(self, pipeline_id: str, decision: Suppression) -> bool:
        """Forget the decision about the same weaknesses; False: there is none."""
        ...

    async def suppressions(self, pipeline_ids: Collection[str]) -> Sequence[StoredSuppression]:
        """The decisions that were kept for these pipelines, expired ones too."""
        ...

    async def revision_of_role(self, pipeline_id: str, role: AppRole) -> Revision:
        """Another one after each change of the cells of the apps of one role."""
        ...

    async def load_apps(self, pipeline_id: str, only: Collection[AppRef]) -> PipelineRecord:
        """All that the report needs of some apps: at most 50 at once."""
        ...

    def cells_overview(self, pipeline_id: str) -> AsyncIterator[Sequence[CellState]]:
        """The states of all cells, some apps at a time; all cells of an app come together."""
        ...

    async def load_outline(self, pipeline_id: str, app: AppRef | None = None) -> PipelineRecord:
        """The pipeline without findings and metrics; with `app`, that app alone and its cells.

        Raises:
            PlatformError: NOT_FOUND.
        """
        ...

    async def probe(self) -> None:
        """Raise a `PlatformError` if it does not answer."""
        ...


class Notifier(Protocol):
    """Tells the receivers that the alerts file names."""

    async def send(self, notice: Notice) -> tuple[str, ...]:
        """Send to every receiver; what went wrong, one sentence per receiver that failed.

        A receiver that refuses, hangs or is away raises nothing; the call takes 30 s at most.
        """
        ...
