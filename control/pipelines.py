"""What a program may do with pipelines: submit and list them, follow one, send it messages."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.service import RPCError

from contract.errors import PlatformError
from contract.ids import app_label, pipeline_workflow_id
from contract.progress import ENDED, PipelinePhase, PipelineProgress, PipelineResult
from contract.spec import AppRef, PipelinePlan, PlannedApp
from control.builds import build_listed, build_of, is_of_other_code
from control.doings import closer, doings_of
from control.errors import EndedError, NoPipelineError, ServerAwayError, StrandedError
from control.polling import answered, stranded
from control.prioritising import priority_told
from control.server_errors import AWAY, explained, refused
from control.starting import require_readable, start_pipeline
from control.time_left import Span
from control.updates import answer_of, asking
from workflows.pipeline import PipelineWorkflow
from workflows.search_attributes import STATE

_POLL_S = 0.5
_PATIENCE_S = 120.0
_QUERY_LIMIT = timedelta(seconds=10)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Served:
    """A pipeline as the server lists it; `phase`, set by the workflow, lags a little.

    Attributes:
        build_id: of the code that it is on; empty: of no version.
    """

    id: str
    status: str
    phase: str
    started_at: datetime
    closed_at: datetime | None
    build_id: str = ""


async def submit(client: Client, plan: PipelinePlan, started_by: str = "") -> bool:
    """Start the pipeline; False if it runs already with this very plan, and was joined.

    Args:
        client: of the server.
        plan: what is to be done.
        started_by: who starts it, as lists of pipelines tell it.

    Raises:
        AlreadyRanError: the ID stands for a pipeline that has ended.
        OtherPlanError: the ID stands for a running pipeline with another plan.
        PlatformError: the server does not take it.
    """
    handle = await start_pipeline(client, plan, started_by)
    return handle.first_execution_run_id is not None


async def list_pipelines(client: Client, since: datetime | None = None) -> list[Served]:
    """Every pipeline the server knows, latest first; with `since`, those that run or ended since.

    A pipeline that was run again is there once for each run.

    Raises:
        PlatformError: the server does not answer.
    """
    query = "WorkflowType = 'Pipeline'"
    if since is not None:
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query += f" AND (ExecutionStatus = 'Running' OR CloseTime > '{moment}')"
    try:
        listed = client.list_workflows(query)
        return [_served(workflow) async for workflow in listed]
    except RPCError as error:
        raise refused(error) from error


def _served(workflow: WorkflowExecution) -> Served:
    return Served(
        id=workflow.id.removeprefix("pipeline/"),
        status=workflow.status.name.lower() if workflow.status else "unknown",
        phase=workflow.typed_search_attributes.get(STATE) or "",
        started_at=workflow.start_time,
        closed_at=workflow.close_time,
        build_id=build_listed(workflow),
    )


async def running_pipelines(client: Client) -> list[str]:
    """IDs of the pipelines that run at this moment; none where the server cannot say."""
    try:
        return await all_running(client)
    except PlatformError:
        return []


async def all_running(client: Client) -> list[str]:
    """IDs of the pipelines that run at this moment.

    Raises:
        PlatformError: the server cannot say it of each.
    """
    listed = [row.id for row in await list_pipelines(client) if row.status == "running"]
    return [id_ for id_ in listed if await _still_runs(client, id_)]


async def _still_runs(client: Client, pipeline_id: str) -> bool:
    """What the pipeline itself says: the list lags behind."""
    with suppress(NoPipelineError):
        return await Pipeline(client, pipeline_id).is_running()
    return False


class Pipeline:
    """One pipeline on a server.

    Every method raises `NoPipelineError` when the server knows no such pipeline, `ServerAwayError`
    when it does not answer now, and `WrongInputError` for a message that the pipeline refuses.
    """

    def __init__(self, client: Client, pipeline_id: str) -> None:
        self.id = pipeline_id
        self.client = client
        self._handle: WorkflowHandle[PipelineWorkflow, PipelineResult] = (
            client.get_workflow_handle_for(PipelineWorkflow.run, pipeline_workflow_id(pipeline_id))
        )

    async def progress(self) -> PipelineProgress:
        """A snapshot by its worker, also of a pipeline that ended."""
        try:
            asked = self._handle.query(PipelineWorkflow.progress, rpc_timeout=_QUERY_LIMIT)
            return await answered(asked, self.stranded)
        except RPCError as error:
            if error.status in AWAY:
                if trouble := await self.stranded():
                    raise trouble from error
                # A worker that cannot read a history never answers.
                await require_readable(self.client, self.id)
            raise explained(error, self.id) from error
        except WorkflowQueryFailedError as error:
            # A worker on a loaded host may take too long to look the pipeline up anew.
            raise ServerAwayError(
                f"pipeline {self.id} cannot say where it is: {error.message}",
                next_step="ask again; the worker's log says more if that does not help",
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
        """Where it is, with what each app does now, and whether it runs.

        One description and one query of the pipeline's workflow, however many apps run.
        """
        described = await self._described()
        running = described.status is WorkflowExecutionStatus.RUNNING
        if not running and await is_of_other_code(self.client, described):
            raise NoPipelineError(self.id)  # no worker may be left that could tell
        progress = await self.progress()
        if running:
            doings = await doings_of(described)
            apps = tuple(closer(app, doings) for app in progress.apps)
            told = {"priority": priority_told(described), "build_id": build_of(described)}
            return progress.model_copy(update={"apps": apps, **told}), True
        if progress.phase not in ENDED:  # ended from outside, not by itself
            status = described.status.name.lower() if described.status else "ended"
            update = {"phase": PipelinePhase.FAILED, "message": f"its workflow was {status}"}
            progress = progress.model_copy(update=update)
        return progress, False

    async def _patiently(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """The answer of `ask`, which is repeated while the server or the worker restarts."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return await ask()
            except ServerAwayError as error:
                if isinstance(error, StrandedError) or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_POLL_S)

    async def is_running(self) -> bool:
        """Whether the workflow is open."""
        return (await self._described()).status is WorkflowExecutionStatus.RUNNING

    async def require_running(self) -> None:
        """Require that the pipeline runs.

        Raises:
            EndedError: it does not run any more.
        """
        if not await self.is_running():
            raise EndedError(self.id)

    async def stranded(self) -> StrandedError | None:
        """Why nobody works on it while it runs; None: somebody does, or nobody can say."""
        described = await self._described()
        if described.status is not WorkflowExecutionStatus.RUNNING:
            return None
        return await stranded(self.client, self.id, described)

    async def _described(self) -> WorkflowExecutionDescription:
        with asking("describe", self.id):
            return await self._handle.describe()

    async def spans(self, limit: int = 60) -> list[Span]:
        """When the latest apps of its present run began and ended; by a list that lags."""
        began = (await self._described()).start_time
        apps = f'AssayPipeline="{self.id}" AND WorkflowType="AnalyzeApp"'
        with asking("list", self.id):
            listed = self.client.list_workflows(apps, limit=limit)
            spans = [Span(a.start_time, a.close_time, app_label(a.id)) async for a in listed]
        return [span for span in spans if span.started >= began]

    async def result(self) -> PipelineResult:
        """Wait for the end."""
        return await self._handle.result()

    async def pause(self) -> None:
        """Start no new work; running tools finish."""
        with asking("pause", self.id):
            await self._handle.signal(PipelineWorkflow.pause)

    async def resume(self) -> None:
        """Go on after a pause."""
        with asking("resume", self.id):
            await self._handle.signal(PipelineWorkflow.resume)

    async def cancel(self) -> None:
        """End running tools, tear down, write the report of what there is."""
        with asking("cancel", self.id):
            await self._handle.signal(PipelineWorkflow.cancel)

    async def set_parallelism(self, apps: int) -> int:
        """Change how many apps are in flight at once."""
        with asking("set_parallelism", self.id):
            asked = self._handle.execute_update(PipelineWorkflow.set_parallelism, apps)
            return await answered(asked, self.stranded)

    async def reset_breaker(self, name: str) -> str:
        """Close a circuit breaker by hand; its state after that."""
        with asking("reset_breaker", self.id):
            asked = self._handle.execute_update(PipelineWorkflow.reset_breaker, name)
            return answer_of(await answered(asked, self.stranded))

    async def retry_failed(self, apps: Iterable[AppRef]) -> list[str]:
        """Run these apps again as a whole, or what is `infra_failed` when none is named."""
        with asking("retry_failed", self.id):
            names = [app.label for app in apps]
            asked = self._handle.execute_update(PipelineWorkflow.retry_failed, names)
            return answer_of(await answered(asked, self.stranded))

    async def add_apps(self, apps: Sequence[PlannedApp]) -> int:
        """Add apps to the fleet; how many it has then."""
        with asking("add_apps", self.id):
            asked = self._handle.execute_update(PipelineWorkflow.add_apps, list(apps))
            return answer_of(await answered(asked, self.stranded))
