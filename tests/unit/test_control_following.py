"""Following a pipeline: what it costs the server, and which silences are waited out."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode

from contract.attempt import Beat
from contract.progress import AppProgress, PipelinePhase, PipelineProgress
from contract.spec import AppRef
from control import pipelines
from control.errors import NoPipelineError, ServerAwayError
from control.pipelines import Pipeline


def unavailable() -> RPCError:
    return RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b"")


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Pipeline]:
    """A pipeline whose server answers `answers` in turn; `True`: it runs, an error: it is away."""
    monkeypatch.setattr(pipelines, "_POLL_S", 0)

    def make(*answers: bool | RPCError, silent: int = 0) -> Pipeline:
        left = iter(answers)
        failing = iter(range(silent))

        async def describe() -> Any:
            answer = next(left)
            if isinstance(answer, RPCError):
                raise answer
            status = WorkflowExecutionStatus
            return SimpleNamespace(
                status=status.RUNNING if answer else status.COMPLETED,
                raw_description=DescribeWorkflowExecutionResponse(),
            )

        async def query(*_: object, **__: object) -> PipelineProgress:
            if next(failing, None) is not None:
                raise WorkflowQueryFailedError("workflow didn't yield")
            return PipelineProgress(pipeline_id="p", phase=PipelinePhase.RUNNING)

        handle = SimpleNamespace(describe=describe, query=query)
        client: Any = SimpleNamespace(get_workflow_handle_for=lambda *_, **__: handle)
        return Pipeline(client, "p")

    return make


async def test_watching_rides_out_a_restart_of_the_server(
    pipeline: Callable[..., Pipeline],
) -> None:
    watched = pipeline(True, unavailable(), unavailable(), True, False)

    assert len([progress async for progress in watched.updates()]) == 3


async def test_watching_rides_out_a_worker_too_busy_to_look_the_pipeline_up(
    pipeline: Callable[..., Pipeline],
) -> None:
    watched = pipeline(True, True, True, False, silent=2)

    assert len([progress async for progress in watched.updates()]) == 2


async def test_watching_ends_when_the_server_stays_away(
    pipeline: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "_PATIENCE_S", -1)

    with pytest.raises(ServerAwayError, match="connection refused") as caught:
        [progress async for progress in pipeline(True, unavailable()).updates()]

    assert caught.value.next_step


async def test_watching_a_pipeline_that_is_not_there_ends_at_once(
    pipeline: Callable[..., Pipeline],
) -> None:
    gone = RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")

    with pytest.raises(NoPipelineError, match="no running pipeline p"):
        [progress async for progress in pipeline(gone).updates()]


class CountingServer:
    """A server with one pipeline of many running apps; counts what it is asked.

    It offers nothing but a description and the query of the pipeline's own workflow.
    """

    def __init__(self, apps: int) -> None:
        self.described = self.queried = 0
        self.refs = [AppRef(model="m", app_number=number) for number in range(1, apps + 1)]
        self.handles: list[str] = []

    def get_workflow_handle_for(self, _run: object, workflow_id: str) -> "CountingServer":
        self.handles.append(workflow_id)
        return self

    async def describe(self) -> Any:
        self.described += 1
        beat = Beat(message="", apps={ref.label: f"static: {ref.label}" for ref in self.refs})
        pending = PendingActivityInfo()
        pending.heartbeat_details.payloads.extend(await pydantic_data_converter.encode([beat]))
        return SimpleNamespace(
            status=WorkflowExecutionStatus.RUNNING,
            raw_description=DescribeWorkflowExecutionResponse(pending_activities=[pending]),
            data_converter=pydantic_data_converter,
        )

    async def query(self, *_: object, **__: object) -> PipelineProgress:
        self.queried += 1
        apps = tuple(AppProgress(ref=ref, step="started") for ref in self.refs)
        return PipelineProgress(pipeline_id="p", phase=PipelinePhase.RUNNING, apps=apps)


@pytest.mark.parametrize(("viewers", "apps"), [(1, 1), (7, 3), (3, 500)])
async def test_a_viewer_costs_one_description_and_one_query_however_many_apps_run(
    viewers: int, apps: int
) -> None:
    server: Any = CountingServer(apps)

    for _ in range(viewers):
        progress, running = await Pipeline(server, "p").snapshot()
        assert running
        assert [app.step for app in progress.apps] == [f"static: m/app{n + 1}" for n in range(apps)]

    assert (server.described, server.queried) == (viewers, viewers)
    assert set(server.handles) == {"pipeline/p"}
