"""What commands do to pipelines, in terms of workflow starts, queries, signals and updates."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.service import RPCError, RPCStatusCode

from cli.errors import UserError, explained
from cli.exits import Exit
from cli.program import command
from contract.errors import ErrorCode, PlatformError
from contract.ids import pipeline_workflow_id
from contract.progress import AppProgress, PipelinePhase, PipelineProgress, PipelineResult
from contract.record import PipelineRecord
from contract.spec import PipelinePlan
from control.doings import doings_of
from control.starting import current_plan, require_readable, start_pipeline
from control.time_left import Span
from workflows.search_attributes import STATE
from workflows.state import PipelineRun, resumed_state

ENDED = frozenset({PipelinePhase.COMPLETED, PipelinePhase.CANCELLED, PipelinePhase.FAILED})
_POLL_S = 0.5
_PATIENCE_S = 120.0
_QUERY_LIMIT = timedelta(seconds=10)
_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.FAILED_PRECONDITION,  # a query that no worker has polled for lately
    }
)
_Answer = TypeVar("_Answer")


class ServerAwayError(UserError):
    """Server or worker do not answer now; asked again, they may."""


class NoPipelineError(UserError):
    """The server knows no such pipeline."""


@dataclass(frozen=True, slots=True)
class Served:
    """A pipeline as the server lists it; `phase` is its own word, and lags a little."""

    id: str
    status: str
    phase: str
    started_at: datetime
    closed_at: datetime | None


async def submit(client: Client, plan: PipelinePlan) -> bool:
    """Start the pipeline; False when this very pipeline runs already and we only joined it.

    Raises:
        UserError: the ID stands for another plan, or for a pipeline that already ended.
    """
    id_ = plan.pipeline_id
    next_steps = {
        ErrorCode.ALREADY_EXISTS: f"see it with {command(f'report {id_}')}, repeat what failed "
        f"with {command(f'retry {id_}')}, or choose another --id",
        ErrorCode.FAILED_PRECONDITION: "choose another --id, or cancel the running one first",
    }
    try:
        handle = await start_pipeline(client, plan)
    except PlatformError as error:
        raise UserError(error.message, next_step=next_steps.get(error.code, "")) from error
    return handle.first_execution_run_id is not None


async def list_pipelines(client: Client) -> list[Served]:
    """Every pipeline the server knows, latest first."""
    return [
        Served(
            id=workflow.id.removeprefix("pipeline/"),
            status=workflow.status.name.lower() if workflow.status else "unknown",
            phase=workflow.typed_search_attributes.get(STATE) or "",
            started_at=workflow.start_time,
            closed_at=workflow.close_time,
        )
        async for workflow in client.list_workflows("WorkflowType = 'Pipeline'")
    ]


async def running_pipelines(client: Client) -> list[str]:
    """IDs of the pipelines that run at this moment; none where the server cannot say."""
    try:
        listed = [row.id for row in await list_pipelines(client) if row.status == "running"]
        # The list lags behind; a pipeline itself does not.
        return [id_ for id_ in listed if await Pipeline(client, id_).is_running()]
    except (RPCError, UserError):
        return []


class Pipeline:
    """One pipeline on a server.

    Every method raises `UserError` when there is no such pipeline.
    """

    def __init__(self, client: Client, pipeline_id: str) -> None:
        self.id = pipeline_id
        self._client = client
        self._handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(
            pipeline_workflow_id(pipeline_id), result_type=PipelineResult
        )

    async def progress(self) -> PipelineProgress:
        """A snapshot by its worker, also of a pipeline that ended."""
        try:
            return await self._handle.query(
                "progress", result_type=PipelineProgress, rpc_timeout=_QUERY_LIMIT
            )
        except RPCError as error:
            if error.status in _AWAY:  # a worker that cannot read a history never answers
                await require_readable(self._client, self.id)
            raise self._explain(error) from error
        except WorkflowQueryFailedError as error:
            # A worker on a loaded host may take too long to look the pipeline up anew.
            raise ServerAwayError(
                f"pipeline {self.id} cannot say where it is: {error.message}",
                next_step="ask again; the worker's log says more if that does not help",
                code=Exit.UNAVAILABLE,
            ) from error

    async def updates(self) -> AsyncIterator[PipelineProgress]:
        """Snapshots until the pipeline ends, with what each app does now; the last one is final."""
        while True:
            progress, running = await self._patiently(self.snapshot)
            yield progress
            if not running:
                return
            await asyncio.sleep(_POLL_S)

    async def snapshot(self) -> tuple[PipelineProgress, bool]:
        """Where it is, with what each app does now, and whether it runs."""
        described = await self._describe()
        status = described.status
        progress = await self.progress()
        running = status is WorkflowExecutionStatus.RUNNING
        if running:
            doings = await doings_of(described)
            apps = tuple(_closer(app, doings) for app in progress.apps)
            progress = progress.model_copy(update={"apps": apps})
        elif progress.phase not in ENDED:  # whoever ended it did not ask it
            message = f"its workflow was {status.name.lower() if status else 'ended'}"
            update = {"phase": PipelinePhase.FAILED, "message": message}
            progress = progress.model_copy(update=update)
        return progress, running

    async def _patiently(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """What `ask` answers; a server or a worker that restarts is waited for."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return await ask()
            except ServerAwayError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_POLL_S)

    async def is_running(self) -> bool:
        """Whether the workflow is open."""
        return await self._status() is WorkflowExecutionStatus.RUNNING

    async def _status(self) -> WorkflowExecutionStatus | None:
        return (await self._describe()).status

    async def _describe(self) -> WorkflowExecutionDescription:
        try:
            return await self._handle.describe()
        except RPCError as error:
            raise self._explain(error) from error

    async def spans(self, limit: int = 60) -> list[Span]:
        """When the apps of its present run began and ended, the latest ones; by a list that lags.

        Raises:
            RPCError: the server does not answer.
        """
        began = (await self._handle.describe()).start_time
        apps = f'AssayPipeline="{self.id}" AND WorkflowType="AnalyzeApp"'
        listed = self._client.list_workflows(apps, limit=limit)
        spans = [Span(app.start_time, app.close_time) async for app in listed]
        return [span for span in spans if span.started >= began]

    async def result(self) -> PipelineResult:
        """Wait for the end."""
        return await self._handle.result()

    async def signal(self, name: str) -> None:
        """Send a signal without arguments."""
        try:
            await self._handle.signal(name)
        except RPCError as error:
            raise self._explain(error) from error

    async def update(self, name: str, *arguments: Any) -> Any:
        """Execute an update; a validator's refusal becomes the error's text."""
        try:
            return await self._handle.execute_update(name, args=list(arguments))
        except WorkflowUpdateFailedError as error:
            cause = error.cause or error
            raise UserError(f"{name} refused: {getattr(cause, 'message', cause)}") from error
        except RPCError as error:
            raise self._explain(error) from error

    async def reopen(self, record: PipelineRecord, apps: list[str]) -> list[str]:
        """Start an ended pipeline again for `apps` (`model/appN`), or all that lack a measurement.

        Answers what will run; nothing is started when that is nothing.
        """
        known = {app.ref.label for app in record.apps}
        unknown = [app for app in apps if app not in known]
        if unknown:
            raise UserError(
                f"pipeline {self.id} has no {', '.join(unknown)}",
                next_step=f"its apps: {', '.join(sorted(known))}",
            )
        state = resumed_state(record, tuple(apps))
        if state.pending:
            plan = await self._recorded_plan(known)
            await start_pipeline(self._client, PipelineRun.of(plan, state), again=True)
        return list(state.pending or ())

    async def _recorded_plan(self, known: set[str]) -> PipelinePlan:
        """The plan of exactly the apps the store knows: it refuses some, history forgets some."""
        plan = await current_plan(self._client, self.id)
        apps = {app.ref.label: app for app in plan.apps}
        lost = sorted(known - apps.keys())
        if lost:
            raise UserError(
                f"the history of pipeline {self.id} no longer tells of {', '.join(lost)}",
                next_step="submit the fleet under another --id",
            )
        return plan.model_copy(update={"apps": tuple(apps[key] for key in apps if key in known)})

    def _explain(self, error: RPCError) -> UserError:
        if error.status is RPCStatusCode.NOT_FOUND:
            return NoPipelineError(
                f"no running pipeline {self.id}",
                next_step=f"{command('status')} lists those there are",
            )
        if error.status in _AWAY:
            return ServerAwayError(
                f"the Temporal server, or the worker, does not answer: {error.message}",
                next_step="see that both run; the pipeline goes on when they do",
                code=Exit.UNAVAILABLE,
            )
        return explained(error)


def _closer(app: AppProgress, doings: Mapping[str, str]) -> AppProgress:
    """The app with what its pending activities last said of themselves."""
    if app.state is not None or not app.workflow_id:
        return app
    return app.model_copy(update={"step": doings.get(app.ref.label, app.step)})
