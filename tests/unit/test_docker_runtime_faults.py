"""What the Docker runtime does when engine, disk or images let it down."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from clients.appfolder import ServicePlan
from clients.docker import AppLimits, DockerRuntime
from clients.docker.base_images import BaseImages
from clients.docker.cgroup import BuildCgroups
from clients.docker.containers import Containers
from clients.docker.images import BuildFault, Images
from clients.docker.labels import Labels
from clients.docker.stream import EngineStream
from contract.analysis import AnalyzerKind, SourceRef
from contract.errors import ErrorCode, PlatformError
from contract.spec import AppRef, AppSpec
from tests.support.fake_engine import FakeEngine, container, fake_engine
from tests.support.memory_artifacts import MemoryArtifacts

WORKFLOW = "pipeline/p/m/app1"
FIXTURE = Path(__file__).parents[1] / "fixtures" / "container-files"


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


@pytest.fixture
def containers(engine: FakeEngine) -> Iterator[Containers]:
    with closing(docker.DockerClient(engine.address)) as client:
        yield Containers(client, Labels("test", "here"), AppLimits())


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


async def test_what_is_removed_under_a_start_is_made_anew_by_a_retry(
    engine: FakeEngine, runtime: DockerRuntime, tmp_path: Path
):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    source = SourceRef(path=str(tmp_path), digest="0" * 64)
    ref = AppRef(model="m", app_number=1)
    app = AppSpec(pipeline_id="p", ref=ref, source=source, analyzers=(AnalyzerKind.DYNAMIC,))
    engine.says("POST /networks/create", {"Id": "n1"}, 201)
    engine.says("GET /networks/n1", {"Id": "n1", "Name": "n"})
    engine.says("POST /build", b'{"stream": "done"}')
    engine.says("GET /info", {})

    with pytest.raises(PlatformError, match="no GET /images") as caught:
        await runtime.start(app, "run", lambda _: None)

    assert caught.value.code is ErrorCode.UNAVAILABLE


@pytest.mark.parametrize(
    "said",
    [
        "OCI runtime create failed: unable to retrieve OCI runtime error (open /run/x/log.json: no"
        " such file or directory): unknown",
        "driver failed programming external connectivity: iptables failed: iptables -t nat -A"
        " DOCKER: Permission denied",
        "OCI runtime create failed: open /sys/fs/cgroup/docker/x: no such file or directory",
    ],
)
async def test_what_the_engine_lacks_to_start_a_container_is_not_blamed_on_the_app(
    engine: FakeEngine, containers: Containers, said: str
):
    engine.has(container("c1"))
    engine.fails("POST /containers/c1/start", said)

    with pytest.raises(PlatformError, match=re.escape(said[:30])):
        await containers.start("c1")


async def test_a_command_that_cannot_be_run_is_the_apps_fault(
    engine: FakeEngine, containers: Containers
):
    said = 'OCI runtime create failed: exec: "./run.sh": permission denied: unknown'
    engine.has(container("c1"))
    engine.fails("POST /containers/c1/start", said)

    assert await containers.start("c1") == said


@pytest.mark.parametrize(
    ("state", "taken"),
    [
        ({"ExitCode": 143}, True),
        ({"ExitCode": 1}, True),
        ({"ExitCode": 137, "OOMKilled": True}, False),
        ({"ExitCode": 139}, False),
    ],
    ids=["stopped", "perhaps stopped", "out of memory", "crashed"],
)
async def test_a_crash_stays_the_apps_though_its_engine_was_restarted_since(
    engine: FakeEngine, containers: Containers, state: dict[str, Any], taken: bool
):
    engine.has(container("c1", StartedAt="2026-01-01T00:00:00Z", **state))
    engine.says("GET /networks/bridge", {"Created": "2026-01-01T01:00:00Z"})

    assert bool(await containers.taken("c1")) is taken


OOM = b'{"Type": "container", "Action": "oom", "status": "oom", "id": "0123456789ab", "time": 1}\n'
CASES = {
    "restarted during the build": ("2026-01-01T00:00:02Z", b"", "restarted during the build"),
    "killed from outside": ("2026-01-01T00:00:01Z", b"", "killed from outside"),
    "at its memory limit": ("2026-01-01T00:00:01Z", OOM, ""),
}


@pytest.mark.parametrize(("since", "events", "fault"), CASES.values(), ids=CASES)
async def test_a_killed_build_is_blamed_on_whoever_killed_it(
    engine: FakeEngine, since: str, events: bytes, fault: str
):
    said: list[dict[str, Any]] = [
        {"stream": "Step 1/1 : RUN make\n"},
        {"stream": " ---> Running in 0123456789ab\n"},
        {"error": "returned a non-zero code: 137", "errorDetail": {"code": 137}},
    ]
    engine.says("POST /build", "\n".join(map(json.dumps, said)).encode())
    engine.says("GET /events", events)
    bridge = iter(["2026-01-01T00:00:01Z", since])
    engine.says("GET /networks/bridge", lambda: {"Created": next(bridge)})
    with closing(docker.DockerClient(engine.address)) as client:
        stream, cgroups = EngineStream(engine.address), BuildCgroups(client, engine.address, 99)
        images = Images(client, stream, "test", BaseImages("auto"), AppLimits(), cgroups)
        engine.says("GET /info", {"CgroupDriver": "systemd"})
        plan = ServicePlan("web", context=FIXTURE, dockerfile="FROM scratch\nRUN make\n")

        with pytest.raises((PlatformError, BuildFault)) as caught:
            await images.ensure(plan, network, lambda _: None)

    if fault:
        assert isinstance(caught.value, PlatformError)
        assert caught.value.code is ErrorCode.UNAVAILABLE
        assert fault in caught.value.message
    else:
        assert isinstance(caught.value, BuildFault)
        assert "out of memory" in caught.value.reason


async def network() -> str:
    return "net"
