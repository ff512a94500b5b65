"""Which code a stack's worker is, and when a command may switch to it."""

import ast
import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.stack import versions
from cli.stack.build import CODE, build_id
from cli.stack.model import Stack
from cli.stack.versions import make_current
from contract.errors import ErrorCode, PlatformError
from control import releasing
from control.deployment_documents import DeployedVersion, DeploymentStatus, Moved, Switched
from control.releasing import Release, is_due, look
from control.system_documents import PartState
from control.system_versions import part_of
from settings import PROJECT_ROOT as ROOT
from settings import Settings


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "cli").mkdir()
    (tmp_path / "worker.py").write_text("pass")
    (tmp_path / "workflows" / "a.py").write_text("a = 1")
    return tmp_path


def test_a_build_is_named_after_what_its_worker_runs_and_nothing_else(code: Path) -> None:
    before = build_id(code)

    (code / "cli" / "app.py").write_text("pass")
    cache = code / "workflows" / "__pycache__"
    cache.mkdir()
    (cache / "a.pyc").write_bytes(b"1")
    same = build_id(code)
    (code / "workflows" / "a.py").rename(code / "workflows" / "b.py")

    assert before == same != build_id(code)
    Settings.model_validate({"build_id": before, "deployment": "assay"})


def test_all_that_a_worker_imports_is_in_the_name_of_its_build() -> None:
    show = "import sys, worker; print([getattr(m, '__file__', '') for m in sys.modules.values()])"
    done = subprocess.run([sys.executable, "-c", show], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    files = [Path(file) for file in ast.literal_eval(done.stdout) if file]
    ours = {one.relative_to(ROOT).parts[0] for one in files if one.is_relative_to(ROOT)}

    assert ours - {".venv"} <= set(CODE)


@pytest.mark.parametrize("field", [{"build_id": "a'b"}, {"deployment": "a.b"}, {"deployment": ""}])
def test_names_that_a_server_or_a_query_would_not_take_are_refused(field: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="should match pattern"):
        Settings.model_validate(field)


class Server:
    """What a server says of the deployment, and what is asked of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, status: DeploymentStatus) -> None:
        self.asked: list[str] = []
        self.said: list[str] = []
        self._status = status

        async def current(*_: object) -> str:
            return status.current

        async def told(*_: object) -> DeploymentStatus:
            return status

        monkeypatch.setattr(versions, "current_build", current)
        monkeypatch.setattr(versions, "deployment_status", told)
        monkeypatch.setattr(versions, "set_current", self._set)

    async def _set(self, _: object, name: str, build: str, **__: object) -> Switched:
        self.asked.append(build)
        moved = (Moved(build_id="gone", workflows=3, pipelines=("p",)),)
        return Switched(deployment=name, current=build, former=self._status.current, moved=moved)

    async def up(self, *, started: bool, build: str = "mine") -> Switched | None:
        stack = Stack("/data", 1, 2, {}, build_id=build)
        client: Any = None
        return await make_current(client, stack, self.said.append, started=started)


def status(current: str, **workers: int) -> DeploymentStatus:
    known = tuple(
        DeployedVersion(build_id=build, state="draining", workers=count)
        for build, count in workers.items()
    )
    return DeploymentStatus(deployment="assay", current=current, versions=known)


async def test_a_stack_that_starts_takes_over_and_says_what_it_moved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(monkeypatch, status("former", former=1))

    switched = await server.up(started=True)

    assert switched is not None and switched.moved
    assert server.asked == ["mine"]
    assert server.said[0] == "new pipelines begin on build mine (before: former)"
    assert "3 workflows of p began on build gone" in server.said[1]


@pytest.mark.parametrize(
    ("known", "switched"),
    [
        (status(""), True),  # a command that was killed left it so
        (status("mine"), False),
        (status("chosen", chosen=1), False),  # by somebody who rolled back
        (status("chosen", chosen=0), True),  # to what is gone now
    ],
)
async def test_a_stack_that_runs_keeps_what_was_chosen(
    monkeypatch: pytest.MonkeyPatch, known: DeploymentStatus, switched: bool
) -> None:
    server = Server(monkeypatch, known)

    changed = await server.up(started=False)

    assert bool(changed) is switched
    assert server.asked == (["mine"] if switched else [])


async def test_a_stack_of_an_earlier_version_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, status(""))

    await server.up(started=True, build="")

    assert server.asked == []


def version(build: str, **fields: Any) -> DeployedVersion:
    return DeployedVersion(build_id=build, state="draining", **fields)


@pytest.mark.parametrize(
    ("versions_", "fields", "state", "words"),
    [
        ((), {}, PartState.OK, "say no version"),
        ((version("b", workers=1),), {"current": "b"}, PartState.OK, "begin on build b"),
        ((version("b", workers=1),), {}, PartState.ATTENTION, "no version is current"),
        (
            (version("b", workers=1),),
            {"current": "b", "unversioned_workers": 2},
            PartState.ATTENTION,
            "2 workers say no build ID",
        ),
        (
            (version("new", workers=1),),
            {"current": "old"},
            PartState.ATTENTION,
            "begin on build old, which has no worker; new has some",
        ),
        (
            (version("a", pipelines=2, workflows=5, stranded=True),),
            {"current": "b"},
            PartState.AWAY,
            "a (2 pipelines)",
        ),
    ],
)
def test_the_page_of_the_installation_says_what_keeps_pipelines_waiting(
    versions_: tuple[DeployedVersion, ...], fields: dict[str, Any], state: PartState, words: str
) -> None:
    part = part_of(DeploymentStatus(deployment="assay", versions=versions_, **fields))

    assert part.state is state
    assert words in part.detail
    assert bool(part.next_step) is (state is not PartState.OK)


EARLIER = datetime(2026, 11, 1, tzinfo=UTC)
NEW, FORMER = version("mine", workers=1), version("mine", workers=1, last_current_at=EARLIER)


@pytest.mark.parametrize(
    ("mine", "others", "fields", "due"),
    [
        (NEW, 1, {"current": "other"}, True),  # a new release
        (NEW, 0, {}, True),  # the first one
        (version("mine"), 1, {"current": "other"}, False),  # its workers do not ask for work yet
        (FORMER, 1, {"current": "other"}, False),  # somebody went back by command
        (FORMER, 0, {"current": "other"}, True),  # it was deployed anew in place of the other
        (FORMER, 0, {"unversioned_workers": 1}, False),  # somebody went back to no version
        (FORMER, 0, {"current": "mine"}, False),
    ],
)
def test_a_worker_takes_over_when_its_release_is_due(
    mine: DeployedVersion, others: int, fields: dict[str, Any], due: bool
) -> None:
    known = (version("other", workers=others), mine)
    status = DeploymentStatus(deployment="assay", versions=known, **fields)

    assert is_due(status, "mine") is due
    assert not is_due(status, "not known yet")


class Releases:
    """A server that may refuse a release; what is asked of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, status: DeploymentStatus) -> None:
        self.status, self.asked, self.trouble = status, list[str](), list[str]()
        monkeypatch.setattr(releasing, "deployment_status", self._told)
        monkeypatch.setattr(releasing, "set_current", self._set)
        monkeypatch.setattr(releasing, "move_stranded", self._move)
        monkeypatch.setattr(releasing, "_SOON_S", 0)

    async def _told(self, *_: object) -> DeploymentStatus:
        return self.status

    async def _set(self, _: object, name: str, build: str, **__: object) -> Switched:
        self.asked.append(build)
        if self.trouble:
            raise PlatformError(ErrorCode.FAILED_PRECONDITION, self.trouble.pop(0))
        self.status = self.status.model_copy(update={"current": build})
        return Switched(deployment=name, current=build)

    async def _move(self, *_: object) -> tuple[Moved, ...]:
        self.asked.append("move")
        return (Moved(build_id="gone", workflows=3, pipelines=("p",)),)


def release(tmp_path: Path) -> Release:
    return Release("assay", "mine", "h", f"sqlite+aiosqlite:///{tmp_path / 'assay.db'}")


async def test_a_release_that_is_refused_is_tried_until_it_is_taken_and_says_so_once_per_cause(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = Releases(monkeypatch, DeploymentStatus(deployment="assay", versions=(NEW,)))
    server.trouble = ["host 2 is missing"] * 3 + ["host 3 is missing"]
    caplog.set_level("INFO", releasing.logger.name)

    keeping = asyncio.create_task(releasing.keep_current(None, release(tmp_path)))  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        while server.status.current != "mine" or "begin on" not in caplog.text:
            await asyncio.sleep(0.01)
    keeping.cancel()

    assert server.asked == ["mine"] * 5
    assert [record.getMessage() for record in caplog.records] == [
        "build mine: host 2 is missing",
        "build mine: host 3 is missing",
        "pipelines begin on build mine",
    ]


@pytest.mark.parametrize("stranded", [True, False])
async def test_the_current_release_takes_what_its_predecessor_left_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stranded: bool
) -> None:
    left = version("gone", workflows=3, stranded=stranded)
    known = DeploymentStatus(deployment="assay", current="mine", versions=(FORMER, left))
    server = Releases(monkeypatch, known)

    assert await look(None, release(tmp_path))  # type: ignore[arg-type]
    assert server.asked == (["move"] if stranded else [])
