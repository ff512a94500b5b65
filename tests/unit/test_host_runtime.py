"""Which engine a host uses, and who removes what the other one left."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients.docker import DockerRuntime
from clients.process import ProcessRuntime
from clients.process.state import Record, StateFolder
from clients.runtime import choose_runtime, host_runtime
from contract.errors import ErrorCode, PlatformError
from settings import Settings
from tests.support.fake_engine import FakeEngine, container, fake_engine
from tests.support.memory_artifacts import MemoryArtifacts

WORKFLOW = "pipeline/p/m/app1"
NOBODY = "unix:///nonexistent/docker.sock"


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with fake_engine() as engine:
        yield engine


def settings_of(data: Path, engine: str = "auto") -> Settings:
    return Settings.model_construct(data=data, host="here", scope="test", engine=engine)


def test_a_daemon_that_is_down_for_a_while_is_waited_for_not_replaced(
    tmp_path: Path, engine: FakeEngine
):
    settings, artifacts = settings_of(tmp_path), MemoryArtifacts()
    first = choose_runtime(settings, artifacts, docker_host=NOBODY)
    second = choose_runtime(settings, artifacts, docker_host=engine.address)

    with pytest.raises(PlatformError, match="ASSAY_ENGINE=process") as caught:
        choose_runtime(settings, artifacts, docker_host=NOBODY)

    assert isinstance(first, ProcessRuntime)
    assert isinstance(second, DockerRuntime)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    asked = settings_of(tmp_path, "process")
    assert isinstance(choose_runtime(asked, artifacts, docker_host=NOBODY), ProcessRuntime)


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

    assert "the engine shuts down" in report.notes[-1]
    assert await runtime.owned_workflows() == []
