"""What the Docker runtime does when engine, disk or images let it down."""

from collections.abc import AsyncIterator, Iterator

import pytest

from clients.docker import DockerRuntime
from contract.errors import PlatformError
from tests.support.fake_engine import FakeEngine, container, fake_engine
from tests.support.memory_artifacts import MemoryArtifacts

WORKFLOW = "pipeline/p/m/app1"


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with fake_engine() as engine:
        yield engine


@pytest.fixture
def artifacts() -> MemoryArtifacts:
    return MemoryArtifacts()


@pytest.fixture
async def runtime(engine: FakeEngine, artifacts: MemoryArtifacts) -> AsyncIterator[DockerRuntime]:
    runtime = DockerRuntime(
        host="here", scope="test", artifacts=artifacts, docker_host=engine.address
    )
    yield runtime
    await runtime.close()


async def test_a_full_disk_does_not_keep_an_apps_containers(
    engine: FakeEngine, runtime: DockerRuntime, artifacts: MemoryArtifacts
):
    engine.has(container("c1"))
    artifacts.full = True

    report = await runtime.teardown(WORKFLOW)

    assert "DELETE /containers/c1" in engine.calls
    assert (report.containers, report.logs) == (1, ())
    assert report.notes == ("app-web.log is not kept: the disk is full",)


async def test_an_unreadable_log_keeps_neither_its_container_nor_the_other_logs(
    engine: FakeEngine, runtime: DockerRuntime
):
    engine.has(container("c1", "api"))
    engine.has(container("c2", "web"))
    engine.fails("GET /containers/c1/logs", "invalid character in the log")

    report = await runtime.teardown(WORKFLOW)

    assert report.containers == 2
    assert [log.name for log in report.logs] == ["app-web.log"]
    assert "invalid character" in report.notes[0]


async def test_a_container_that_cannot_be_inspected_is_removed_all_the_same(
    engine: FakeEngine, runtime: DockerRuntime
):
    engine.has(container("c1"))
    engine.fails("GET /containers/c1/json", "layer does not exist")

    report = await runtime.teardown(WORKFLOW)

    assert "DELETE /containers/c1" in engine.calls
    assert "layer does not exist" in report.notes[0]


async def test_an_engine_that_does_not_remove_fails_the_teardown(
    engine: FakeEngine, runtime: DockerRuntime
):
    engine.has(container("c1"))
    engine.fails("DELETE /containers/c1", "device or resource busy")

    with pytest.raises(PlatformError, match="busy"):
        await runtime.teardown(WORKFLOW)
