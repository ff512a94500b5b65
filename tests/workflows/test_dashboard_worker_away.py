"""A pipeline whose worker dies while it is watched, and comes back."""

import asyncio
import uuid
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from contract.ids import pipeline_workflow_id
from contract.progress import AppProgress, PipelinePhase, PipelineProgress
from contract.spec import AppRef
from control.live_documents import LivePipeline
from control.watching import Watcher
from tests.support.dashboard_site import site_of
from tests.workflows.fake_platform import PATIENCE_S

LINE = AppProgress(ref=AppRef(model="m", app_number=1), step="static: 1/2 tools", workflow_id="w")


@workflow.defn(name="Pipeline")
class Answers:
    """A pipeline that runs for ever, and says where it is when a worker has it."""

    @workflow.run
    async def run(self, pipeline_id: str) -> None:
        """Go on until the test ends."""
        self.id = pipeline_id
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def progress(self) -> PipelineProgress:
        """Where it is."""
        phase = PipelinePhase.RUNNING
        return PipelineProgress(pipeline_id=self.id, phase=phase, total=1, apps=(LINE,))


async def seen(watcher: Watcher, away: bool) -> LivePipeline:
    """How it looks once server and worker are away, or are not."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await watcher.look()
            if bool(found.away) is away:
                return found


async def test_a_worker_that_dies_is_told_and_what_is_known_stays_until_it_is_back(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control.watching._PATIENCE_S", 0.5)
    monkeypatch.setattr("control.watching._FIRST_PATIENCE_S", 2.0)
    name = f"t{uuid.uuid4().hex[:10]}"

    def worker() -> Worker:
        runner = UnsandboxedWorkflowRunner()
        return Worker(client, task_queue=name, workflows=[Answers], workflow_runner=runner)

    async def connect() -> Client:
        return client

    watcher = Watcher(connect, site_of(tmp_path).stored, name)
    handle = await client.start_workflow(
        Answers.run, name, id=pipeline_workflow_id(name), task_queue=name
    )
    async with worker():
        before = await seen(watcher, away=False)
    gone = await seen(watcher, away=True)
    async with worker():
        after = await seen(watcher, away=False)
    await handle.terminate()

    assert before.apps == gone.apps == after.apps == (LINE,)
    assert gone.away == "no worker answers for the pipeline"
    assert gone.away_since is not None
    assert gone.hosts is None
    assert gone.left_unknown == "not known: nobody answers"
    assert (after.away, after.away_since) == ("", None)
