"""Hostile compose files: an answer within bounds, with the cause's name, whoever wrote them."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clients import blame
from clients.appfolder import AppFault, composer, read_plan
from clients.appfolder.compose import MAX_FILE_BYTES
from clients.appfolder.composer import Answer, Confined
from clients.blame import PlatformFault
from contract.errors import PlatformError
from tests.support.compose_app import app_of, plan_of

ONE = "services: {a: {build: ., ports: [80]}}"


def _bomb() -> str:
    lines = ["x-0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join([*lines, "services: {a: {build: ., command: *a9}}"])


def _cycle(count: int) -> str:
    lines = [f"  s{n}: {{image: x, depends_on: [s{(n + 1) % count}]}}" for n in range(count)]
    return "\n".join(["services:", *lines])


def _variables() -> str:
    lines = [f"      VARIABLE_{n}: some value of it, which is {n}\n" for n in range(110_000)]
    return "services:\n  a:\n    image: x\n    environment:\n" + "".join(lines)


# What is large is written when it is needed: each of pytest's workers reads this.
HOSTILE: dict[str, tuple[str | Callable[[], str], str | None]] = {
    "an alias bomb": (_bomb, blame.BEYOND_LIMITS.key),
    "5 MB of variables": (_variables, blame.APP_FILES.key),
    "more than is read": (lambda: f"{ONE}\n#{'x' * MAX_FILE_BYTES}", blame.BEYOND_LIMITS.key),
    "1,000 services": (
        "services:\n" + "".join(f"  s{n}: {{image: x, ports: ['80']}}\n" for n in range(1_000)),
        blame.BEYOND_LIMITS.key,
    ),
    "one service more than are run": (
        "services:\n" + "".join(f"  s{n}: {{image: x, ports: ['80']}}\n" for n in range(25)),
        blame.BEYOND_LIMITS.key,
    ),
    "a cycle of a thousand": (_cycle(1_000), blame.APP_FILES.key),
    "a cycle of itself": (_cycle(1), blame.APP_FILES.key),
    "bases in a ring": (
        "services: {a: {image: x, extends: b}, b: {image: x, extends: a}}",
        blame.APP_FILES.key,
    ),
    "itself": (f"include: [docker-compose.yml]\n{ONE}", blame.APP_FILES.key),
    "depth": ("a: " + "[" * 50_000 + "]" * 50_000, None),
    "NUL bytes": ("services: {a: {image: 'x\0y'}}", None),
    "nothing": ("", blame.APP_FILES.key),
    "an object": ("services: !!python/object:os.system {}", None),
}


@pytest.mark.parametrize(("compose", "row"), HOSTILE.values(), ids=HOSTILE)
def test_each_ends_within_bounds_and_says_why(
    tmp_path: Path, compose: str | Callable[[], str], row: str | None
):
    text = compose if isinstance(compose, str) else compose()
    began = time.monotonic()
    with pytest.raises((AppFault, PlatformFault)) as caught:
        plan_of(tmp_path, text)

    assert time.monotonic() - began < composer.MAX_SECONDS + 30
    assert row in (None, caught.value.row)
    assert 10 < len(str(caught.value)) < 600


def test_as_many_services_as_are_run(tmp_path: Path):
    compose = "services:\n" + "".join(f"  s{n}: {{image: x, ports: ['80']}}\n" for n in range(24))

    assert len(plan_of(tmp_path, compose).services) == 24


@pytest.mark.parametrize("name", ["docker-compose.yml", ".env", "compose.override.yaml"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_named_before_anybody_waits_for_it(tmp_path: Path, name: str, make):
    root = app_of(tmp_path, ONE)
    (root / name).unlink(missing_ok=True)
    make(root / name)

    with pytest.raises(AppFault, match="no regular file"):
        read_plan(root)


def test_a_pipe_that_is_read_ends_with_its_time(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("clients.appfolder.composer.MAX_SECONDS", 2)
    root = app_of(tmp_path, "services: {a: {build: ., env_file: pipe}}")
    os.mkfifo(root / "pipe")

    with pytest.raises(PlatformFault) as caught:
        read_plan(root)

    assert caught.value.row == blame.BEYOND_LIMITS.key


def test_an_env_file_of_ten_gigabytes_is_not_read_into_memory(tmp_path: Path):
    root = app_of(tmp_path, "services: {a: {build: ., env_file: big.env}}")
    for name in ("big.env", ".env"):
        with (root / name).open("wb") as stream:
            stream.truncate(10 * 1024**3)
        with pytest.raises(PlatformFault) as caught:
            read_plan(root)
        assert caught.value.row == blame.BEYOND_LIMITS.key


def test_a_document_that_grows_beyond_what_is_read(tmp_path: Path):
    """Each variable is ten of the one before."""
    env = "A0=0123456789\n" + "".join(f"A{n + 1}={f'${{A{n}}}' * 10}\n" for n in range(5))
    compose = (
        "services: {a: {build: ., environment: {"
        + ", ".join(f"V{n}: '${{A5}}'" for n in range(40))
        + "}}}"
    )

    with pytest.raises(PlatformFault) as caught:
        plan_of(tmp_path, compose, dot_env=env)

    assert caught.value.row == blame.BEYOND_LIMITS.key


def test_it_sees_the_apps_folder_and_writes_nowhere(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SECRET", "of the host")
    root = app_of(tmp_path / "app1", ONE)
    sandbox = composer.confined(root)

    known = sandbox.run(root, ("config", "--environment")).out
    written = sandbox.run(root, ("config", "--output", "written.yml"))
    elsewhere = sandbox.run(root, ("config", "--output", "/written.yml"))
    other = sandbox.run(root, ("--file", str(Path(__file__)), "config"))

    assert b"SECRET" not in known
    assert b"HOME=/home/nobody" in known
    assert written.code and "read-only" in written.messages
    assert elsewhere.code and "read-only" in elsewhere.messages
    assert other.code and "no such file" in other.messages
    assert sorted(path.name for path in root.iterdir()) == ["Dockerfile", "docker-compose.yml"]


class Says:
    """A Docker Compose that answers as it is told."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def run(self, root: Path, words: tuple[str, ...]) -> Answer:
        return self._answer


@pytest.mark.parametrize(
    ("answer", "row"),
    [
        (Answer(None, b"", ""), blame.BEYOND_LIMITS.key),
        (Answer(2, b"", "fatal error: runtime: out of memory\n" + "goroutine 1\n" * 999), None),
        (Answer(-9, b"", ""), blame.BEYOND_LIMITS.key),
        (Answer(1, b"", ""), blame.BEYOND_LIMITS.key),
        (Answer(0, b"{", ""), blame.BEYOND_LIMITS.key),
        (Answer(0, b"[" * 100_000, ""), blame.BEYOND_LIMITS.key),
        (Answer(0, b'{"services": {"a": {"ports": "x"}}}', ""), blame.UNSUPPORTED.key),
        (Answer(0, b"[]", ""), blame.UNSUPPORTED.key),
    ],
)
def test_what_is_no_refusal_is_the_platforms_fault(tmp_path: Path, answer: Answer, row: str | None):
    with pytest.raises(PlatformFault) as caught:
        read_plan(app_of(tmp_path, ONE), Says(answer))

    assert caught.value.row == (row or blame.BEYOND_LIMITS.key)
    assert len(caught.value.message) < 600


def test_it_is_never_run_unconfined(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(composer, "_usable", set())
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(PlatformFault, match="bwrap and prlimit missing") as caught:
        plan_of(tmp_path, ONE)

    assert caught.value.row == blame.NO_COMPOSE.key


def test_a_sandbox_that_the_host_forbids_is_no_fault_of_the_app(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(composer, "_usable", set())
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "prlimit").symlink_to("/usr/bin/prlimit")
    (tools / "bwrap").write_text("#!/bin/sh\necho 'bwrap: No permissions to create' >&2\nexit 1\n")
    (tools / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/bin")

    with pytest.raises(PlatformError, match="No permissions to create"):
        plan_of(tmp_path / "app", ONE)


def _plugin(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "docker-compose").write_text(text)
    (folder / "docker-compose").chmod(0o755)


def test_a_hosts_own_plugin_is_used_where_it_works_and_is_recent(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(composer, "_usable", set())
    own = composer.brought_along()
    assert own is not None
    folder = tmp_path / "plugins"
    monkeypatch.setattr(composer, "_PLUGINS", (folder,))
    _plugin(folder, "#!/bin/sh\necho 2.1.0\n")  # needs a shell, which the sandbox has not

    assert composer.confined(tmp_path).program == own
    (folder / "docker-compose").unlink()
    (folder / "docker-compose").symlink_to(own)
    assert composer.confined(tmp_path).program == folder / "docker-compose"


@pytest.mark.parametrize(
    ("version", "works"),
    [(b"5.6.1\n", True), (b"v5.0.0", True), (b"2.39.1\n", False), (b"", False)],
)
def test_an_old_plugin_is_left_aside(tmp_path: Path, monkeypatch, version: bytes, works: bool):
    monkeypatch.setattr(Confined, "run", lambda *_: Answer(0, version, ""))

    assert (Confined(tmp_path).trouble(tmp_path) == "") is works
