"""What the Docker runtime does when engine, disk or images let it down."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter

from activities.errors import as_application_error
from clients import blame
from clients.appfolder import AppFault, ServicePlan
from clients.docker import AppLimits, DockerRuntime
from clients.docker.base_images import BaseImages
from clients.docker.building import Building
from clients.docker.containers import Containers
from clients.docker.endings import Endings
from clients.docker.engine import cores_used
from clients.docker.images import Images
from clients.docker.labels import Labels
from clients.docker.stream import EngineStream
from clients.ending import Ending, app_check
from contract.analysis import AnalyzerKind, SourceRef
from contract.blame import Row
from contract.errors import ErrorCode, PlatformError
from contract.spec import AppRef, AppSpec
from tests.support.fake_engine import FakeEngine, bridge, container
from tests.support.memory_artifacts import MemoryArtifacts

WORKFLOW = "pipeline/p/m/app1"
FIXTURE = Path(__file__).parents[1] / "fixtures" / "container-files"


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


@pytest.fixture
def endings(containers: Containers) -> Endings:
    return Endings(containers.client, containers)


async def test_a_full_disk_does_not_keep_an_apps_containers(
    engine: FakeEngine, runtime: DockerRuntime, artifacts: MemoryArtifacts
):
    engine.has(container("c1"))
    artifacts.full = True

    report = await runtime.teardown(WORKFLOW)

    assert "DELETE /containers/c1" in engine.calls
    assert (report.containers, report.facts.logs) == (1, ())
    assert report.facts.notes == ("app-web.log is not kept: the disk is full",)


async def test_an_unreadable_log_keeps_neither_its_container_nor_the_other_logs(
    engine: FakeEngine, runtime: DockerRuntime
):
    engine.has(container("c1", "api"))
    engine.has(container("c2", "web"))
    engine.fails("GET /containers/c1/logs", "invalid character in the log")

    report = await runtime.teardown(WORKFLOW)

    assert report.containers == 2
    assert [log.name for log in report.facts.logs] == ["app-web.log"]
    assert "invalid character" in report.facts.notes[0]


async def test_a_container_that_cannot_be_inspected_is_removed_all_the_same(
    engine: FakeEngine, runtime: DockerRuntime
):
    engine.has(container("c1"))
    engine.fails("GET /containers/c1/json", "layer does not exist")

    report = await runtime.teardown(WORKFLOW)

    assert "DELETE /containers/c1" in engine.calls
    assert "layer does not exist" in report.facts.notes[0]


async def test_an_engine_that_does_not_remove_fails_the_teardown(
    engine: FakeEngine, runtime: DockerRuntime
):
    engine.has(container("c1"))
    engine.fails("DELETE /containers/c1", "device or resource busy")

    with pytest.raises(PlatformError, match="busy"):
        await runtime.teardown(WORKFLOW)


async def test_a_teardown_that_is_tried_again_tells_the_logs_of_what_is_gone(
    engine: FakeEngine, runtime: DockerRuntime
):
    engine.has(container("c1"))
    engine.says("GET /networks", [{"Id": "n1", "Name": "n"}])
    engine.fails("GET /networks/n1", "device or resource busy")
    with pytest.raises(PlatformError, match="busy"):
        await runtime.teardown(WORKFLOW)
    engine.says("GET /containers/json", [])
    engine.says("GET /networks", [])

    report = await runtime.teardown(WORKFLOW)

    assert [log.name for log in report.facts.logs] == ["app-web.log"]
    assert (await runtime.teardown(WORKFLOW)).facts.logs == ()


async def test_what_is_removed_under_a_start_is_made_anew_by_a_retry(
    engine: FakeEngine, runtime: DockerRuntime, tmp_path: Path
):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    source = SourceRef(path=str(tmp_path), digest="0" * 64)
    ref = AppRef(model="m", app_number=1)
    app = AppSpec(pipeline_id="p", ref=ref, source=source, analyzers=(AnalyzerKind.DYNAMIC,))
    engine.says("POST /networks/create", {"Id": "n1"}, 201)
    engine.says("GET /networks/n1", {"Id": "n1", "Name": "n"})
    engine.says("POST /build", b'{"stream": "done"}\n{"aux": {"ID": "sha256:1"}}')
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
    engine: FakeEngine, endings: Endings, state: dict[str, Any], taken: bool
):
    engine.has(container("c1", StartedAt="2026-01-01T00:00:00Z", **state))
    engine.says("GET /networks/bridge", bridge("2026-01-01T01:00:00Z"))
    engine.says("GET /events", b"")
    engine.says("GET /info", {})

    ending = await endings.of("c1")

    assert ending is not None
    assert (ending.row is blame.ENGINE_RESTARTED) is taken


def event(action: str, second: float, **attributes: str) -> dict[str, Any]:
    """As the engine tells of it."""
    actor = {"ID": "c1", "Attributes": attributes}
    return {"Type": "container", "Action": action, "Actor": actor, "timeNano": int(second * 1e9)}


KILL, TERM, USER = (event("kill", 9, signal=number) for number in ("9", "15", "10"))
DIE = event("die", 10, exitCode="x")
ENDS: dict[str, tuple[dict[str, Any], list[dict[str, Any]], Row]] = {
    "docker kill": ({"ExitCode": 137}, [KILL, DIE], blame.KILLED),
    "docker rm -f, between kill and removal": (
        {"ExitCode": 137, "Dead": True, "Status": "removing"},
        [KILL],
        blame.KILLED,
    ),
    "the sender is told after the end": (
        {"ExitCode": 137},
        [event("die", 8.9, exitCode="137"), KILL],
        blame.KILLED,
    ),
    "docker stop, and the app tidies up": ({"ExitCode": 0}, [TERM, DIE], blame.KILLED),
    "docker stop, and the app fails on it": ({"ExitCode": 1}, [TERM, DIE], blame.KILLED),
    "docker stop, twice": ({"ExitCode": 137}, [TERM, KILL, DIE], blame.KILLED),
    "a signal the app does not know": ({"ExitCode": 138}, [USER, DIE], blame.KILLED),
    "killed, and nobody is on record": ({"ExitCode": 137}, [DIE], blame.KILLED_BY_NOBODY),
    "terminated, and the engine has forgotten": ({"ExitCode": 143}, [], blame.KILLED_BY_NOBODY),
    "out of memory": ({"ExitCode": 137, "OOMKilled": True}, [], blame.MEMORY),
    "out of memory, told late": ({"ExitCode": 137}, [event("oom", 9), DIE], blame.MEMORY),
    "a child out of memory": ({"ExitCode": 1, "OOMKilled": True}, [], blame.MEMORY),
    "out of memory after a signal that it knows": (
        {"ExitCode": 137, "OOMKilled": True},
        [event("kill", 8, signal="1"), event("oom", 9), DIE],
        blame.MEMORY,
    ),
    "killed after a child ran out of memory": (
        {"ExitCode": 137, "OOMKilled": True},
        [event("oom", 5), KILL, DIE],
        blame.KILLED,
    ),
    "by itself": ({"ExitCode": 3}, [DIE], blame.EXIT),
    "by itself, with 0": ({"ExitCode": 0}, [DIE], blame.EXIT),
    "a crash": ({"ExitCode": 139}, [DIE], blame.EXIT),
    "by itself, long after a signal that it outlived": (
        {"ExitCode": 1},
        [TERM, event("die", 900, exitCode="1")],
        blame.EXIT,
    ),
    "by itself, after a signal that it knows": ({"ExitCode": 1}, [USER, DIE], blame.EXIT),
}


@pytest.mark.parametrize(("state", "events", "row"), ENDS.values(), ids=ENDS)
async def test_an_end_is_blamed_on_whoever_brought_it_about(
    engine: FakeEngine,
    endings: Endings,
    state: dict[str, Any],
    events: list[dict[str, Any]],
    row: Row,
):
    engine.has(container("c1", StartedAt="2026-01-01T02:00:00Z", **state))
    engine.says("GET /networks/bridge", bridge("2026-01-01T01:00:00Z"))
    engine.says("GET /events", "\n".join(map(json.dumps, events)).encode())
    engine.says("GET /info", {"SystemTime": "2026-01-01T03:00:00.123456789Z"})

    ending = await endings.of("c1")

    assert ending is not None
    assert ending.row is row


async def test_a_removed_and_a_restarted_container_were_taken(engine: FakeEngine, endings: Endings):
    engine.says("GET /networks/bridge", bridge("2026-01-01T01:00:00Z"))
    engine.has(
        container(
            "c1", Running=True, StartedAt="2026-01-01T02:00:00Z", FinishedAt="2026-01-01T01:59:00Z"
        )
    )
    restarted, removed = await endings.of("c1"), await endings.of("c2")

    assert restarted is not None
    assert removed is not None
    assert (restarted.row, removed.row) == (blame.RESTARTED, blame.REMOVED)


@pytest.mark.parametrize(
    ("row", "taken", "silent", "killed"),
    [
        (blame.REMOVED, True, False, False),
        (blame.KILLED, True, False, False),
        (blame.PAUSED, True, False, False),
        (blame.KILLED_BY_NOBODY, False, False, True),
        (blame.SILENT, False, True, False),
        (blame.HANG, False, False, False),
        (blame.EXIT, False, False, False),
        (blame.DISK, False, False, False),
        (blame.LISTENER_GONE, False, False, False),
    ],
)
def test_what_a_check_answers_follows_from_the_row(
    row: Row, taken: bool, silent: bool, killed: bool
):
    check = app_check(Ending(row, "web ..."))

    assert (check.alive, check.taken, check.silent, check.killed) == (False, taken, silent, killed)


def stand_in(engine: FakeEngine) -> None:
    """Let the engine have a stand-in, and no registry."""
    engine.says("GET /images/json", [{"RepoTags": ["assay/python:3.11"]}])
    engine.says("GET /images/assay/python:3.11/json", {"Id": "sha256:1"})
    engine.says("POST /networks/create", {"Id": "n1"}, 201)
    engine.says("GET /networks/n1", {"Id": "n1", "Name": "n"})
    engine.says("GET /networks/bridge", bridge("2026-01-01T00:00:00Z"))
    engine.says("GET /events", b"")
    engine.says("GET /info", {})


def app_of(folder: Path, dockerfile: str) -> AppSpec:
    (folder / "Dockerfile").write_text(dockerfile)
    return AppSpec(
        pipeline_id="p",
        ref=AppRef(model="m", app_number=1),
        source=SourceRef(path=str(folder), digest="0" * 64),
        analyzers=(AnalyzerKind.DYNAMIC,),
    )


async def test_a_failed_build_shows_what_was_substituted(
    engine: FakeEngine, runtime: DockerRuntime, artifacts: MemoryArtifacts, tmp_path: Path
):
    stand_in(engine)
    said = [
        {"stream": "Step 2/2 : RUN pip install x\n"},
        {"stream": "\x1b[31mERROR: No matching distribution found for x==9\x1b[0m\n"},
        {"error": "returned a non-zero code: 1", "errorDetail": {"code": 1}},
    ]
    engine.says("POST /build", "\n".join(map(json.dumps, said)).encode())

    outcome = await runtime.start(
        app_of(tmp_path, "FROM python:3.12-slim\nRUN pip install x\n"), "run", lambda _: None
    )

    assert (outcome.app, outcome.phase) == (None, "build")
    assert "app: base image python:3.12-slim -> assay/python:3.11" in outcome.facts.notes
    assert outcome.reason.endswith("code: 1: ERROR: No matching distribution found for x==9")
    assert b"No matching distribution" in artifacts.data["build.log"]


async def test_a_fault_of_the_platform_names_what_was_substituted(
    engine: FakeEngine, runtime: DockerRuntime, tmp_path: Path
):
    stand_in(engine)
    engine.says("POST /build", json.dumps({"error": "context canceled"}).encode())

    with pytest.raises(blame.PlatformFault, match="broke the build off") as caught:
        await runtime.start(app_of(tmp_path, "FROM python:3.12\nRUN x\n"), "run", lambda _: None)

    assert caught.value.row == "build-broken-off"
    assert "base image python:3.12 -> assay/python:3.11" in caught.value.message


def told(error: PlatformError) -> Failure:
    """What Temporal writes down of an activity that ended with `error`."""
    raised = as_application_error(error)
    raised.__cause__ = error
    failure = Failure()
    converter = DataConverter.default
    converter.failure_converter.to_failure(raised, converter.payload_converter, failure)
    return failure


@pytest.mark.parametrize("image", ["python:2.7", "python:2-alpine", "docker.io/library/python:2"])
async def test_python_2_has_no_stand_in_and_the_image_to_load_is_named(
    engine: FakeEngine, runtime: DockerRuntime, tmp_path: Path, image: str
):
    stand_in(engine)

    with pytest.raises(blame.PlatformFault) as caught:
        await runtime.start(app_of(tmp_path, f"FROM {image}\n"), "run", lambda _: None)

    assert (caught.value.row, caught.value.code) == ("no-base-image", ErrorCode.FAILED_PRECONDITION)
    assert f"base image {image} is neither local nor pullable" in caught.value.message
    assert "assay/python:3.11 is of another major version" in caught.value.message
    assert "POST /build" not in engine.calls
    assert told(caught.value).cause.message == str(caught.value)


async def test_the_cores_a_container_keeps_busy_are_told(
    engine: FakeEngine, containers: Containers
):
    now = {
        "cpu_usage": {"total_usage": 3_500},
        "system_cpu_usage": 20_000,
        "online_cpus": 4,
    }
    before = {"cpu_usage": {"total_usage": 1_000}, "system_cpu_usage": 10_000}
    engine.says("GET /containers/c1/stats", {"cpu_stats": now, "precpu_stats": before})
    engine.says("GET /containers/c2/stats", {"cpu_stats": now, "precpu_stats": {}})

    assert await cores_used(containers.client, "c1") == 1.0
    assert await cores_used(containers.client, "c2") == 0.0


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
    moments = iter(["2026-01-01T00:00:01Z", since])
    engine.says("GET /networks/bridge", lambda: bridge(next(moments)))
    with closing(docker.DockerClient(engine.address)) as client:
        stream, limits = EngineStream(engine.address), AppLimits()
        building = Building.on(client, stream, engine.address, limits)
        images = Images(client, stream, "test", BaseImages("auto"), limits, building)
        engine.says("GET /info", {"CgroupDriver": "systemd"})
        plan = ServicePlan("web", context=FIXTURE, dockerfile="FROM scratch\nRUN make\n")

        with pytest.raises((PlatformError, AppFault)) as caught:
            await images.ensure(plan, network, lambda _: None)

    if fault:
        assert isinstance(caught.value, PlatformError)
        assert caught.value.code is ErrorCode.UNAVAILABLE
        assert fault in caught.value.message
    else:
        assert isinstance(caught.value, AppFault)
        assert "out of memory" in caught.value.reason


async def network() -> str:
    return "net"
