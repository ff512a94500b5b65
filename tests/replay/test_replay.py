"""Workflows that are under way must go on under today's code (see `record.py`)."""

from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.replay.kept import HISTORIES as FOLDER
from tests.replay.kept import histories_of_last_release, last_release, text_of
from workflows import WORKFLOWS
from workflows.state import PipelineRun

HISTORIES = sorted(FOLDER.glob("*.json"))
RELEASED = histories_of_last_release()


@workflow.defn(name="Pipeline", sandboxed=False)
class ChangedPipeline:
    """A pipeline that does something else first."""

    @workflow.run
    async def run(self, order: PipelineRun) -> None:
        await workflow.sleep(1)


def replayer(workflows: list[type]) -> Replayer:
    return Replayer(workflows=workflows, data_converter=pydantic_data_converter)


@pytest.mark.parametrize(
    "path", [*HISTORIES, *RELEASED], ids=lambda path: f"{path.parent.name}-{path.name}"
)
async def test_a_recorded_history_replays(path: Path) -> None:
    history = WorkflowHistory.from_json(path.stem, text_of(path))

    result = await replayer(WORKFLOWS).replay_workflow(history)

    assert result.replay_failure is None


def test_the_last_release_has_its_histories() -> None:
    """What is released is recorded before: `python -m tests.replay.record --release`."""
    assert len(RELEASED) >= 20
    assert {path.stem.split("-")[0] for path in RELEASED} == {"pipeline", "app", "guard"}


def test_the_last_release_is_the_latest_section_that_is_released() -> None:
    assert last_release("# Changelog\n\n## Unreleased\n\n## 0.3.1 (2027-01-02)\n\n## 0.3.0\n") == (
        "0.3.1"
    )


def test_every_workflow_has_a_history_but_those_of_schedules() -> None:
    assert len(HISTORIES) >= 10
    assert {path.stem.split("-")[0] for path in HISTORIES} == {"pipeline", "app", "guard", "scan"}


async def test_a_changed_workflow_is_noticed() -> None:
    path = next(path for path in HISTORIES if path.stem == "pipeline-measured")
    history = WorkflowHistory.from_json("w", path.read_text())

    with pytest.raises(workflow.NondeterminismError):
        await replayer([ChangedPipeline]).replay_workflow(history)
