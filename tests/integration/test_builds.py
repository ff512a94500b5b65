"""Builds by the real engine: what is honoured, bounded, shared, and whose fault an end is."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from clients import blame
from clients.appfolder import ServicePlan
from clients.blame import AppFault, PlatformFault
from contract.errors import ErrorCode, PlatformError
from tests.support.builds import Builds, builds_in
from tests.support.cases import case_app

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

BASE = "FROM python:3.11-slim\n"
# Says something else each time it is really executed.
UNIQUE, UUID = "cat /proc/sys/kernel/random/uuid", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
HERE = f"step-{os.getpid()}"


@pytest.fixture
def builds(tmp_path: Path) -> Iterator[Builds]:
    with builds_in(tmp_path) as builds:
        yield builds


def case(name: str) -> ServicePlan:
    folder = case_app(name)
    return ServicePlan("web", context=folder, dockerfile=(folder / "Dockerfile").read_text())


def at_work(word: str) -> list[int]:
    """Processes of build steps whose command names `word`."""
    return [
        one.pid
        for one in psutil.process_iter(["cmdline"])
        if any(word in part for part in one.info["cmdline"] or ()) and one.pid != os.getpid()
    ]


async def until(condition: object, wanted: bool, limit_s: float = 20.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(limit_s):
        while bool(condition()) is not wanted:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", ["03", "06", "13", "16"])
async def test_an_app_as_people_write_it_builds(builds: Builds, name: str):
    image = await builds.ensure(case(name))

    labels = builds.client.images.get(image.name).labels
    assert builds.scope in labels.values()


async def test_what_the_engine_is_too_old_for_names_who_can(builds: Builds):
    version = builds.client.version()["Version"]
    try:
        await builds.ensure(case("04"))
    except PlatformFault as found:
        assert found.row == blame.UNSUPPORTED.key
        assert version in found.message
        assert "Docker Engine 23 or newer" in found.message


MODERN = {
    "a bind of a stage": "FROM python:3.11 AS a\nRUN echo one > /x\n"
    + BASE
    + "RUN --mount=type=bind,from=a,source=/x,target=/y cp /y /z\n",
    "a bind of an image": BASE
    + "RUN --mount=type=bind,from=node:20,source=/usr,target=/n ls /n/bin > /z\n",
    "memory as a folder": BASE + "RUN --mount=type=tmpfs,target=/t echo one > /t/x && cp /t/x /z\n",
    "a mode and a link": BASE + "COPY --link --chmod=600 one.txt /z\n",
    "a secret that nobody gives": BASE
    + "RUN --mount=type=secret,id=k --mount=type=ssh ls /run > /z\n",
    "an architecture": BASE + "ARG TARGETARCH\nRUN test -n \"$TARGETARCH\" && echo one > /z\n",
    "a platform": "FROM --platform=$BUILDPLATFORM python:3.11\nRUN echo one > /z\n",
    "a stage of nowhere": "FROM nowhere.invalid/x:1 AS dev\nRUN x\n" + BASE + "RUN echo one > /z\n",
}  # fmt: skip


@pytest.mark.parametrize("text", MODERN.values(), ids=MODERN)
async def test_what_buildkit_does_is_done(builds: Builds, text: str):
    image = await builds.ensure(builds.plan(text, one__txt="one\n"))

    assert builds.run(image, "cat", "/z") != ""


async def test_a_host_that_cannot_guard_steps_builds_all_the_same_and_says_so(builds: Builds):
    unguarded = builds.make(obstacle="not root")

    plain = await builds.ensure(builds.plan(BASE + "RUN echo plain\n"), unguarded)
    assert "Step 2/3" in plain.log
    modern = await builds.ensure(
        builds.plan(BASE + "RUN --mount=type=tmpfs,target=/t true\n"), unguarded
    )
    assert any("no limits of memory" in n and "not root" in n for n in modern.notes)


FAILING = {
    "memory": ("python -c 'x = bytearray(300 << 20)'", blame.BUILD_MEMORY, "out of memory"),
    "processes": ("for i in $(seq 300); do sleep 9 & done; exit 3", blame.BUILD_FAILED, "fork"),
    "an endless file": ("cat /dev/zero > /big", blame.BUILD_FAILED, "File"),
    "waiting for input": ("read answer || exit 4", blame.BUILD_FAILED, "code: 4"),
    "this host": ("python -c 'import socket; socket.create_connection((\"172.17.0.1\", %d), 2)'",
                  blame.BUILD_FAILED, "timed out"),
    "memory behind a bare environment": (
        "exec env -i /usr/bin/python3 -c 'x = bytearray(300 << 20)'", blame.BUILD_MEMORY, "memory"
    ),
    "a flood": ("yes | head -c 80000000; exit 5", blame.BUILD_FAILED, "code: 5"),
}  # fmt: skip


@pytest.mark.parametrize(("command", "row", "named"), FAILING.values(), ids=FAILING)
async def test_a_step_is_bounded(builds: Builds, command: str, row: object, named: str):
    images = builds.make(build_memory_bytes=200 << 20, build_pids=100, disk_bytes=10 << 20)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "0.0.0.0", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        plan = builds.plan(BASE + f"RUN {command % port if '%d' in command else command}\n")

        with pytest.raises(AppFault) as caught:
            await builds.ensure(plan, images)

    assert caught.value.row == row.key, caught.value.reason  # type: ignore[attr-defined]
    assert named in caught.value.reason
    assert len(caught.value.log) <= 4 << 20


async def test_a_step_that_never_ends_is_named_and_ended(builds: Builds):
    images = builds.make(build_deadline_s=2.0)
    word = f"{HERE}-listens"
    plan = builds.plan(BASE + f"RUN python -m http.server 8000 --directory /tmp # {word}\n")

    with pytest.raises(PlatformError, match=r"python -m http\.server") as caught:
        await builds.ensure(plan, images)

    assert caught.value.code is ErrorCode.FAILED_PRECONDITION
    await until(lambda: at_work(word), False)


@pytest.mark.parametrize("obstacle", ["", "by the classic builder"])
async def test_a_cancelled_build_leaves_nothing_at_work(builds: Builds, obstacle: str):
    word = f"{HERE}-cancelled-{len(obstacle)}"
    plan = builds.plan(BASE + f"RUN sh -c 'sleep 60; echo {word}'; true\n")
    build = asyncio.create_task(builds.ensure(plan, builds.make(obstacle)))
    await until(lambda: at_work(word), True)

    build.cancel()

    with pytest.raises(asyncio.CancelledError):
        await build
    await until(lambda: at_work(word), False)


KILLED = """
import asyncio, pathlib, sys
from tests.support.builds import Builds
root, scope, word = sys.argv[1:]
builds = Builds(pathlib.Path(root), scope)
text = f"FROM python:3.11\\nRUN sh -c 'sleep 60; echo {word}'; true\\n"
asyncio.run(builds.ensure(builds.plan(text)))
"""


async def test_a_killed_worker_leaves_nothing_at_work(builds: Builds):
    word = f"{HERE}-killed"
    argv = [sys.executable, "-c", KILLED, str(builds.root), builds.scope, word]
    worker = subprocess.Popen(argv, cwd=Path(__file__).parents[2])

    def steps() -> bool:
        return any(pid != worker.pid for pid in at_work(word))

    await until(steps, True)

    worker.send_signal(signal.SIGKILL)

    worker.wait()
    await until(steps, False)


async def test_equal_contexts_asked_for_at_once_are_built_once(builds: Builds):
    text = BASE + "COPY a.txt /\nRUN sleep 1\n"
    plans = [builds.plan(text, a__txt="equal") for _ in range(2)]

    images = await asyncio.gather(*map(builds.ensure, plans))

    assert images[0].name == images[1].name
    assert sorted(bool(image.log) for image in images) == [False, True]


async def test_equal_contexts_fail_at_once_together(builds: Builds):
    text = BASE + f"RUN {UNIQUE}; sleep 1; exit 3\n"

    found = await asyncio.gather(
        *(builds.ensure(builds.plan(text)) for _ in range(3)), return_exceptions=True
    )

    assert [type(one) for one in found] == [AppFault] * 3
    said = [re.findall(UUID, one.log) for one in found if isinstance(one, AppFault)]
    assert said[0] and said == [said[0]] * 3, "one build's own line"


INSTALL = f"WORKDIR /app\nCOPY requirements.txt .\nRUN {UNIQUE} > /installed\n"


@pytest.mark.parametrize("mount", ["", "--mount=type=cache,target=/root/.cache/pip "])
async def test_two_apps_with_the_same_dependencies_install_them_once(builds: Builds, mount: str):
    text = BASE + INSTALL.replace("RUN ", f"RUN {mount}") + "COPY app.py .\n"
    images = [
        await builds.ensure(builds.plan(text, requirements__txt=wanted, app__py=f"print({number})"))
        for number, wanted in enumerate((builds.scope, builds.scope, "other"))
    ]

    first, second, other = (builds.run(image, "cat", "/installed") for image in images)
    assert re.fullmatch(UUID, first.strip())
    assert first == second != other


POISON = (
    BASE + "COPY . /src\nRUN --mount=type=cache,{}target=/c ls /c > /seen; echo {} > /c/wheel\n"
)


@pytest.mark.parametrize("option", ["", "id=pip,", "id=pip,sharing=locked,", "id=../pip,"])
async def test_what_one_app_leaves_in_a_cache_mount_no_other_app_finds(builds: Builds, option: str):
    evil = builds.plan(POISON.format(option, "evil"), x__txt="evil")
    await builds.ensure(evil)
    args = {"BUILDKIT_CACHE_MOUNT_NS": "mine", "BUILDKIT_SYNTAX": "evil.invalid/front:1"}
    for given in ({}, args):
        image = await builds.ensure(
            builds.plan(POISON.format(option, "good"), given, x__txt="good")
        )
        assert builds.run(image, "cat", "/seen") == ""


async def test_what_is_unused_above_the_limit_leaves_the_cache(builds: Builds):
    images = builds.make(build_cache_bytes=0, image_idle_s=0.0)
    step = f"head -c 5000 /dev/zero > /c/{builds.scope}"
    plan = builds.plan(f"{BASE}RUN --mount=type=cache,target=/c {step}\n")
    image = await builds.ensure(plan, images)
    builds.client.images.remove(image.name)

    def kept() -> list[str]:
        """What the cache has of this step; others build on this engine, too."""
        records = builds.client.df()["BuildCache"]
        return [one["Description"] for one in records if step in one["Description"]]

    assert kept() != []
    assert await images.building.cache.prune() >= 5_000
    assert kept() == []
