"""Engines of all kinds: which can be used, what each is taken for, and what it cannot keep."""

import ipaddress
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import psutil
import pytest

from clients.docker import DockerRuntime, address
from clients.docker.about import Engine, learn
from clients.docker.address import neighbours, usable
from clients.docker.containers import State
from clients.docker.engine import running_since
from clients.docker.errors import connect
from clients.docker.firewall import Firewall
from clients.docker.reach import unreached
from clients.probe import Answer
from clients.runtime import choose_runtime
from clients.sockets import Listening
from contract.errors import ErrorCode, PlatformError
from settings import Settings
from tests.support.fake_engine import PODMAN, FakeEngine, bridge
from tests.support.memory_artifacts import MemoryArtifacts


def runtime_of(engine: FakeEngine) -> DockerRuntime:
    return DockerRuntime(
        host="here", scope="test", artifacts=MemoryArtifacts(), docker_host=engine.address
    )


@pytest.mark.parametrize(
    ("docker_host", "meant"),
    [
        ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
        (" unix:///run/user/1000/docker.sock\n", "unix:///run/user/1000/docker.sock"),
        ("unix:///tmp/a b/%41/ü.sock", "unix:///tmp/a b/%41/ü.sock"),
        ("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375"),
        ("tcp://localhost:2375/", "tcp://localhost:2375"),
        ("tcp://[::1]:2375", "tcp://[::1]:2375"),
        ("tcp://nosuch.invalid:2375", "tcp://nosuch.invalid:2375"),
    ],
)
def test_an_address_of_this_machine_is_taken_as_it_is_meant(docker_host: str, meant: str):
    assert usable(docker_host, "host") == meant


@pytest.mark.parametrize(
    ("docker_host", "code", "says"),
    [
        ("", ErrorCode.INVALID_ARGUMENT, "use unix:///path or tcp://host:port"),
        ("/var/run/docker.sock", ErrorCode.INVALID_ARGUMENT, "use unix"),
        ("npipe:////./pipe/docker_engine", ErrorCode.INVALID_ARGUMENT, "use unix"),
        ("http://127.0.0.1:2375", ErrorCode.INVALID_ARGUMENT, "use unix"),
        ("unix://run/docker.sock", ErrorCode.INVALID_ARGUMENT, "a socket's path is absolute"),
        ("unix://", ErrorCode.INVALID_ARGUMENT, "a socket's path is absolute"),
        ("unix:///run/a#b.sock", ErrorCode.INVALID_ARGUMENT, "link to it from another one"),
        ("unix:///" + "a" * 120, ErrorCode.INVALID_ARGUMENT, "longer than 107 bytes"),
        ("tcp://127.0.0.1", ErrorCode.INVALID_ARGUMENT, "tcp://host:port"),
        ("tcp://127.0.0.1:99999", ErrorCode.INVALID_ARGUMENT, "range"),
        ("tcp://127.0.0.1:2375/v1.41", ErrorCode.INVALID_ARGUMENT, "tcp://host:port"),
        ("tcp://me:word@127.0.0.1:2375", ErrorCode.INVALID_ARGUMENT, "tcp://host:port"),
        ("ssh://me@build.example", ErrorCode.FAILED_PRECONDITION, "run a worker on that machine"),
        ("tcp://203.0.113.7:2375", ErrorCode.FAILED_PRECONDITION, "run a worker on that machine"),
    ],
)
def test_an_address_that_cannot_serve_is_refused_before_anything_is_asked(
    tmp_path: Path, docker_host: str, code: ErrorCode, says: str
):
    settings = Settings.model_construct(data=tmp_path, host="here", scope="test", engine="auto")

    with pytest.raises(PlatformError, match=says) as caught:
        choose_runtime(settings, MemoryArtifacts(), docker_host=docker_host)

    assert caught.value.code is code
    assert caught.value.message.startswith(f"DOCKER_HOST {docker_host!r}")


def test_analyzers_in_containers_may_reach_the_engine_through_a_neighbour():
    assert usable("tcp://203.0.113.7:2375", "network") == "tcp://203.0.113.7:2375"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"ApiVersion": "1.40", "Version": "19.03.15"}, r"Docker 19.03.15 \(API 1.40\).*20.10"),
        ({"ApiVersion": "1.24", "Version": "1.12.6"}, r"Docker 1.12.6 \(API 1.24\).*20.10"),
        ({**PODMAN, "ApiVersion": "1.40", "Version": "3.0.1"}, r"Podman 3.0.1 .*Podman 4"),
        ({"ApiVersion": "1.47", "Version": "27.3", "Os": "windows"}, "Linux containers"),
        ({"ApiVersion": "1.12", "Version": "1.0"}, "too old"),
    ],
)
def test_an_engine_that_is_too_old_is_refused_with_what_is_needed(
    engine: FakeEngine, tmp_path: Path, answer: dict[str, Any], says: str
):
    engine.says("GET /version", answer)
    settings = Settings.model_construct(data=tmp_path, host="here", scope="test", engine="auto")

    with pytest.raises(PlatformError, match=says) as caught:
        choose_runtime(settings, MemoryArtifacts(), docker_host=engine.address)

    assert caught.value.code is ErrorCode.FAILED_PRECONDITION


@pytest.mark.parametrize(
    ("status", "answer"),
    [(404, b"not here"), (200, b"<html>hello</html>"), (401, {"message": "log in"}), (200, {})],
)
def test_what_is_no_engine_is_not_told_to_be_started(
    engine: FakeEngine, status: int, answer: object
):
    engine.says("GET /version", answer, status)

    with pytest.raises(PlatformError, match="is no Docker engine") as caught:
        connect(engine.address, 3)

    assert caught.value.code is ErrorCode.FAILED_PRECONDITION


@pytest.mark.parametrize("api", ["1.41", "1.43", "1.51", "2.0"])
async def test_newer_engines_are_spoken_to_in_their_own_version(engine: FakeEngine, api: str):
    engine.says("GET /version", {"ApiVersion": api, "Version": "99.1", "MinAPIVersion": api})
    runtime = runtime_of(engine)

    assert await runtime.owned_workflows() == []
    assert runtime.description == "apps run as Docker containers (Docker 99.1)"
    await runtime.close()


HERE = {"MemTotal": psutil.virtual_memory().total}
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, ...], bool]] = {
    "docker": ({}, HERE, (), True),
    "podman": (PODMAN, HERE, ("engine: Podman 4.3.1",), True),
    "rootless": (
        {},
        {**HERE, "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]},
        ("engine: Docker 20.10, rootless",),
        False,
    ),
    "without limits": (
        {},
        {"MemoryLimit": False, "PidsLimit": False, "CpuCfsQuota": True},
        ("limits: this engine keeps none of memory, processes",),
        True,
    ),
    "another machine": (
        {},
        {"Name": "desk", "MemTotal": 12345},
        (
            "engine: Docker 20.10",
            "engine: on another machine (desk), whose ports are taken to be forwarded to 127.0.0.1",
        ),
        False,
    ),
}


@pytest.mark.parametrize(("version", "info", "notes", "guarded"), KINDS.values(), ids=KINDS)
async def test_what_an_engine_cannot_keep_is_said(
    engine: FakeEngine,
    version: dict[str, Any],
    info: dict[str, Any],
    notes: tuple[str, ...],
    guarded: bool,
):
    engine.says("GET /version", {"ApiVersion": "1.41", "Version": "20.10"} | version)
    engine.says("GET /info", info)
    with closing(connect(engine.address, 3)) as client:
        found = learn(client)

    assert found.notes == notes
    assert (found.apart == "") is guarded
    assert (found.kind == "docker") is (not version and "SecurityOptions" not in info)


async def test_no_rule_of_this_host_is_claimed_to_guard_another_network():
    engine = Engine("Docker", "28.1", rootless=True)
    firewall = Firewall(ipaddress.IPv4Network("10.9.0.0/24"), engine.apart)

    assert "rootless" in await firewall.install()


@pytest.mark.parametrize(
    ("network", "known"),
    [
        (bridge("2026-01-01T00:00:00Z"), True),
        ({"Name": "bridge", "Created": "2026-01-01T00:00:00Z", "Options": {}}, False),
        ({"Name": "bridge", "Created": "2026-01-01T00:00:00Z", "Options": None}, False),
    ],
)
async def test_a_service_that_comes_and_goes_restarts_no_container(
    engine: FakeEngine, network: dict[str, Any], known: bool
):
    """Podman's service ends when it is idle, and its containers go on."""
    engine.says("GET /networks/bridge", network)
    with closing(docker.DockerClient(engine.address)) as client:
        assert (await running_since(client) is not None) is known


OPEN = Listening(True, (8000,))


@pytest.mark.parametrize(
    ("answer", "found", "local", "port"),
    [
        (Answer("refused"), OPEN, False, 8000),
        (Answer("refused"), Listening(True, (), (8000,)), False, 0),
        (Answer("refused"), Listening(), False, 0),
        (Answer("silent"), OPEN, False, 0),
        (Answer("refused"), OPEN, True, 0),
    ],
    ids=["not forwarded", "loopback", "not known", "silent", "refuses here, too"],
)
async def test_a_port_that_is_open_and_not_reached_is_the_engines_fault(
    answer: Answer, found: Listening, local: bool, port: int
):
    state = State(
        id="c1", name="web", running=True, unbroken=True, exit_code=0, out_of_memory=False,
        health="", ports={8000: 1}, labels={}, dns_name="web-1", address="127.0.0.1",
    )  # fmt: skip

    assert await unreached(state, found, {8000: answer}, local) == port


def test_engines_beside_the_one_that_is_missing_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / ".docker/run").mkdir(parents=True)
    (tmp_path / ".docker/run/docker.sock").touch()
    monkeypatch.setattr(address.Path, "home", lambda: tmp_path)
    found = f"unix://{tmp_path}/.docker/run/docker.sock"

    assert found in neighbours("unix:///nowhere.sock")
    assert found not in neighbours(found)
