"""Real containers on a real engine; each test has a scope of its own and leaves nothing of it."""

import asyncio
import socket

import httpx
import pytest

from clients.docker.labels import LABEL_PEER
from contract.errors import ErrorCode, PlatformError
from contract.ids import LABEL_SCOPE
from contract.running import RunningApp
from tests.support.docker_bench import Bench

pytestmark = pytest.mark.docker


async def ask(app: RunningApp, path: str, service: int = 0) -> str:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        port = app.services[service].host_port
        return (await client.get(f"http://127.0.0.1:{port}{path}")).text


async def test_an_app_is_built_limited_answers_and_is_removed(bench: Bench):
    app = bench.app()
    running = await bench.started(app)

    check = await bench.runtime.check(running)
    assert (check.alive, len(check.targets)) == (True, 1)
    assert await ask(running, "/") == "hello"
    container = bench.engine.containers.get(running.services[0].container_id)
    settings = container.attrs["HostConfig"]
    assert settings["PortBindings"]["8000/tcp"][0]["HostIp"] == "127.0.0.1"
    assert container.attrs["NetworkSettings"]["Ports"]["8000/tcp"][0]["HostIp"] == "127.0.0.1"
    assert (settings["Memory"], settings["PidsLimit"]) == (128 * 1024 * 1024, 256)
    assert settings["CapDrop"] == ["ALL"]
    assert settings["SecurityOpt"] == ["no-new-privileges:true"]
    assert list(await bench.runtime.owned_workflows()) == [app.workflow_id]

    report = await bench.runtime.teardown(app.workflow_id)
    assert (report.containers, report.networks) == (1, 1)
    assert b"listening" in bench.artifacts.data["app-app.log"]
    again = await bench.runtime.teardown(app.workflow_id)
    assert (again.containers, again.networks, again.facts.logs) == (0, 0, ())
    assert list(await bench.runtime.owned_workflows()) == []


async def test_a_second_start_adopts_and_another_run_starts_afresh(bench: Bench):
    app = bench.app()
    first = await bench.started(app)
    assert await bench.started(app) == first

    lines: list[str] = []
    before = bench.facts[first.workflow_id]
    outcome = await bench.runtime.start(app, "another run", lines.append)
    other = outcome.app

    assert other is not None
    assert other.services[0].container_id != first.services[0].container_id
    assert outcome.facts.images == before.images
    assert other.conditions == first.conditions != ""
    assert "app: image unchanged" in lines


async def test_an_app_that_is_built_ahead_starts_from_what_was_built(bench: Bench):
    app = bench.app(Dockerfile="FROM assay/python:3.11\nENV PORT=8000\nCOPY . /app\n"
                    'CMD ["python", "/app/server.py"]\n')  # fmt: skip

    anew = list[bool]()
    built = await bench.runtime.prepare(app, "run", lambda line: None, anew.append)

    assert (built.app, built.phase) == (None, "built")
    assert b"unchanged" not in bench.artifacts.data["build.log"]
    await bench.runtime.prepare(app, "run", lambda line: None, anew.append)
    assert b"app: image unchanged, built earlier: " in bench.artifacts.data["build.log"]
    assert bench.engine.containers.list(filters={"label": f"{LABEL_SCOPE}={bench.scope}"}) == []
    lines = list[str]()
    started = await bench.runtime.start(app, "run", lines.append, anew.append)
    assert started.app is not None
    assert built.host == started.app.host, "it was built where it starts"
    assert await ask(started.app, "/") == "hello"
    assert "app: image unchanged" in lines
    assert anew == [True, False, False]
    assert started.facts.logs == (), "the log of its build is kept once"


async def test_an_app_that_does_not_build_ahead_leaves_nothing(bench: Bench):
    app = bench.app(Dockerfile="FROM assay/python:3.11\nRUN echo telling >&2; exit 3\n")

    built = await bench.runtime.prepare(app, "run", lambda line: None)

    assert (built.app, built.phase) == (None, "build")
    assert "telling" in built.reason
    assert [log.name for log in built.facts.logs] == ["build.log"]
    assert bench.leftovers() == []


async def test_an_app_that_dies_at_its_start_says_why(bench: Bench):
    app = bench.app(**{"server.py": "raise SystemExit('no database configured')"})

    outcome = await bench.runtime.start(app, "run", lambda line: None)

    assert (outcome.app, outcome.phase) == (None, "start")
    assert outcome.reason == "app exited with 1: no database configured"
    assert b"no database configured" in bench.artifacts.data["start-app.log"]
    assert bench.leftovers() == []


async def test_an_app_that_does_not_build_keeps_its_build_log(bench: Bench):
    app = bench.app(Dockerfile="FROM assay/python:3.11\nRUN echo telling >&2; exit 3\n")

    outcome = await bench.runtime.start(app, "run", lambda line: None)

    assert (outcome.app, outcome.phase) == (None, "build")
    assert "returned a non-zero code: 3: telling" in outcome.reason
    assert b"telling" in bench.artifacts.data["build.log"]


async def test_a_build_that_needs_too_much_memory_is_the_apps_fault(bench: Bench):
    greedy = "FROM assay/python:3.11\nRUN python -c 'bytearray(200 * 1024 * 1024)'\n"
    runtime = bench.make_runtime("host", build_memory_bytes=64 * 1024 * 1024)

    outcome = await runtime.start(bench.app(Dockerfile=greedy), "run", lambda line: None)
    await runtime.close()

    assert (outcome.app, outcome.phase) == (None, "build")
    assert "out of memory" in outcome.reason


async def test_a_build_that_forks_without_end_is_stopped(bench: Bench):
    bomb = "import os, time\nfor count in range(500):\n    os.fork() or time.sleep(30)\n"
    dockerfile = "FROM assay/python:3.11\nCOPY bomb.py /\nRUN python /bomb.py\n"
    app = bench.app(**{"Dockerfile": dockerfile, "bomb.py": bomb})
    runtime = bench.make_runtime("host", build_pids=64)

    outcome = await runtime.start(app, "run", lambda line: None)
    await runtime.close()

    assert (outcome.app, outcome.phase) == (None, "build")
    assert "Resource temporarily unavailable" in outcome.reason


async def test_the_size_of_an_image_is_what_the_engine_says(bench: Bench):
    app = await bench.started(bench.app())

    (image,) = bench.facts[app.workflow_id].images
    assert image.service == "app"
    assert image.size_bytes == bench.engine.images.get(image.name).attrs["Size"]
    assert (image.size_bytes or 0) > 1_000_000, "its base image is part of it"


async def test_an_app_reaches_its_own_services_and_nothing_else(bench: Bench):
    compose = """
services:
  frontend: {build: ., environment: {PORT: 3000}, ports: ["3000:3000"], depends_on: [backend],
             privileged: true, volumes: ["kept:/kept"]}
  backend: {build: ., environment: {PORT: 5000}, ports: ["5000:5000"], volumes: ["kept:/kept"]}
volumes: {kept: {}}
"""
    app, other = await asyncio.gather(
        bench.started(bench.app(1, **{"docker-compose.yml": compose})),
        bench.started(bench.app(2)),
    )
    notes = bench.facts[app.workflow_id].notes
    assert "frontend: privileged (no app runs privileged)" in notes
    assert not any("the app can reach ports of its host" in note for note in notes)
    names = [service.service for service in app.services]
    frontend = names.index("frontend")
    settings = bench.engine.containers.get(app.services[frontend].container_id).attrs["HostConfig"]
    assert settings["Privileged"] is False
    assert [bind.split(":")[1] for bind in settings["Binds"]] == ["/kept"]

    attributes = bench.engine.containers.get(app.services[frontend].container_id).attrs
    gateway = attributes["NetworkSettings"]["Networks"][app.network]["Gateway"]
    stranger = bench.engine.containers.get(other.services[0].container_id)
    (endpoint,) = stranger.attrs["NetworkSettings"]["Networks"].values()
    with socket.create_server(("0.0.0.0", 0)) as host_service:
        port = host_service.getsockname()[1]
        answers = await asyncio.gather(
            ask(app, "/backend:5000", frontend),
            ask(app, f"/{gateway}:{port}", frontend),
            ask(app, f"/172.17.0.1:{port}", frontend),
            ask(app, f"/{endpoint['IPAddress']}:8000", frontend),
        )
    assert answers[0] == "open"
    assert [answer.split()[0] for answer in answers[1:]] == ["closed"] * 3

    report = await bench.runtime.teardown(f"pipeline/{bench.scope}/m/app1")
    assert (report.containers, report.networks, report.volumes) == (3, 1, 1)


async def test_two_installations_run_a_pipeline_of_one_name_beside_each_other(
    bench: Bench, neighbour: Bench
):
    compose = """
services:
  web: {build: ., environment: {PORT: 3000}, ports: ["3000:3000"], volumes: ["kept:/kept"]}
  job: {build: ., environment: {PORT: 5000}, volumes: ["kept:/kept"]}
volumes: {kept: {}}
"""
    app = bench.app(**{"docker-compose.yml": compose})

    ours = await bench.started(app)
    theirs = await neighbour.started(app)

    assert {service.dns_name for service in ours.services}.isdisjoint(
        service.dns_name for service in theirs.services
    )
    assert ours.network != theirs.network
    for one, running in ((bench, ours), (neighbour, theirs)):
        mounts = one.engine.containers.get(running.services[0].container_id).attrs["Mounts"]
        (kept,) = (mount["Name"] for mount in mounts if mount["Destination"] == "/kept")
        labels = one.engine.volumes.get(kept).attrs["Labels"]
        assert labels[LABEL_SCOPE] == one.scope, "no app reads the data of another installation's"
    report = await neighbour.runtime.teardown(app.workflow_id)
    assert (report.networks, report.volumes) == (1, 1)
    assert await ask(ours, "/") == "hello"


async def test_an_app_with_names_of_an_earlier_release_is_removed_and_started_anew(bench: Bench):
    app = bench.app()
    first = await bench.started(app)
    bench.engine.containers.get(first.services[0].container_id).rename(f"{bench.scope}-earlier")

    second = await bench.started(app)

    assert second.services[0].container_id != first.services[0].container_id
    report = await bench.runtime.teardown(app.workflow_id)
    assert (report.containers, report.networks) == (1, 1)


async def test_a_missing_base_image_is_the_platforms_fault(bench: Bench):
    app = bench.app(Dockerfile="FROM nosuch.invalid/image:1\n")

    with pytest.raises(PlatformError, match="make base-images") as caught:
        await bench.runtime.start(app, "run", lambda line: None)

    assert caught.value.code is ErrorCode.FAILED_PRECONDITION


async def test_analyzers_in_containers_join_the_apps_network_and_leave_it(bench: Bench):
    peer = bench.engine.containers.run(
        "assay/python:3.11", ["sleep", "120"], detach=True, labels={LABEL_PEER: bench.scope}
    )
    runtime = bench.make_runtime("network")
    app = bench.app()
    try:
        outcome = await runtime.start(app, "run", lambda line: None)
        assert outcome.app is not None, outcome.reason
        (target,) = (await runtime.check(outcome.app)).targets
        fetch = f"import urllib.request as u; print(u.urlopen('{target.base_url}').read())"
        assert b"hello" in peer.exec_run(["python", "-c", fetch]).output

        assert (await runtime.teardown(app.workflow_id)).networks == 1
        peer.reload()
        assert peer.status == "running"
        assert list(peer.attrs["NetworkSettings"]["Networks"]) == ["bridge"]
    finally:
        peer.remove(force=True)
        await runtime.close()


async def test_the_oldest_images_are_pruned_above_the_limit_once_they_rest(bench: Bench):
    app = bench.app()
    running = await bench.started(app)
    await bench.runtime.teardown(app.workflow_id)
    fresh = bench.make_runtime("host", images_bytes=1)
    small = bench.make_runtime("host", images_bytes=1, image_idle_s=0.0)

    (image,) = bench.facts[running.workflow_id].images
    await bench.runtime.prune()  # contexts of builds, of others on this engine, too
    assert await fresh.prune() == 0
    assert bench.engine.images.list(name=image.name) != []
    freed = await small.prune()
    await fresh.close()
    await small.close()

    # The app's own layers: its base is neither removed nor counted.
    assert 0 < freed < 100_000
    assert bench.engine.images.list(name=image.name) == []
