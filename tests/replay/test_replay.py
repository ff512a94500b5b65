"""Workflows that are under way must go on under today's code (see `record.py`)."""

from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from workflows import WORKFLOWS
from workflows.state import PipelineRun

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


@workflow.defn(name="Pipeline", sandboxed=False)
class ChangedPipeline:
    """A pipeline that does something else first."""

    @workflow.run
    async def run(self, order: PipelineRun) -> None:
        await workflow.sleep(1)


def replayer(workflows: list[type]) -> Replayer:
    return Replayer(workflows=workflows, data_converter=pydantic_data_converter)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    history = WorkflowHistory.from_json(path.stem, path.read_text())

    result = await replayer(WORKFLOWS).replay_workflow(history)

    assert result.replay_failure is None


def test_every_workflow_has_a_history_but_those_of_schedules() -> None:
    assert len(HISTORIES) >= 10
    assert {path.stem.split("-")[0] for path in HISTORIES} == {"pipeline", "app", "guard", "scan"}


async def test_a_changed_workflow_is_noticed() -> None:
    path = next(path for path in HISTORIES if path.stem == "pipeline-measured")
    history = WorkflowHistory.from_json("w", path.read_text())

    with pytest.raises(workflow.NondeterminismError):
        await replayer([ChangedPipeline]).replay_workflow(history)
