"""When the services of an app are up, by what they do and by nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from clients import probe
from clients.appfolder import AppFault, ServicePlan
from clients.appfolder.model import OwnFile
from clients.calm import Host
from clients.docker import finding, health, launch, readiness, settling, starttime, unready
from clients.docker.containers import State
from clients.docker.launch import Launch
from clients.docker.readiness import Moved
from clients.docker.start_faults import StartFaults
from clients.excuses import Circumstances
from clients.sockets import Listening
from clients.substitution import Substitution
from contract.running import RunningService
from tests.support.launch_bench import RUNNING, FakeEndings, calm, server, speaking

HERE = Path()
OWN = ServicePlan("app", context=HERE)
STAND_IN = Circumstances((Substitution("python:3.13", "assay/python:3.11"),))


@dataclass
class World:
    """Containers that do what a test says of them, and the engine that runs them.

    Attributes:
        states: by service, from its start on.
        open: by service, what it listens on.
        started: in order.
        after: of a service, what happens once it is started.
        checks: by service, exit code and output of its health check.
    """

    states: dict[str, State] = field(default_factory=dict[str, State])
    open: dict[str, Listening] = field(default_factory=dict[str, Listening])
    started: list[str] = field(default_factory=list[str])
    after: dict[str, Callable[[], None]] = field(default_factory=dict[str, Callable[[], None]])
    checks: dict[str, tuple[int, bytes]] = field(default_factory=dict[str, tuple[int, bytes]])
    said: bytes = b""
    local: bool = True
    under: dict[str, Circumstances] = field(default_factory=dict[str, Circumstances])
    declared: dict[str, dict[int, str]] = field(default_factory=dict[str, dict[int, str]])
    deadline_s: float = 60.0
    notes: list[str] = field(default_factory=list[str])

    def runs(self, service: str, *ports: int, host: dict[int, int] | None = None, **state: Any):
        """Let it run, listen on `ports`, and be published as `host` has it."""
        self.states[service] = replace(RUNNING, id=service, ports=host or {}, **state)
        self.open[service] = Listening(True, ports)

    async def state(self, container_id: str) -> State:
        known = self.states[container_id]
        fresh = replace(known, running=False, unbroken=False, health="", fresh=True, exit_code=0)
        return known if container_id in self.started else fresh

    async def start(self, container_id: str) -> str:
        self.started.append(container_id)
        self.after.get(container_id, lambda: None)()
        return ""

    async def log(self, container_id: str) -> bytes:
        return self.said

    async def renew(self, plan: ServicePlan, container_id: str) -> str:
        self.started.remove(container_id)
        return container_id

    async def up(self, *plans: ServicePlan) -> dict[str, RunningService]:
        ids = {plan.name: plan.name for plan in plans}
        under = {plan.name: self.under.get(plan.name, Circumstances()) for plan in plans}
        start = Launch(
            self, FakeEndings(), StartFaults(self, under), plans, ids, "host", self.deadline_s,
            Host(self.local, calm), lambda _: None, self.declared, self.renew,
        )  # fmt: skip
        self.notes = start.notes
        return {one.service: one for one in await start.up()}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    async def listening(_client: object, state: State, *_: object) -> Listening:
        return made.open.get(state.id, Listening())

    async def cores_used(*_: object) -> float:
        return 0.0

    async def call(_function: object, _client: object, container_id: str, *_: object, **__: object):
        return made.checks[container_id]

    monkeypatch.setattr(finding, "listening", listening)
    monkeypatch.setattr(unready, "listening", listening)
    monkeypatch.setattr(starttime, "cores_used", cores_used)
    monkeypatch.setattr(health, "call", call)
    monkeypatch.setattr(health, "_EVERY_S", 0.0)
    monkeypatch.setattr(launch, "_RESTARTS_AFTER_S", (0.0, 0.0))
    monkeypatch.setattr(settling, "_SETTLE_S", 0.0)
    for name in ("_OTHER_S", "_GRACE_S"):
        monkeypatch.setattr(readiness, name, 0.0)
    return made


@pytest.fixture
async def http() -> AsyncIterator[Callable[..., Any]]:
    """Port of a server with these statuses, open until the test ends."""
    async with AsyncExitStack() as stack:

        async def serve(*statuses: int) -> int:
            return await stack.enter_async_context(server(*statuses or (200,)))

        yield serve


def own(name: str, **fields: Any) -> ServicePlan:
    return ServicePlan(name, context=HERE, **fields)


async def test_services_start_as_soon_as_what_they_depend_on_is_there(world: World, http):
    at = await http()
    world.runs("web", 80, host={80: at})
    world.runs("free", 80, host={80: at})
    world.runs("db", 5432, health="starting", health_test=("CMD", "ready"))
    world.runs("migrate")
    world.checks["db"] = (1, b"no")
    world.after["free"] = lambda: world.checks.update(db=(0, b""))
    done = replace(world.states["migrate"], running=False, unbroken=False, exit_code=0)
    world.after["migrate"] = lambda: world.states.update(migrate=done)
    plans = (
        ServicePlan("db", publishes=False),
        own("migrate", publishes=False, depends_on={"db": "service_healthy"}),
        own("web", depends_on={"migrate": "service_completed_successfully"}),
        own("free", depends_on={"db": "service_started"}),
    )

    found = await world.up(*plans)

    assert world.started == ["db", "free", "migrate", "web"]
    assert set(found) == {"db", "web", "free"}
    assert found["db"].role == "support"


async def test_a_dependency_that_fails_ends_the_start_unless_it_is_optional(world: World, http):
    world.runs("web", 80, host={80: await http()})
    world.runs("seed")
    failed = replace(world.states["seed"], running=False, unbroken=False, exit_code=0)
    world.after["seed"] = lambda: world.states.update(seed=failed)
    seed = own("seed", publishes=False)
    web = own("web", depends_on={"seed": "service_healthy", "gone": "service_healthy"})

    with pytest.raises(AppFault, match="seed exited with 0"):
        await world.up(seed, replace(web, depends_on={"seed": "service_healthy"}))

    world.started.clear()
    found = await world.up(seed, replace(web, optional=frozenset({"seed", "gone"})))
    assert set(found) == {"web"}
    assert any("it can do without" in note for note in world.notes)


async def test_exit_0_of_the_only_one_that_should_answer_is_a_failure(world: World):
    world.runs("app")
    done = replace(world.states["app"], running=False, unbroken=False)
    world.after["app"] = lambda: world.states.update(app=done)

    with pytest.raises(AppFault, match="app exited with 0"):
        await world.up(OWN)
    world.started.clear()
    with pytest.raises(AppFault, match="app exited with 0"):
        await world.up(replace(OWN, publishes=False))


@pytest.mark.parametrize(
    ("lives", "restarts", "alone", "comes_up"),
    [
        (1, True, False, True),
        (3, True, False, False),
        (1, False, False, False),
        (1, True, True, False),
    ],
    ids=["as its author has it", "not for ever", "not unasked", "not where nothing can change"],
)
async def test_what_fails_because_another_is_not_there_yet_is_started_again(
    world: World, http, lives: int, restarts: bool, alone: bool, comes_up: bool
):
    world.runs("db")
    world.runs("app", 80, host={80: await http()})
    up, left = world.states["app"], [lives]
    failed = replace(up, running=False, unbroken=False, exit_code=1)
    world.said = b"ConnectionError: db refused the connection"

    def live() -> None:
        world.states["app"] = failed if left[0] else up
        left[0] -= 1

    world.after["app"] = live
    plans = (replace(OWN, restarts=restarts), ServicePlan("db", publishes=False))[
        : 1 if alone else 2
    ]

    if comes_up:
        assert "app" in await world.up(*plans)
        assert world.notes[0].endswith("was started again: " + world.said.decode())
    else:
        with pytest.raises(AppFault, match="app exited with 1"):
            await world.up(*plans)


async def test_a_worker_is_up_when_it_runs_and_another_answers(world: World, http):
    world.runs("queue")
    world.runs("app", 80, host={80: await http()})

    found = await world.up(own("queue", publishes=False), OWN)

    assert (found["queue"].role, found["queue"].container_port) == ("support", None)
    assert found["app"].container_port == 80


async def test_what_others_made_is_measured_only_where_the_app_has_nothing_of_its_own(
    world: World, http
):
    world.runs("shop", 80, host={80: await http()})
    world.runs("admin", 81, host={81: await http()})
    shop, admin = ServicePlan("shop", image="x"), ServicePlan("admin", image="nginx")

    found = await world.up(replace(shop, files=(OwnFile("/etc/x", HERE),)), admin)
    assert {name: one.container_port for name, one in found.items()} == {"shop": 80, "admin": None}

    world.started.clear()
    found = await world.up(shop, admin)
    assert {name: one.container_port for name, one in found.items()} == {"shop": 80, "admin": 81}


async def test_a_stock_image_is_measured_where_the_apps_own_work_answers_no_http(
    world: World, http
):
    world.runs("web", 80, host={80: await http()})
    world.runs("queue")
    world.deadline_s = 0.0

    found = await world.up(ServicePlan("web", image="x"), own("queue", publishes=False))

    assert found["web"].container_port == 80


async def test_health_decides_over_answers_and_an_engine_need_not_be_waited_for(world: World, http):
    at = await http(200)
    world.runs("app", 80, host={80: at}, health="starting", health_test=("CMD-SHELL", "check"))
    looks: list[int] = []

    class Later(dict[str, tuple[int, bytes]]):
        def __getitem__(self, key: str) -> tuple[int, bytes]:
            looks.append(1)
            return (1, b"not yet") if len(looks) < 3 else (0, b"")

    world.checks = Later()
    found = await world.up(OWN)

    assert found["app"].container_port == 80
    assert len(looks) == 3


@pytest.mark.parametrize(
    "said", [b"/bin/sh: 1: curl: not found", b"exec: no such file or directory"]
)
async def test_a_health_check_that_cannot_be_run_says_nothing(world: World, http, said: bytes):
    at = await http(200)
    world.runs("app", 80, host={80: at}, health="unhealthy", health_test=("CMD", "curl"))
    world.checks["app"] = (1, said)

    found = await world.up(OWN)

    assert found["app"].container_port == 80
    assert any("its health check cannot be run" in note for note in world.notes)


async def test_a_dependency_whose_check_cannot_be_run_is_excused_on_a_stand_in_alone(
    world: World, http
):
    world.runs("app", 80, host={80: await http(200)})
    world.runs("db", health="unhealthy", health_test=("CMD", "pg_isready"))
    world.checks["db"] = (127, b"")
    world.deadline_s = 1.0
    db = own("db", publishes=False)
    app = replace(OWN, depends_on={"db": "service_healthy"})

    with pytest.raises(AppFault, match="did not become ready for app"):
        await world.up(db, app)
    world.started.clear()
    world.under["db"] = STAND_IN
    assert set(await world.up(db, app)) == {"db", "app"}


async def test_a_red_health_check_is_waited_for_and_then_judged_by_the_answer(world: World, http):
    world.runs("app", 80, host={80: await http(200)}, health="unhealthy", health_test=("CMD", "x"))
    world.checks["app"] = (1, b"404")
    world.deadline_s = 0.5

    found = await world.up(OWN)

    assert found["app"].container_port == 80
    assert world.notes[0] == ("app: answers 200 to the end of its start (health check: unhealthy)")


async def test_a_healthy_service_that_closes_connections_speaks_something_else(world: World, http):
    async with speaking(b"") as cache:
        world.runs("cache", 6379, host={6379: cache}, health="healthy")
        world.runs("app", 80, host={80: await http()})
        found = await world.up(own("cache"), OWN)

    assert (found["cache"].role, found["app"].role) == ("support", "backend")
    assert "cache: port 6379 speaks no HTTP, so it is not measured" in world.notes


async def test_who_begins_with_another_protocol_may_speak_http_later(world: World, http):
    class Later(dict[str, Listening]):
        looks = 0

        def get(self, key: str, default: object = None) -> Listening:
            self.looks += 1
            return Listening(True, (50_051,) if self.looks < 3 else (8000, 50_051))

    async with speaking(b"\x00grpc") as other:
        world.runs("app", host={50_051: other, 8000: await http()})
        world.open = Later()
        world.declared["app"] = {50_051: "EXPOSE", 8000: "EXPOSE"}
        app = (await world.up(OWN))["app"]

    assert (app.container_port, app.further[0].container_port) == (8000, 50_051)


async def test_a_database_that_answers_a_get_with_a_hint_speaks_no_http(world: World, http):
    """Files of the app's own may be in it, its first rows."""
    hint = b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
    async with speaking(hint, only=b"GET") as port:
        world.runs("db", 27017, host={27017: port})
        world.runs("app", 80, host={80: await http()})
        found = await world.up(ServicePlan("db", files=(OwnFile("/init", HERE),)), OWN)

    assert (found["db"].role, found["app"].container_port) == ("support", 80)


async def test_of_several_ports_the_one_with_the_app_is_measured_and_the_others_are_known(
    world: World, http
):
    page, admin, socket = await http(200), await http(200), await http(426)
    world.runs("app", 4000, 4001, 9000, host={4000: socket, 4001: page, 9000: admin})
    world.said = b"debugger on ws://127.0.0.1:9229\nServer listening on http://0.0.0.0:4001\n"

    app = (await world.up(replace(OWN, published=((9001, 9000), (80, 4001)))))["app"]

    assert (app.container_port, app.found_by) == (4001, "open socket, log")
    assert app.published == (80,)
    assert [(one.container_port, one.host_port, one.published) for one in app.further] == [
        (4000, socket, ()),
        (9000, admin, (9001,)),
    ]


WAYS = {
    "what is declared": ({80: "EXPOSE"}, (80, 3000), 80, "open socket, EXPOSE"),
    "what is not, but open": ({8080: "EXPOSE"}, (3000,), 3000, "open socket, well-known port"),
    "by nothing but its socket": ({}, (4321,), 4321, "open socket"),
}


@pytest.mark.parametrize(("declared", "ports", "port", "how"), WAYS.values(), ids=WAYS)
async def test_how_a_port_was_found_is_told(world: World, http, declared, ports, port, how):
    world.runs("app", *ports, host={one: await http() for one in {*ports, *declared}})
    world.declared["app"] = declared

    app = (await world.up(OWN))["app"]

    assert (app.container_port, app.found_by) == (port, how)


async def test_without_a_look_at_its_sockets_what_is_declared_is_asked(world: World, http):
    world.runs("app", host={8000: await http(), 3000: await http()})
    world.open["app"] = Listening()
    world.declared["app"] = {3000: "compose file"}

    app = (await world.up(OWN))["app"]

    assert (app.container_port, app.found_by, app.further) == (3000, "compose file", ())


async def test_a_database_that_nobody_publishes_is_never_started_anew(world: World, http):
    """Its port speaks no HTTP, or nobody could reach it: no reason to publish it."""
    async with speaking(b"\x00mysql") as port:
        world.runs("db", port, address="127.0.0.1")
        world.runs("app", 80, host={80: await http()})
        found = await world.up(own("db"), OWN)
    assert found["db"].container_port is None

    world.started.clear()
    world.runs("db", await http(), address="127.0.0.1")
    found = await world.up(own("db", publishes=False), OWN)
    assert found["db"].container_port is None
    assert any("which nothing publishes" in note for note in world.notes)


@pytest.mark.parametrize("local", [True, False])
async def test_a_port_that_is_not_published_is_moved_to(world: World, http, local: bool):
    """On another host's engine nobody can ask it before."""
    port = await http()
    world.local = local
    world.runs("app", port, address="127.0.0.1")

    with pytest.raises(Moved) as caught:
        await world.up(OWN)

    assert caught.value.port == port


async def test_what_listens_for_ipv6_alone_is_told_what_is_wrong(world: World):
    world.runs("app", 1, host={1: 1}, address="127.0.0.1")
    world.deadline_s = 0.0

    with pytest.raises(AppFault, match="port 1 for IPv6 alone"):
        await world.up(OWN)


async def test_an_app_that_takes_longer_for_an_answer_than_a_look_waits_is_up(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(probe, "TIMEOUT_S", 0.2)
    async with server(200, after_s=0.7) as port:
        world.runs("app", 8000, host={8000: port})
        found = await world.up(OWN)

    assert found["app"].container_port == 8000


async def test_a_port_that_answers_nothing_holds_up_none_that_answers(
    world: World, http, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(finding, "TIMEOUT_S", 0.2)
    async with speaking(b"+PONG", only=b"PING") as mute, asyncio.timeout(3):
        world.runs("app", 8000, 9000, host={8000: await http(), 9000: mute})
        found = await world.up(OWN)

    assert found["app"].container_port == 8000


async def test_a_splash_page_that_gives_way_is_not_measured(world: World, http, monkeypatch):
    """It answers, and is gone when the others are up."""
    world.runs("app", 8080, host={8080: await http(), 3000: await http()})
    world.runs("slow", 80, host={80: await http(503, 200)})
    seen = readiness.Readiness.look

    async def look(self, wanted, state):
        up = await seen(self, wanted, state)
        if wanted.plan.name == "slow" and up is not None:
            world.runs("app", 3000, host={3000: world.states["app"].ports[3000], 8080: 1})
        return up

    monkeypatch.setattr(readiness.Readiness, "look", look)
    found = await world.up(OWN, own("slow"))

    assert found["app"].container_port == 3000
