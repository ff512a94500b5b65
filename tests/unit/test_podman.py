"""Builds on engines of all kinds, and where Podman is not as Docker is."""

import ipaddress
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from clients import blame
from clients.appfolder import AppFault, ServicePlan
from clients.blame import PlatformFault
from clients.docker import AppLimits, podman
from clients.docker.about import Engine
from clients.docker.base_images import BaseImages
from clients.docker.building import Building
from clients.docker.containers import Containers
from clients.docker.endings import Endings
from clients.docker.firewall import Firewall
from clients.docker.images import Images
from clients.docker.labels import Labels
from clients.docker.network import Networks
from clients.docker.result import StreamResult
from clients.docker.stream import EngineStream
from clients.ending import Ending
from contract.blame import Row
from contract.errors import ErrorCode, PlatformError
from tests.support.fake_engine import PODMAN, FakeEngine, container

FIXTURE = Path(__file__).parents[1] / "fixtures" / "container-files"


async def ending_of(client: docker.DockerClient) -> Ending | None:
    """What became of the container `c1`."""
    return await Endings(client, Containers(client, Labels("test", "h"), AppLimits())).of("c1")


async def ensured(engine: FakeEngine, kind: Engine) -> None:
    """One build on `engine`."""
    with closing(docker.DockerClient(engine.address)) as client:
        stream, limits = EngineStream(engine.address), AppLimits()
        building = Building.on(client, stream, engine.address, limits, kind)
        images = Images(client, stream, "test", BaseImages("auto"), limits, building)
        plan = ServicePlan("web", context=FIXTURE, dockerfile="FROM scratch\nRUN make\n")
        await images.ensure(plan, network, lambda _: None)


async def network() -> str:
    return "net"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, b""),
        (200, b'{"stream": "STEP 1/2: FROM scratch\\n"}'),
        (200, b'{"stream": "Step 1/2 : FROM scratch\\n"}\nnot json'),
        (400, b""),
        (400, b" \n"),
        (500, b""),
    ],
)
@pytest.mark.parametrize("kind", [Engine("Docker", "20.10"), Engine("Podman", "4.3.1")], ids=str)
async def test_a_build_that_ends_without_a_word_is_the_engines_fault(
    engine: FakeEngine, kind: Engine, status: int, said: bytes
):
    engine.says("POST /build", said, status)

    with pytest.raises(PlatformError, match=r"without an image|no more|HTTP \d00"):
        await ensured(engine, kind)


@pytest.mark.parametrize(
    ("error", "log", "fault"),
    [
        ("exit status 3", "telling\n", "returned a non-zero code: 3: telling"),
        ("exit status 137", "Killed\n", "was killed from outside"),
        (
            "exit status 1",
            "error running container: from /usr/bin/crun creating container for [make]: cgroups in"
            " hybrid mode not supported\n",
            "the Docker engine failed to build",
        ),
    ],
)
async def test_a_failed_step_of_podman_is_blamed_as_one_of_docker(
    engine: FakeEngine, error: str, log: str, fault: str
):
    failed = f'building at STEP "RUN make": while running runtime: {error}\n'
    told = [{"stream": "STEP 2/2: RUN make\n"}, {"stream": log}, {"error": failed}]
    engine.says("GET /version", PODMAN)
    engine.says("POST /build", "\n".join(map(json.dumps, told)).encode())

    with pytest.raises((AppFault, PlatformFault)) as caught:
        await ensured(engine, Engine("Podman", "4.3.1"))

    assert fault in str(caught.value)
    assert isinstance(caught.value, AppFault) is ("non-zero" in fault)


def test_a_step_is_named_in_either_engines_words():
    for head in ("STEP 2/3: RUN make\n", "Step 2/3 : RUN make\n"):
        assert StreamResult(["x\n", head, "out\n"]).last_command() == "RUN make"


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ([], ""),
        (["STEP 1/1: RUN x\n", "error running container: nothing of the engine's\n"], ""),
        (
            ["error running container: from /usr/bin/runc creating container for [x]: why\n"],
            "from /usr/bin/runc creating container for [x]: why",
        ),
    ],
)
def test_a_step_that_could_not_be_run_is_told_from_one_that_failed(log: list[str], found: str):
    result = StreamResult(log)
    result.fail('building at STEP "RUN x": while running runtime: exit status 1', None)

    assert podman.run_error(log) == found
    assert (result.exit_code is None) is bool(found)


@pytest.mark.parametrize("unlimited", [True, False])
def test_podman_is_told_the_limits_of_a_build_in_its_own_words(unlimited: bool):
    ulimits = [{"Name": "nproc", "Soft": 64, "Hard": 128}, {"Name": "fsize", "Soft": 1, "Hard": 1}]
    asked = {"t": "x:1", "memory": "5", "cgroupparent": "/a", "ulimits": json.dumps(ulimits)}

    told = podman.build_params(asked, unlimited)

    assert json.loads(told["ulimits"]) == ["nproc=64:128", "fsize=1:1"]
    assert ({"memory", "cgroupparent"} <= told.keys()) is not unlimited
    assert told["t"] == "x:1"


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (b"ERROR (catatonit:6): failed to exec pid1: No such file or directory\n", True),
        (b"ERROR (catatonit:2): failed to exec pid1: Permission denied\n", True),
        (b"failed to exec pid1: No such file or directory\n", False),
        (b"", False),
    ],
)
def test_an_init_without_a_command_is_recognised(log: bytes, found: bool):
    assert podman.lacks_command(log) is found


@pytest.mark.parametrize(
    ("state", "row"),
    [({"StoppedByUser": True}, blame.KILLED), ({}, blame.EXIT), (None, blame.EXIT)],
)
async def test_a_stop_that_is_no_event_is_known_from_podmans_own_api(
    engine: FakeEngine, state: dict[str, Any] | None, row: Row
):
    engine.has(container("c1", StartedAt="2026-01-01T02:00:00Z", ExitCode=0))
    engine.says("GET /networks/bridge", {"Name": "bridge", "Created": "2026-01-01T03:00:00Z"})
    engine.says("GET /events", b"")
    if state is not None:
        engine.says("GET /libpod/containers/c1/json", {"State": state})
    with closing(docker.DockerClient(engine.address)) as client:
        ending = await Endings(client, Containers(client, Labels("test", "h"), AppLimits())).of(
            "c1"
        )

    assert ending is not None
    assert ending.row is row


async def test_a_kill_without_its_signal_is_somebodys_all_the_same(engine: FakeEngine):
    kill = {"Type": "container", "Action": "kill", "Actor": {"ID": "c1"}, "timeNano": 9 * 10**9}
    engine.has(container("c1", StartedAt="2026-01-01T02:00:00Z", ExitCode=1))
    engine.says("GET /events", json.dumps(kill).encode())
    with closing(docker.DockerClient(engine.address)) as client:
        ending = await Endings(client, Containers(client, Labels("test", "h"), AppLimits())).of(
            "c1"
        )

    assert ending is not None
    assert ending.row is blame.KILLED
    assert "sent it a signal from outside" in ending.text


@pytest.mark.parametrize(
    ("kind", "told", "refused"),
    [
        (Engine("Podman", "4.3.1"), {"dns_enabled": False}, True),
        (Engine("Podman", "5.8.6"), {"dns_enabled": True}, False),
        (Engine("Podman", "6.0"), None, False),
        (Engine("Docker", "28.5"), {"dns_enabled": False}, False),
    ],
    ids=str,
)
async def test_networks_without_names_are_refused(
    engine: FakeEngine, kind: Engine, told: dict[str, Any] | None, refused: bool
):
    if told is not None:
        engine.says("GET /libpod/networks/net/json", told)
    with closing(docker.DockerClient(engine.address)) as client:
        firewall = Firewall(ipaddress.IPv4Network("10.9.0.0/24"))
        networks = Networks(client, Labels("test", "here"), firewall, kind)
        if not refused:
            await networks.require_names("net")
            return
        with pytest.raises(PlatformError, match="aardvark-dns") as caught:
            await networks.require_names("net")

    assert caught.value.code is ErrorCode.FAILED_PRECONDITION


@pytest.mark.parametrize(
    ("kind", "closed"),
    [
        (Engine("Podman", "5.8", rootless=True), True),
        (Engine("Podman", "5.8"), False),
        (Engine("Docker", "28.5", rootless=True), False),
    ],
    ids=str,
)
def test_only_where_no_rule_closes_it_a_network_is_internal(kind: Engine, closed: bool):
    assert kind.closes_by_network is closed
