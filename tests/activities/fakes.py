"""Ports in memory, and one attempt of an activity."""

import asyncio
import contextlib
import dataclasses
import hashlib
import io
import tarfile
import uuid
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from contract.analysis import (
    AnalyzerReport,
    ArtifactRef,
    Coverage,
    MeasurementState,
    SubtaskRequest,
    ToolReport,
)
from contract.analyzers import AnalyzerKind
from contract.attempt import Beat
from contract.cells import ToolSeen, is_partial
from contract.errors import ErrorCode, PlatformError
from contract.findings import StoredSuppression
from contract.health import AnalyzerHealth, ToolHealth
from contract.outcome import SubtaskOutcome, ToolSummary
from contract.overview import AppsAsked, CellsLooked, LooksOverview
from contract.plan import AppChoice, AppEntry, PlanHeader, PlanPage
from contract.protocol import Progress
from contract.record import CellState, PipelineRecord, Revision, revision_of
from contract.role import AppRole
from contract.running import (
    AppCheck,
    RunningApp,
    RunningService,
    StartOutcome,
    SubtaskOrder,
    TeardownReport,
)
from contract.spec import AppRef, AppSpec, SourceRef
from contract.weakness import Weakness

STATIC = AnalyzerKind.STATIC
APP = AppSpec(
    pipeline_id="p",
    ref=AppRef(model="m", app_number=1),
    source=SourceRef(path="/apps/m/app1", digest="0"),
    analyzers=(STATIC,),
)
REQUEST = SubtaskOrder(
    subtask_id="p/m/app1/static",
    analyzer=STATIC,
    ref=APP.ref,
    source=APP.source,
    tools=("bandit", "ruff"),
)

RUNNING = RunningApp(
    workflow_id=APP.workflow_id,
    host="h1",
    engine="docker",
    services=(RunningService(service="app", container_id="c1", host_port=1),),
)


def environment(
    *,
    attempt: int = 1,
    beat: Beat | None = None,
    client: Client | None = None,
    workflow_id: str = "test",
) -> tuple[ActivityEnvironment, list[Beat]]:
    """An attempt and the heartbeats it sends; `beat` is what the attempt before sent last."""
    env = ActivityEnvironment(client=client) if client else ActivityEnvironment()
    beats: list[Beat] = []
    env.on_heartbeat = beats.append
    details = [] if beat is None else [beat.model_dump()]
    env.info = dataclasses.replace(
        ActivityEnvironment.default_info(),
        attempt=attempt,
        heartbeat_details=details,
        workflow_id=workflow_id,
        workflow_run_id="run-1",
    )
    return env, beats


def report(**update: Any) -> AnalyzerReport:
    """bandit measured; ruff says nothing."""
    bandit = ToolReport(
        tool="bandit",
        state=MeasurementState.MEASURED,
        coverage=Coverage(unit="files", reached=3),
    )
    whole = AnalyzerReport(
        subtask_id=REQUEST.subtask_id, analyzer=STATIC, tools=(bandit,), tool_seconds=2.0
    )
    return whole.model_copy(update=update)


@dataclasses.dataclass(frozen=True)
class Result:
    """What `analyze` answers with."""

    report: AnalyzerReport
    archive: Path
    log: list[str] = dataclasses.field(default_factory=list[str])

    async def discard(self) -> None:
        self.log.append("discard")


class FakeGateway:
    """Gives its answers in order, the last one for ever.

    `block` makes a run last until it is cancelled or detached, `fetching` the way of its result
    to us.
    """

    def __init__(self, folder: Path, *answers: AnalyzerReport | PlatformError) -> None:
        self._folder = folder
        self._answers = list(answers)
        self.log: list[str] = []
        self.block: asyncio.Event | None = None
        self.fetching: asyncio.Event | None = None

    async def health(self, analyzer: AnalyzerKind) -> AnalyzerHealth:
        """Up, with one blind tool; AI is unreachable."""
        if analyzer is AnalyzerKind.AI:
            raise PlatformError(ErrorCode.UNAVAILABLE, "connection refused")
        tools = (ToolHealth(name="bandit", ok=True), ToolHealth(name="ruff", ok=False))
        return AnalyzerHealth(analyzer=analyzer, ok=analyzer is STATIC, tools=tools)

    async def analyze(
        self,
        request: SubtaskRequest,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[], None],
    ) -> Result:
        """One archive per call."""
        self.log.append("analyze")
        if self.block is not None or not isinstance(self._answers[0], PlatformError):
            running = ("bandit",)
            on_progress(Progress(subtask_id=request.subtask_id, done=0, total=2, running=running))
        if self.block is not None:
            try:
                await self.block.wait()
            except asyncio.CancelledError:
                self.log.append("cancelled")
                raise
            raise PlatformError(ErrorCode.UNAVAILABLE, "detached")
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, PlatformError):
            raise answer
        on_end()
        if self.fetching is not None:
            await self.fetching.wait()
        path = self._folder / "result.tar"
        path.write_bytes(archive(answer))
        return Result(report=answer, archive=path, log=self.log)

    async def acknowledge(self, subtask_id: str, analyzer: AnalyzerKind) -> None:
        self.log.append("acknowledge")

    async def detach(self, request: SubtaskRequest) -> None:
        self.log.append("detach")
        assert self.block is not None
        self.block.set()


def archive(whole: AnalyzerReport) -> bytes:
    """A result archive of one member."""
    raw = whole.model_dump_json().encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("report.json")
        member.size = len(raw)
        tar.addfile(member, io.BytesIO(raw))
    return buffer.getvalue()


class FakeArtifacts:
    """Content by digest; `log` is shared with the gateway to see the order."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.content: dict[str, bytes] = {}
        self.keys: dict[str, ArtifactRef] = {}

    async def put_file(self, path: Path, name: str) -> ArtifactRef:
        return await self.put_bytes(path.read_bytes(), name)

    async def put_bytes(self, data: bytes, name: str) -> ArtifactRef:
        digest = hashlib.sha256(data).hexdigest()
        self.content[digest] = data
        return ArtifactRef(key=digest, sha256=digest, size_bytes=len(data), name=name)

    async def get(self, ref: ArtifactRef) -> bytes:
        if ref.key not in self.content:
            raise PlatformError(ErrorCode.NOT_FOUND, f"{ref.name} is not here")
        return self.content[ref.key]

    async def cache(self, key: str, ref: ArtifactRef) -> None:
        self.log.append(f"cache {key.split('/')[0]}")
        self.keys[key] = ref

    async def cached(self, key: str) -> ArtifactRef | None:
        return self.keys.get(key)


class FakeRuntime:
    """A host whose start fails or blocks, and whose app looks as told."""

    host = "h1"

    def __init__(self) -> None:
        self.log: list[str] = []
        self.fault: PlatformError | None = None
        self.block = False
        self.looks = 0
        self.checks: list[AppCheck | PlatformError] = []
        self.owned: list[str] = []
        self.stuck: set[str] = set()

    async def prepare(
        self, app: AppSpec, run_id: str, on_progress: Callable[[str], None]
    ) -> StartOutcome:
        self.log.append(f"prepare {run_id}")
        if self.fault:
            raise self.fault
        if self.block:
            await asyncio.Event().wait()
        return StartOutcome(phase="built", host=self.host)

    async def start(
        self,
        app: AppSpec,
        run_id: str,
        on_progress: Callable[[str], None],
        on_built: Callable[[], None],
    ) -> StartOutcome:
        on_progress("building the image")
        self.log.append(f"start {run_id}")
        if self.fault:
            raise self.fault
        on_built()
        if self.block:
            await asyncio.Event().wait()
        return StartOutcome(host=self.host, phase="build", reason="no Dockerfile")

    async def check(self, app: RunningApp) -> AppCheck:
        """Its answers in order, then always alive."""
        self.looks += 1
        answer = self.checks.pop(0) if self.checks else AppCheck(alive=True)
        if isinstance(answer, PlatformError):
            raise answer
        return answer

    async def teardown(self, workflow_id: str) -> TeardownReport:
        self.log.append(f"teardown {workflow_id}")
        if workflow_id in self.stuck:
            raise PlatformError(ErrorCode.INTERNAL, "volume busy")
        return TeardownReport(containers=1)

    async def owned_workflows(self) -> list[str]:
        return self.owned

    async def prune(self) -> int:
        return 42

    async def probe(self) -> None:
        if self.fault:
            raise self.fault


class FakeResults:
    """Remembers calls."""

    def __init__(self, record: PipelineRecord | None = None) -> None:
        self.record = record or PipelineRecord(pipeline_id="p", state="running")
        self.subtasks: list[tuple[str, AnalyzerReport | None]] = []
        self.apps: list[str] = []
        self.listed: dict[AppRef, tuple[Weakness, ...] | None] = {}
        self.stands: tuple[ToolSummary, ...] = ()
        self.header: PlanHeader | None = None
        self.entries: list[AppEntry] = []

    async def register_page(
        self, header: PlanHeader, page: PlanPage, at: datetime | None = None
    ) -> None:
        raise PlatformError(ErrorCode.ALREADY_EXISTS, "p stands for another plan")

    async def load_header(self, pipeline_id: str) -> PlanHeader:
        if self.header is None:
            raise PlatformError(ErrorCode.NOT_FOUND, f"no pipeline {pipeline_id}")
        return self.header

    async def read_apps(self, pipeline_id: str, positions: Collection[int]) -> list[AppEntry]:
        return [entry for entry in self.entries if entry.position in positions]

    async def apps_to_retry(self, pipeline_id: str, labels: Collection[str]) -> list[AppChoice]:
        raise PlatformError(ErrorCode.INVALID_ARGUMENT, f"no app {labels!r} in this pipeline")

    async def record_subtask(
        self,
        pipeline_id: str,
        app: AppSpec,
        outcome: SubtaskOutcome,
        report: AnalyzerReport | None,
        at: datetime | None = None,
    ) -> tuple[ToolSummary, ...]:
        self.subtasks.append((outcome.subtask_id, report))
        return self.stands or outcome.tools

    async def record_app(self, app: AppSpec, outcome: Any) -> None:
        self.apps.append(app.key)

    async def record_pipeline_state(
        self, pipeline_id: str, state: str, detail: Any, at: datetime | None = None
    ) -> None:
        raise PlatformError(ErrorCode.UNAVAILABLE, "the store is gone")

    async def revision_of_role(self, pipeline_id: str, role: AppRole) -> Revision:
        apps = [app.ref for app in self.record.apps if app.role is role]
        return revision_of(None, (c.identity for c in self.record.cells if c.ref in apps))

    async def load_apps(self, pipeline_id: str, only: Collection[AppRef]) -> PipelineRecord:
        whole = await self.load_pipeline(pipeline_id)
        mine = {
            name: tuple(item for item in getattr(whole, name) if item.ref in only)
            for name in ("apps", "cells", "fused")
        }
        return whole.model_copy(update=mine)

    async def looks_overview(self, pipeline_id: str, only: AppRef | None = None) -> LooksOverview:
        whole = await self.load_pipeline(pipeline_id)
        apps = {app.ref: app for app in whole.apps}
        return LooksOverview(
            state=whole.state,
            apps=tuple(
                AppsAsked(model=app.ref.model, role=app.role, state=app.state, apps=1)
                for app in whole.apps
            ),
            cells=tuple(
                CellsLooked(
                    model=cell.ref.model,
                    role=apps[cell.ref].role,
                    analyzer=cell.analyzer,
                    tool=cell.tool,
                    state=cell.state,
                    cells=1,
                    partial=is_partial(cell.report.coverage),
                )
                for cell in whole.cells
            ),
            tools=tuple(ToolSeen(cell.analyzer, cell.tool) for cell in whole.cells),
        )

    async def replace_weaknesses(
        self,
        pipeline_id: str,
        app: AppRef,
        weaknesses: Sequence[Weakness] | None,
        made_of: Revision | None = None,
    ) -> None:
        self.listed[app] = None if weaknesses is None else tuple(weaknesses)

    async def cells_overview(self, pipeline_id: str) -> AsyncGenerator[list[CellState]]:
        yield [CellState.of(cell) for cell in (await self.load_pipeline(pipeline_id)).cells]

    async def suppressions(self, pipeline_ids: Collection[str]) -> list[StoredSuppression]:
        return []

    async def load_pipeline(self, pipeline_id: str) -> PipelineRecord:
        return self.record

    async def load_outline(self, pipeline_id: str, app: AppRef | None = None) -> PipelineRecord:
        cells = tuple(cell for cell in self.record.cells if app in (None, cell.ref))
        return self.record.model_copy(update={"cells": cells})

    async def probe(self) -> None:
        return None


@contextlib.asynccontextmanager
async def owner(client: Client, *, runs: bool) -> AsyncGenerator[str]:
    """ID of a workflow that runs, or has been terminated."""
    name = f"owner-{uuid.uuid4().hex}"
    handle = await client.start_workflow("Nobody", id=name, task_queue=name)
    if not runs:
        await handle.terminate()
    yield name
    if runs:
        await handle.terminate()


def given_up(why: str) -> activity.ActivityCancellationDetails:
    """What an attempt is told when it ends for `why`."""
    return activity.ActivityCancellationDetails(**{why: True})
