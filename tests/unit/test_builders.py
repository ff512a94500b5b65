"""Who builds: by what the engine is, what the host allows, and what the Dockerfile asks for."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from clients import blame
from clients.appfolder import ServicePlan
from clients.blame import PlatformFault
from clients.docker.build_cache import BuildCache, cache_scope
from clients.docker.building import FRONT_END, Building, Order
from clients.docker.context import pack_context
from clients.docker.dockerfile import read
from clients.docker.step_limits import StepLimits
from clients.docker.steps import bundle_of, firewall_rules
from clients.docker.stream import EngineStream
from clients.limits import AppLimits
from tests.support.fake_engine import FakeEngine, fake_engine

PLAIN = "FROM a\nRUN --mount=type=cache,target=/c make\n"
BIND = "FROM a\nRUN --mount=type=bind,target=/c make\n"
HEREDOC = "FROM a\nRUN <<E\nmake\nE\n"


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with fake_engine() as engine:
        engine.says("GET /info", {"CgroupDriver": "systemd"})
        yield engine


@pytest.fixture
def building(engine: FakeEngine) -> Iterator[Building]:
    with closing(docker.DockerClient(engine.address)) as client:
        yield Building.on(client, EngineStream(engine.address), engine.address, AppLimits())


def is_a(engine: FakeEngine, version: str, component: str = "Engine") -> None:
    told = {"ApiVersion": "1.41", "Version": version, "Components": [{"Name": component}]}
    engine.says("GET /version", told)


def guarded(building: Building) -> None:
    building.step_limits.obstacle = lambda: ""


async def nowhere(_: str) -> bool:
    return False


@pytest.mark.parametrize(
    ("version", "text", "guards", "kind", "noted"),
    [
        ("20.10.24+dfsg1", PLAIN, True, "buildkit", ""),
        ("20.10.24+dfsg1", BIND, True, "buildkit", ""),
        ("20.10.24+dfsg1", PLAIN, False, "classic", "no limit of processes"),
        ("20.10.24+dfsg1", BIND, False, "buildkit", "no limits of memory"),
        ("28.1", HEREDOC, True, "buildkit", ""),
        ("23.0", HEREDOC, False, "buildkit", "needs root"),
        ("18.06.3-ce", PLAIN, True, "classic", "no limit of processes"),
    ],
)
async def test_buildkit_builds_where_its_steps_are_guarded_or_nothing_else_will_do(
    engine: FakeEngine, building: Building, version: str, text: str, guards: bool, kind: str,
    noted: str,
):  # fmt: skip
    is_a(engine, version)
    if guards:
        guarded(building)

    choice = await building.choose(read(text, {}), nowhere)

    assert (choice.builder.kind, choice.front_end) == (kind, "")
    assert noted in choice.note
    assert bool(noted) is bool(choice.note)


@pytest.mark.parametrize(
    ("version", "text", "named"),
    [
        ("20.10.24", HEREDOC, "Docker Engine 23 or newer"),
        ("24.0", "FROM a\nADD --checksum=sha256:1 https://x.invalid/y /\n", "Docker Engine 25"),
        ("18.06", BIND, "Docker Engine 18.09 with BuildKit"),
    ],
)
async def test_what_nobody_here_can_build_names_who_could(
    engine: FakeEngine, building: Building, version: str, text: str, named: str
):
    is_a(engine, version)

    with pytest.raises(PlatformFault, match=named) as caught:
        await building.choose(read(text, {}), nowhere)

    assert caught.value.row == blame.UNSUPPORTED.key


@pytest.mark.parametrize(
    ("syntax", "there", "used"),
    [
        ("docker/dockerfile:1.7", {"docker/dockerfile:1.7", FRONT_END}, "docker/dockerfile:1.7"),
        ("docker/dockerfile:1.7", {FRONT_END}, FRONT_END),
        ("evil.invalid/front:1", {"evil.invalid/front:1", FRONT_END}, FRONT_END),
        ("", {FRONT_END}, FRONT_END),
    ],
)
async def test_dockers_own_front_end_helps_an_old_engine_and_a_strangers_is_never_run(
    engine: FakeEngine, building: Building, syntax: str, there: set[str], used: str
):
    is_a(engine, "20.10.24")
    asked: list[str] = []

    async def find(image: str) -> bool:
        asked.append(image)
        return image in there

    text = f"# syntax={syntax}\n{HEREDOC}" if syntax else HEREDOC
    choice = await building.choose(read(text, {}), find)

    assert (choice.builder.kind, choice.front_end) == ("buildkit", used)
    assert "evil.invalid/front:1" not in asked


async def test_podman_builds_by_itself(engine: FakeEngine, building: Building):
    is_a(engine, "5.2.0", "Podman Engine")

    assert (await building.choose(read(HEREDOC, {}), nowhere)).builder.kind == "classic"


@pytest.mark.parametrize("host", ["tcp://10.0.0.1:2375", "unix:///nowhere/docker.sock"])
def test_steps_are_guarded_only_where_the_engine_is_ours(host: str):
    assert StepLimits(host, AppLimits()).obstacle() != ""


def test_a_step_asks_for_names_and_reaches_no_address_of_this_host():
    rules = firewall_rules().splitlines()

    assert rules[0] == "*filter"
    assert rules[-1] == "COMMIT"
    drops = [line for line in rules if line.endswith("DROP")]
    assert drops
    assert all("127." not in line and line.startswith("-A OUTPUT -d ") for line in drops)
    assert rules.index("-A OUTPUT -p udp --dport 53 -j ACCEPT") < rules.index(drops[0])


@pytest.mark.parametrize("text", ["", "{", '{"linux": {}', "[]", '{"linux": {}, "process": 1}'])
def test_what_buildkit_is_writing_still_is_read_later(tmp_path: Path, text: str):
    file = tmp_path / "config.json"
    assert bundle_of(file) is None
    file.write_text(text)
    assert bundle_of(file) is None

    file.write_text('{"linux": {"cgroupsPath": "/x"}, "process": {"env": ["A=1"]}}')
    assert bundle_of(file) is not None


async def test_arguments_that_steer_buildkit_are_not_the_apps_to_give(
    engine: FakeEngine, building: Building
):
    is_a(engine, "20.10.24")
    guarded(building)
    engine.says("GET /networks/bridge", {"Created": "2026-01-01T00:00:00Z"})
    engine.says("POST /build", b'{"id": "moby.image.id", "aux": {"ID": "sha256:1"}}')
    found = read(PLAIN, {})
    args = {"BUILDKIT_SYNTAX": "x", "buildkit_cache_mount_ns": "y", "no_proxy": "z", "A": "1"}
    plan = ServicePlan("web", args=args)
    order = Order(plan, found, bytes(10_240), "t:1", {}, (), ())
    sent: dict[str, str] = {}
    post = building.stream.build

    async def seen(context: bytes, params: dict[str, str], *rest: Any) -> Any:
        sent.update(json.loads(params["buildargs"]))
        return await post(context, params, *rest)

    object.__setattr__(building, "stream", type("S", (), {"build": staticmethod(seen)})())
    choice = await building.choose(found, nowhere)

    await building.build(order, choice, lambda: nowhere(""), lambda _: None)  # type: ignore[arg-type]

    assert set(sent) == {"A", "NO_PROXY", "BUILDKIT_CACHE_MOUNT_NS"}
    assert sent["BUILDKIT_CACHE_MOUNT_NS"].startswith("assay-")


def test_cache_mounts_are_shared_by_equal_inputs_alone(tmp_path: Any):
    first = "FROM a\nCOPY r.txt .\nRUN --mount=type=cache,target=/c pip\nCOPY . .\n"
    whole = "FROM a\nCOPY . .\nRUN --mount=type=cache,target=/c pip\n"

    def scope(text: str, requirements: str, source: str, *identity: str) -> str:
        (tmp_path / "r.txt").write_text(requirements)
        (tmp_path / "app.py").write_text(source)
        packed = pack_context(tmp_path, text, 1_000_000)
        return cache_scope(read(text, {}), packed.data, identity)

    assert scope(first, "flask", "1") == scope(first, "flask", "2")
    assert scope(first, "flask", "1") != scope(first, "django", "1")
    assert scope(first, "flask", "1") != scope(first, "flask", "1", "another base")
    assert scope(first, "flask", "1") != scope(first.replace("pip", "pip3"), "flask", "1")
    assert scope(whole, "flask", "1") != scope(whole, "flask", "2")


def _record(name: str, created: float, size: int, **more: Any) -> dict[str, Any]:
    def told(at: float) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime(at))

    used = told(more.pop("used", created))
    return {"ID": name, "CreatedAt": told(created), "LastUsedAt": used, "Size": size} | more


async def test_only_what_our_builds_made_is_pruned_and_the_longest_unused_first(
    engine: FakeEngine,
):
    now = time.time()
    context = "http url http://build-context-1"
    records = [
        _record("others", now - 90_000, 100),
        _record("context", now, 1, Description=context),
        _record("busy", now, 100, InUse=True),
        _record("old", now, 100, used=now - 8_000),
        _record("older", now, 100, used=now - 9_000),
        _record("fresh", now, 100),
        _record("of an image", now, 100, used=now - 9_500, Shared=True),
    ]
    engine.says("GET /system/df", {"BuildCache": records})
    engine.says("POST /build/prune", {"SpaceReclaimed": 7})
    asked: list[str] = []
    with closing(docker.DockerClient(engine.address)) as client:
        stream = EngineStream(engine.address)
        cache = BuildCache(client, stream, AppLimits(build_cache_bytes=300))
        assert await cache.prune() == 0
        assert "POST /build/prune" not in engine.calls
        cache.built(now - 1)
        ask = stream.ask

        async def seen(path: str, params: dict[str, str]) -> Any:
            asked.append(params["filters"])
            return await ask(path, params)

        object.__setattr__(cache, "stream", type("S", (), {"ask": staticmethod(seen)})())
        assert await cache.prune() == 7

    assert json.loads(asked[0]) == {"id": ["^(context|of an image|older)$"]}
