"""Whose fault it is when an app's container does not come up."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import replace

import pytest

from clients import blame
from clients.appfolder import AppFault, ServicePlan
from clients.blame import PlatformFault
from clients.calm import Moment
from clients.docker import finding, readiness, settling, starttime, unready
from clients.docker.containers import State
from clients.docker.readiness import Moved
from clients.ending import Ending
from clients.excuses import Circumstances
from clients.sockets import Listening
from clients.substitution import Substitution
from clients.targets import resolve_targets
from contract.errors import ErrorCode, PlatformError
from contract.running import RunningApp
from tests.support.launch_bench import (
    DEAD,
    RUNNING,
    Bench,
    FakeContainers,
    FakeEndings,
    server,
    speaking,
)

STAND_IN = (Substitution("python:3.13-slim", "assay/python:3.11"),)
NOTHING = Circumstances()
NEW_SYNTAX = '  File "/app/app.py", line 1\n    type Row = int\nSyntaxError: invalid syntax\n'


@pytest.fixture(autouse=True)
def cores(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Cores that the container keeps busy."""
    used = {"c1": 0.0}

    async def cores_used(_client: object, container_id: str) -> float:
        return used[container_id]

    monkeypatch.setattr(starttime, "cores_used", cores_used)
    return used


@pytest.fixture(autouse=True)
def sockets(monkeypatch: pytest.MonkeyPatch) -> Callable[[Listening], None]:
    """Sets what the container listens on."""

    def listen(found: Listening) -> None:
        async def listening(*_: object) -> Listening:
            return found

        monkeypatch.setattr(unready, "listening", listening)
        monkeypatch.setattr(finding, "listening", listening)

    listen(Listening(True, (8000,)))
    return listen


async def test_an_app_that_exits_is_at_fault_and_its_last_words_are_told():
    with pytest.raises(AppFault, match=r"web exited with 1: boom") as caught:
        await Bench(FakeContainers([DEAD])).launch().up()

    assert caught.value.row == "exit-by-itself"


async def test_a_death_without_a_word_tells_what_it_ran():
    with pytest.raises(AppFault, match=r"its log is empty; it ran `python app.py`"):
        await Bench(FakeContainers([DEAD], said="")).launch().up()


@pytest.mark.parametrize("states", [[DEAD], [RUNNING, None], [RUNNING]])
async def test_what_the_engine_took_away_while_it_started_is_no_fault_of_the_app(states, sockets):
    ending = Ending(blame.ENGINE_RESTARTED, "was taken away by a restart of the Docker daemon")

    with pytest.raises(PlatformError, match="restart of the Docker daemon") as caught:
        await Bench(FakeContainers(states), FakeEndings(ending)).launch().up()

    assert caught.value.code is ErrorCode.UNAVAILABLE


async def test_a_service_remembers_the_ports_it_was_written_for():
    """Of what it publishes, what leads to the port that answered."""
    async with server(200) as port:
        state = replace(RUNNING, ports={8000: port})
        plan = ServicePlan("web", published=((5432, 5432), (3000, 8000), (3001, 8000)))
        (service,) = await Bench(FakeContainers([state]), FakeEndings()).launch(plan).up()

    assert (service.published, service.written_for) == ((3000, 3001), (8000,))
    app = RunningApp(workflow_id="w", host="h", engine="docker", services=(service,))
    (target,) = resolve_targets(app, "host")
    assert (target.base_url, target.published) == (f"http://127.0.0.1:{port}", (3000, 3001))
    assert target.written_for == (8000,)


@pytest.mark.parametrize("row", [blame.KILLED, blame.KILLED_BY_NOBODY, blame.REMOVED, blame.PAUSED])
async def test_a_start_that_somebody_ended_is_tried_again(row):
    bench = Bench(FakeContainers([DEAD]), FakeEndings(Ending(row, "ended")))

    with pytest.raises(PlatformError) as caught:
        await bench.launch().up()

    assert caught.value.retryable


CAUSES = {
    "newer syntax on an older stand-in": (
        NEW_SYNTAX,
        Circumstances(STAND_IN),
        "python:3.13-slim ->",
    ),
    "a device that is not there": (
        "OSError: no camera",
        Circumstances(not_honoured=("web: devices (no host devices)",)),
        "web: devices",
    ),
    "a variable of the host": (
        "KeyError: 'MAIL_KEY'",
        Circumstances(not_honoured=("web: environment.MAIL_KEY (the host's ...)",)),
        "environment.MAIL_KEY",
    ),
    "a name outside": (
        "Error: getaddrinfo ENOTFOUND api.example.com",
        Circumstances(egress_denied=True),
        "api.example.com, and `egress: deny`",
    ),
}


@pytest.mark.parametrize(("log", "under", "named"), CAUSES.values(), ids=CAUSES)
async def test_what_we_took_from_the_app_may_have_killed_it(log, under, named):
    with pytest.raises(PlatformError, match="web exited with 1") as caught:
        await Bench(FakeContainers([DEAD], said=log), under=under).launch().up()

    assert caught.value.code is ErrorCode.FAILED_PRECONDITION
    assert named in caught.value.message


OWN = {
    "a name": ("NameError: name 'app' is not defined", Circumstances(STAND_IN)),
    "a missing module of its own": (
        "ModuleNotFoundError: No module named 'models'",
        Circumstances(STAND_IN),
    ),
    "a module, whatever was dropped": (
        "Error: Cannot find module './db'",
        Circumstances(not_honoured=("web: network_mode (...)",)),
    ),
    "a variable nobody dropped": (
        "KeyError: 'MAIL_KEY'",
        Circumstances(not_honoured=("web: environment.OTHER (the host's ...)",)),
    ),
    "a service that it forgot": (
        'psycopg2.OperationalError: could not translate host name "db" to address: Temporary'
        " failure in name resolution",
        Circumstances(egress_denied=True),
    ),
    "a service on an address": (
        "Error: connect ECONNREFUSED 127.0.0.1:5432",
        Circumstances(egress_denied=True),
    ),
    "a name outside that it may reach": (
        "Error: getaddrinfo ENOTFOUND api.example.com",
        Circumstances(egress_denied=False),
    ),
}


@pytest.mark.parametrize(("log", "under"), OWN.values(), ids=OWN)
async def test_what_has_nothing_to_do_with_us_stays_the_apps(log, under):
    with pytest.raises(AppFault):
        await Bench(FakeContainers([DEAD], said=log), under=under, knocks=True).launch().up()


async def test_a_silent_death_after_a_knock_at_the_closed_way_out_is_not_the_apps():
    bench = Bench(
        FakeContainers([DEAD], said=""), under=Circumstances(egress_denied=True), knocks=True
    )

    with pytest.raises(PlatformError, match="asked for an address outside"):
        await bench.launch().up()


@pytest.mark.parametrize(
    ("under", "row"),
    [(Circumstances(), "command-missing"), (Circumstances(STAND_IN), "stand-in")],
    ids=["on its own image", "on a stand-in"],
)
async def test_a_missing_tool_of_the_image_is_the_apps_only_on_its_own_image(under, row):
    said = 'OCI runtime create failed: exec: "curl": executable file not found in $PATH: unknown'
    created = replace(DEAD, exit_code=0, fresh=True)

    with pytest.raises((AppFault, PlatformFault), match="web cannot be run") as caught:
        await Bench(FakeContainers([created], refusal=said), under=under).launch().up()

    assert caught.value.row == row


async def test_a_loopback_bind_is_named_with_its_port(sockets):
    sockets(Listening(True, (), (8000,)))

    with pytest.raises(AppFault, match=r"127\.0\.0\.1:8000 of its own container alone") as caught:
        await Bench(FakeContainers([RUNNING]), FakeEndings()).launch().up()

    assert (caught.value.phase, caught.value.row) == ("answer", "loopback-only")


async def test_what_never_answers_on_a_calm_host_is_at_fault_and_its_sockets_are_named(sockets):
    sockets(Listening(True))

    with pytest.raises(
        AppFault, match=r"did not answer HTTP on port 8000 .*it listens on no port"
    ) as caught:
        await Bench(FakeContainers([RUNNING]), FakeEndings()).launch().up()

    assert caught.value.row == "never-answered"


async def test_a_loaded_host_gets_more_time_and_is_then_to_blame(sockets):
    sockets(Listening(True))
    clock = {"now": 0.0}

    def loaded() -> Moment:
        clock["now"] += 1.0
        return Moment(clock["now"], {"cpu": int(clock["now"] * 0.9e6)}, 0.0)

    bench = Bench(FakeContainers([RUNNING]), FakeEndings(), deadline_s=30.0, look=loaded)
    with pytest.raises(PlatformFault, match=r"CPU pressure 90%") as caught:
        await bench.launch().up()

    assert clock["now"] > 60
    assert (caught.value.row, caught.value.code) == ("slow-start", ErrorCode.UNAVAILABLE)


async def test_an_app_that_still_compiles_gets_more_time_but_not_for_ever(sockets, cores):
    sockets(Listening(True))
    cores["c1"] = 0.97
    lines: list[str] = []
    clock = {"now": 0.0}

    def passing() -> Moment:
        clock["now"] += 1.0
        return Moment(clock["now"], {"cpu": 0}, 0.0)

    bench = Bench(FakeContainers([RUNNING]), FakeEndings(), deadline_s=30.0, look=passing)
    launch = bench.launch()
    launch.on_progress = lines.append
    with pytest.raises(AppFault, match="did not answer HTTP"):
        await launch.up()

    assert 60 < clock["now"] < 90
    assert any("still at work" in line for line in lines)


async def test_a_paused_container_is_not_a_dead_one(sockets):
    paused = replace(RUNNING, running=False, paused=True)

    with pytest.raises(PlatformError, match="was paused from outside"):
        await Bench(FakeContainers([paused]), FakeEndings()).launch().up()


async def test_a_warm_up_with_a_health_check_waits_for_it_beyond_the_deadline():
    async with server(503, 503, 200) as port:
        starting = replace(RUNNING, ports={8000: port}, health="starting")
        (web,) = await Bench(FakeContainers([starting]), FakeEndings()).launch().up()

    assert web.container_port == 8000


async def test_a_server_error_is_ready_once_the_health_check_says_so():
    async with server(500) as port:
        starting = replace(RUNNING, ports={8000: port}, health="starting")
        healthy = replace(starting, health="healthy")
        states = [starting, starting, starting, healthy]
        (web,) = await Bench(FakeContainers(states), FakeEndings()).launch().up()

    assert web.container_port == 8000


async def test_a_503_without_a_health_check_is_waited_for_and_then_taken_with_a_note(sockets):
    async with server(503) as port:
        launch = Bench(
            FakeContainers([replace(RUNNING, ports={8000: port})]), FakeEndings()
        ).launch()
        (web,) = await launch.up()

    assert web.container_port == 8000
    assert launch.notes[0] == "web: answers 503 to the end of its start (health check: none)"


async def test_a_port_that_was_not_declared_is_found(sockets, monkeypatch):
    sockets(Listening(True, (3000, 9229)))
    monkeypatch.setattr(settling, "_SETTLE_S", 0.0)

    with pytest.raises(Moved) as caught:
        await Bench(FakeContainers([RUNNING]), FakeEndings(), deadline_s=60).launch().up()

    assert (caught.value.service, caught.value.port) == ("web", 3000)


async def test_an_app_that_listens_elsewhere_at_each_start_is_moved_once(sockets, monkeypatch):
    sockets(Listening(True, (3001,)))
    monkeypatch.setattr(settling, "_SETTLE_S", 0.0)
    bench = Bench(FakeContainers([RUNNING]), FakeEndings(), deadline_s=1)

    with pytest.raises(AppFault, match="it listens on port 3001"):
        await bench.launch(ServicePlan("web", listens=8000)).up()


async def test_a_service_that_speaks_another_protocol_is_left_out(sockets, monkeypatch):
    monkeypatch.setattr(readiness, "_OTHER_S", 0.0)
    async with speaking(b"-ERR\n") as cache, server(200) as web:
        states: list[State | None] = [replace(RUNNING, ports={8000: cache})]
        bench = Bench(FakeContainers(states), FakeEndings(), deadline_s=60)
        launch = bench.launch(ServicePlan("cache"), ServicePlan("web"))
        launch.container_ids["cache"] = "c2"

        async def state(container_id: str) -> State:
            return replace(RUNNING, ports={8000: web if container_id == "c1" else cache})

        bench.containers.state = state
        found = {one.service: one.container_port for one in await launch.up()}

    assert found == {"cache": None, "web": 8000}
    assert launch.notes[0] == "cache: port 8000 speaks no HTTP, so it is not measured"


async def test_an_app_of_which_nothing_speaks_http_did_not_come_up(sockets):
    async with speaking(b"-ERR\n") as number:
        states: list[State | None] = [replace(RUNNING, ports={8000: number})]
        with pytest.raises(AppFault, match="answers in another protocol") as caught:
            await Bench(FakeContainers(states), FakeEndings(), deadline_s=0.5).launch().up()

    assert caught.value.row == "never-answered"


async def test_an_app_that_speaks_tls_alone_is_not_the_apps_fault(sockets, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"]
    subprocess.run(
        [*made, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    served = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    number = served.sockets[0].getsockname()[1]
    try:
        sockets(Listening(True, (8000,)))
        state = replace(RUNNING, ports={8000: number})
        with pytest.raises(PlatformFault, match="speaks TLS on port 8000") as caught:
            await Bench(FakeContainers([state]), FakeEndings()).launch().up()
    finally:
        served.close()

    assert caught.value.row == "tls-only"


async def test_an_open_port_whose_publication_refuses_is_the_engines_fault(sockets):
    """Of another machine's engine, or of one whose rules were taken away."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    sockets(Listening(True, (8000,)))
    state = replace(RUNNING, ports={8000: number}, address="")

    with pytest.raises(PlatformFault, match=f"127.0.0.1:{number}, where its engine") as caught:
        await Bench(FakeContainers([state]), FakeEndings()).launch().up()

    assert caught.value.row == "not-reached"
    assert caught.value.code is ErrorCode.FAILED_PRECONDITION
