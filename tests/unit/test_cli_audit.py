"""Changes by command are in the log of changes: who, what, when and from where."""

import asyncio
import os
import pwd
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from cli import follow, session
from cli.app import app
from cli.commands import (
    add,
    alerts,
    backup,
    demo,
    exchange,
    messages,
    report,
    rerun,
    retry,
    stack,
    submit,
    suppress,
    upkeep,
)
from cli.commands.messages import send
from cli.errors import UserError
from cli.recorded import recorded, recorded_in, typed
from cli.session import Session
from contract.access import AuditEntry, AuditQuery
from contract.errors import ErrorCode, PlatformError
from control.access_kept import KeptAccess
from control.actions import Action
from control.audit import AuditLog
from control.deployment_documents import Moved, Switched
from control.pruning import Choice
from control.stored import Stored
from settings import PROJECT_ROOT, Settings

HERE = socket.gethostname()
ME = f"{pwd.getpwuid(os.getuid()).pw_name}@{HERE}"
DEMO = PROJECT_ROOT / "controls" / "demo.yaml"
# Every command: the change that it makes, or why none is in the log.
COMMANDS = {
    "add": Action.ADD,
    "alerts": Action.TEST_ALERTS,
    "backup": Action.BACK_UP_SECRETS,
    "cancel": Action.CANCEL,
    "demo": Action.START,
    "deployment": Action.VERSION,
    "down": Action.DOWN,
    "import": Action.IMPORT,
    "import-sarif": Action.IMPORT_SARIF,
    "parallelism": Action.PARALLELISM,
    "pause": Action.PAUSE,
    "priority": Action.PRIORITY,
    "prune": Action.PRUNE,
    "rebuild": Action.REBUILD,
    "report": Action.REPORT,
    "restore": Action.RESTORE,
    "store": "take store back",
    "rerun": Action.START,
    "reset-breaker": Action.BREAKER,
    "resume": Action.RESUME,
    "retry": Action.RETRY,
    "schedule": Action.SCHEDULE_ADD,
    "submit": Action.START,
    "suppress": Action.SUPPRESS,
    "token": "create token",
    "up": Action.UP,
    "verify-deployment": Action.START,
    "wizard": "as submit",
    **dict.fromkeys(("codec", "dashboard"), "serves"),
    **dict.fromkeys(("compare", "doctor", "findings", "logs", "schema", "status"), "reads"),
    **dict.fromkeys(("regressions", "history"), "reads"),
    **dict.fromkeys(("export", "plan", "validate", "verify", "watch"), "reads"),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data=tmp_path / "data")


def store_file(settings: Settings) -> Path:
    return settings.data_dir / "assay.db"


async def log_of(settings: Settings) -> list[AuditEntry]:
    kept = KeptAccess(Stored(settings.database_url, in_use=lambda: False))
    try:
        return list((await AuditLog(kept).changes(AuditQuery())).changes)
    finally:
        await kept.close()


def told(entries: list[AuditEntry]) -> list[tuple[str, str, str, str]]:
    return [(each.action, each.subject, each.detail, each.outcome) for each in entries]


class FakePipeline:
    """A pipeline that answers at once, or not at all."""

    trouble: Exception | None = None

    def __init__(self, _client: object, pipeline_id: str) -> None:
        self.id = pipeline_id

    async def require_running(self) -> None:
        if self.trouble:
            raise self.trouble

    async def pause(self) -> None:
        """Nothing runs."""

    async def stranded(self) -> None:
        """Somebody works on it."""


@pytest.fixture
def local(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Session]:
    """A session of the local stack, or of a server elsewhere, for every command."""

    def use(*modules: object, elsewhere: bool = False) -> Session:
        here: Any = None if elsewhere else object()
        opened = Session(object(), settings, here, started=False)  # type: ignore[arg-type]

        @asynccontextmanager
        async def open_session(*_: object, **_more: object) -> AsyncGenerator[Session]:
            yield opened

        for module in (messages, retry, upkeep, *modules):
            monkeypatch.setattr(module, "open_session", open_session)
        for module in (messages, retry):
            monkeypatch.setattr(module, "Pipeline", FakePipeline)
        return opened

    return use


async def pause(settings: Settings) -> None:
    def message(pipeline: Any) -> Any:
        return pipeline.pause()

    await send(settings, "p1", message, "pause", action=Action.PAUSE, as_json=True)


def test_of_every_command_it_is_decided_what_the_log_has_of_it():
    commands: Any = typer.main.get_command(app)
    assert set(commands.commands) == set(COMMANDS)


async def test_a_message_is_in_the_log_by_whom_and_from_where(settings: Settings, local: Any):
    local()
    await pause(settings)
    (entry,) = await log_of(settings)

    assert told([entry]) == [("pause", "pipeline p1", "", "done")]
    assert (entry.who, entry.address) == (ME, f"cli@{HERE}")


async def test_a_change_is_kept_before_it_is_made(settings: Settings):
    async with recorded(settings, typed("pause", "pipeline p1")) as kept:
        (begun,) = await log_of(settings)

    assert (kept, begun.outcome) == (True, "begun")
    assert (await log_of(settings))[0].outcome == "done"


async def test_what_failed_is_in_the_log_with_its_reason(
    settings: Settings, local: Any, monkeypatch: pytest.MonkeyPatch
):
    local()
    gone = PlatformError(ErrorCode.NOT_FOUND, "no pipeline p1")
    monkeypatch.setattr(FakePipeline, "trouble", gone)
    with pytest.raises(PlatformError):
        await pause(settings)
    monkeypatch.setattr(FakePipeline, "trouble", UserError("with a secret"))
    with pytest.raises(UserError):
        await pause(settings)
    entries = await log_of(settings)

    assert [each.outcome for each in entries] == ["failed", "failed"]
    assert [each.reason for each in entries] == ["UserError", "no pipeline p1"]


async def test_whoever_calls_themselves_somebody_else_is_told_by_the_system(
    monkeypatch: pytest.MonkeyPatch,
):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mallory")
    assert typed("pause").who == ME


async def test_a_user_without_a_name_is_told_by_number(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_001)
    assert typed("pause").who == f"uid4000000001@{HERE}"


@pytest.mark.parametrize("broken", ["damaged", "unreachable", "gone"])
async def test_a_store_that_is_away_keeps_nobody_from_a_change(
    settings: Settings, local: Any, broken: str, capsys: pytest.CaptureFixture[str]
):
    if broken == "damaged":
        settings.data_dir.mkdir(parents=True)
        store_file(settings).write_bytes(b"no database" * 100)
    elif broken == "gone":
        (settings.data_dir / "reports" / "p0").mkdir(parents=True)
    else:
        url = "postgresql://assay:pa55word@127.0.0.1:9/assay"
        settings = settings.model_copy(update={"db_url": url})
    session_here = local()
    session_here.settings = settings
    await pause(settings)
    said = capsys.readouterr()

    assert '"sent": "pause"' in said.out
    assert "not recorded in the audit log: " in said.err
    assert "pa55word" not in said.err


async def test_a_store_that_does_not_answer_is_waited_for_but_not_for_long(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    async def never(*_: object) -> int:
        await asyncio.sleep(3_600)
        return 0

    monkeypatch.setattr("control.audit._GIVE_UP_S", 0.01)
    monkeypatch.setattr("control.access_kept.KeptAccess.told", never)
    async with recorded(settings, typed("cancel", "pipeline p1")) as kept:
        pass

    assert not kept
    assert "did not answer within" in capsys.readouterr().err


async def test_a_server_elsewhere_makes_no_store_here(
    settings: Settings, local: Any, capsys: pytest.CaptureFixture[str]
):
    opened = local(elsewhere=True)
    async with recorded_in(opened, Action.START, "p1"):
        pass

    assert not store_file(settings).exists()
    assert "not recorded in the audit log: there is no store here yet" in capsys.readouterr().err


async def test_the_first_pipeline_of_a_fresh_installation_is_in_the_log(
    settings: Settings, local: Any, capsys: pytest.CaptureFixture[str]
):
    async with recorded_in(local(), Action.START, "p1", "spec fleet.yaml"):
        pass

    assert told(await log_of(settings)) == [("start", "pipeline p1", "spec fleet.yaml", "done")]
    assert capsys.readouterr().err == ""


async def test_a_retry_names_the_apps(
    settings: Settings, local: Any, monkeypatch: pytest.MonkeyPatch
):
    async def again(*_: object) -> Any:
        raise PlatformError(ErrorCode.NOT_FOUND, "no pipeline p1")

    local()
    monkeypatch.setattr(retry, "retry", again)
    for apps in ([], ["m/app1", "m/app2"]):
        with pytest.raises(PlatformError):
            await retry.run_retry(settings, "p1", apps, as_json=True, strict=False)

    details = [each.detail for each in await log_of(settings)]
    assert details == ["2 apps: m/app1, m/app2", "what the platform failed"]


@pytest.mark.parametrize(
    ("module", "begin", "detail"),
    [
        (submit, lambda use: submit.run_submit(use, DEMO, "p1", wait=False, as_json=True), DEMO),
        (demo, lambda use: demo.run_demo(use, keep=False), "the demo"),
        (
            rerun,
            lambda use: rerun.run_rerun(use, Path("a.tar"), "m/app1", "p1", as_json=True),
            "m/app1 of archive a.tar",
        ),
        (add, lambda use: add.run_add(use, "p1", ["m/app1"], None, as_json=True), "m/app1"),
    ],
)
async def test_what_begins_work_is_in_the_log(
    settings: Settings,
    local: Any,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    begin: Callable[[Settings], Any],
    detail: object,
):
    async def refused(*_: object) -> Any:
        raise PlatformError(ErrorCode.UNAVAILABLE, "not today")

    local(module)
    monkeypatch.setattr(add, "Pipeline", FakePipeline)
    monkeypatch.setattr(module, "add" if module is add else "submit", refused)
    monkeypatch.setattr(rerun, "plan_again", lambda *_: (None, None))
    with pytest.raises(PlatformError, match="not today"):
        await begin(settings)
    (entry,) = await log_of(settings)

    assert entry.action == ("add apps" if module is add else "start")
    assert entry.detail.endswith(str(detail))
    assert (entry.outcome, entry.reason) == ("failed", "not today")


async def test_an_interrupted_command_that_cancels_its_pipeline_is_in_the_log(
    settings: Settings, local: Any, monkeypatch: pytest.MonkeyPatch
):
    async def nothing(*_: object) -> None:
        pass

    class Cancelled(FakePipeline):
        async def cancel(self) -> None:
            """It ends at once."""

        async def result(self) -> None:
            """There is none."""

    opened = local()
    opened.started = True
    monkeypatch.setattr(follow, "leave_nothing", nothing)
    await follow._on_interrupt(opened, Cancelled(None, "p1"))  # type: ignore[arg-type]

    assert told(await log_of(settings)) == [("cancel", "pipeline p1", "by Ctrl-C", "done")]


async def test_decisions_imports_and_reports_are_in_the_log(settings: Settings, tmp_path: Path):
    async with recorded(settings, typed("first")):
        pass  # makes the store
    fields = {"fingerprint": "a" * 64, "rule": "", "path": "", "app": ""}
    attempts = (
        suppress.run_suppress(settings, "p1", fields | {"who": "a", "why": "b"}, as_json=True),
        suppress.run_withdraw(settings, "p1", fields, as_json=True),
        exchange.run_import(settings, tmp_path / "a.tar", as_json=True),
        exchange.run_import_sarif(settings, "p1", "m/app1", tmp_path / "a", "", as_json=True),
        report.run_report(settings, "p1", as_json=True, strict=False, anew=True),
    )
    for attempt in attempts:
        with pytest.raises((PlatformError, OSError)):
            await attempt
    entries = await log_of(settings)

    assert [each.action for each in reversed(entries)] == [
        "first",
        "suppress",
        "withdraw",
        "import",
        "import log",
        "write report",
    ]
    assert {each.outcome for each in entries[:-1]} == {"failed"}
    assert entries[-2].detail == f"{'a' * 64}: b"


async def test_a_start_that_switches_the_version_says_so_in_the_log(settings: Settings):
    moved = Moved(build_id="gone", workflows=3, pipelines=("p1",))
    switched = Switched(deployment="assay", current="new", former="old", moved=(moved,))
    await session._keep_switch(settings, switched)
    (entry,) = told(await log_of(settings))

    assert entry[:2] == ("switch version", "deployment assay")
    assert entry[2].startswith("to build new; 3 workflows of p1 began on build gone")


async def test_notices_to_people_and_secrets_that_leave_are_in_the_log(
    settings: Settings, tmp_path: Path
):
    async with recorded(settings, typed("first")):
        pass  # makes the store
    with pytest.raises(PlatformError, match="no alerts file"):
        await alerts.run_alerts(settings, "test", as_json=True)
    for secrets in (False, True):
        await backup.run_backup(settings, tmp_path / "b.zip", secrets=secrets, as_json=True)

    assert [each[0::3] for each in told(await log_of(settings))] == [
        ("back up secrets", "done"),
        ("test alerts", "failed"),
        ("first", "done"),
    ]


async def test_what_only_looks_is_not_in_the_log(settings: Settings, local: Any):
    local()
    await alerts.run_alerts(settings, "list", as_json=True)
    with pytest.raises(PlatformError):
        await report.run_report(settings, "p1", as_json=True, strict=False)
    assert not store_file(settings).exists()


async def test_pruning_is_in_the_log_when_something_is_to_go(
    settings: Settings, local: Any, monkeypatch: pytest.MonkeyPatch
):
    async def none(*_: object) -> tuple[()]:
        return ()

    local()
    monkeypatch.setattr(upkeep, "all_running", none)
    monkeypatch.setattr(upkeep, "list_pipelines", none)
    for choice in (Choice(("p1", "p2")), Choice((), 30.0), Choice()):
        for remove in (False, True):
            try:
                await upkeep.run_prune(settings, choice, remove=remove, as_json=True)
            except PlatformError as error:
                assert "p1" in error.message

    assert [(each.action, each.subject) for each in await log_of(settings)] == [
        ("prune", "unused results"),
        ("prune", "pipelines older than 30 days"),
        ("prune", "2 pipelines: p1, p2"),
    ]


async def test_a_rebuild_of_a_damaged_store_is_in_the_new_log(
    settings: Settings, local: Any, monkeypatch: pytest.MonkeyPatch
):
    async def made(*_: object) -> Any:
        store_file(settings).rename(settings.data_dir / "assay.db.damaged-1")
        return upkeep.RebuiltStore(rebuilt=(), kept=(), damaged="assay.db.damaged-1")

    local()
    settings.data_dir.mkdir(parents=True)
    store_file(settings).write_bytes(b"no database" * 100)
    monkeypatch.setattr(upkeep, "rebuild", made)
    await upkeep.run_rebuild(settings, as_json=True)

    assert told(await log_of(settings)) == [
        ("rebuild", "the store", "the log until now is in assay.db.damaged-1", "done")
    ]


async def test_start_and_end_of_the_stack_are_in_the_log(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    def no_stack(*_: object) -> Any:
        raise UserError("not today")

    monkeypatch.setattr(session, "temporal_is_configured", lambda: False)
    monkeypatch.setattr(stack, "temporal_is_configured", lambda: False)
    monkeypatch.setattr(session, "start_stack", no_stack)
    with pytest.raises(UserError):
        await stack.run_up(settings, as_json=True)
    here = stack.Stack(str(settings.data_dir), 1, 2, {})
    monkeypatch.setattr(stack, "running_stack", lambda _: here)
    monkeypatch.setattr(stack, "stop_stack", lambda _: None)
    monkeypatch.setattr(stack, "_unfinished", lambda *_: asyncio.sleep(0, []))
    await stack.run_down(settings, as_json=True)

    assert [(each.action, each.outcome) for each in await log_of(settings)] == [
        ("stop stack", "done"),
        ("start stack", "failed"),
    ]
