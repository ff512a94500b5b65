"""Which engine a host uses, and who removes what the other one left."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clients.docker import DockerRuntime
from clients.host import HostRuntime
from clients.process import ProcessRuntime
from clients.process.state import Record, StateFolder
from clients.runtime import choose_runtime, host_runtime
from contract.errors import ErrorCode, PlatformError
from contract.running import StartOutcome, TeardownReport
from settings import Settings
from tests.support.fake_engine import FakeEngine, container
from tests.support.memory_artifacts import MemoryArtifacts

WORKFLOW = "pipeline/p/m/app1"
NOBODY = "unix:///nonexistent/docker.sock"


def settings_of(data: Path, engine: str = "auto") -> Settings:
    return Settings.model_construct(data=data, host="here", scope="test", engine=engine)


def test_a_daemon_that_died_is_waited_for_and_one_that_was_stopped_is_done_without(
    tmp_path: Path, engine: FakeEngine
):
    settings, artifacts = settings_of(tmp_path), MemoryArtifacts()
    deserted = tmp_path / "docker.sock"
    deserted.touch()
    first = choose_runtime(settings, artifacts, docker_host=f"unix://{deserted}")
    second = choose_runtime(settings, artifacts, docker_host=engine.address)

    with pytest.raises(PlatformError, match="ASSAY_ENGINE=process") as caught:
        choose_runtime(settings, artifacts, docker_host=f"unix://{deserted}")

    assert isinstance(first, ProcessRuntime)
    assert isinstance(second, DockerRuntime)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert isinstance(choose_runtime(settings, artifacts, docker_host=NOBODY), ProcessRuntime)
    asked = settings_of(tmp_path, "process")
    assert isinstance(choose_runtime(asked, artifacts, docker_host=NOBODY), ProcessRuntime)


@dataclass
class FakeRuntime:
    """Remembers whom it started and whom it removed."""

    started: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    async def start(self, app: Any, *_: object) -> StartOutcome:
        self.started.append(app.workflow_id)
        return StartOutcome()

    async def teardown(self, workflow_id: str) -> TeardownReport:
        self.removed.append(workflow_id)
        return TeardownReport()


async def test_a_daemon_that_comes_later_than_the_worker_runs_the_next_app():
    processes, docker = FakeRuntime(), FakeRuntime()
    answers: list[Any] = [PlatformError(ErrorCode.UNAVAILABLE, "no daemon"), docker]

    def later() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, PlatformError):
            raise answer
        return answer

    runtime = HostRuntime(processes, None, later)
    for name in ("before", "after", "again"):
        await runtime.start(SimpleNamespace(workflow_id=name), "run", lambda _: None)
    await runtime.teardown("before")

    assert (processes.started, docker.started) == (["before"], ["after", "again"])
    assert processes.removed == docker.removed == ["before"]


async def test_processes_left_by_a_worker_without_docker_are_removed(
    tmp_path: Path, engine: FakeEngine
):
    StateFolder(tmp_path / "processes").write(Record(WORKFLOW, "run", "digest"))
    runtime = host_runtime(settings_of(tmp_path), MemoryArtifacts(), docker_host=engine.address)

    assert await runtime.owned_workflows() == [WORKFLOW]
    await runtime.teardown(WORKFLOW)

    assert await runtime.owned_workflows() == []


async def test_containers_left_by_a_worker_with_docker_are_removed(
    tmp_path: Path, engine: FakeEngine
):
    choose_runtime(settings_of(tmp_path), MemoryArtifacts(), docker_host=engine.address)
    left: dict[str, Any] = container("c1")
    engine.has(left)
    engine.answers["GET /containers/json"][1][0]["Labels"] = {"dev.assay.workflow": WORKFLOW}
    asked = settings_of(tmp_path, "process")
    runtime = host_runtime(asked, MemoryArtifacts(), docker_host=engine.address)

    assert await runtime.owned_workflows() == [WORKFLOW]
    report = await runtime.teardown(WORKFLOW)

    assert report.containers == 1
    assert "DELETE /containers/c1" in engine.calls


async def test_a_former_engine_that_is_gone_keeps_nothing_from_being_removed(
    tmp_path: Path, engine: FakeEngine
):
    choose_runtime(settings_of(tmp_path), MemoryArtifacts(), docker_host=engine.address)
    asked = settings_of(tmp_path, "process")
    runtime = host_runtime(asked, MemoryArtifacts(), docker_host=engine.address)
    StateFolder(tmp_path / "processes").write(Record(WORKFLOW, "run", "digest"))
    engine.fails("GET /containers/json", "the engine shuts down")

    report = await runtime.teardown(WORKFLOW)

    assert "the engine shuts down" in report.facts.notes[-1]
    assert await runtime.owned_workflows() == []
