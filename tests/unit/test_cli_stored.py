"""Commands without a stack: what the store and the artifact store still tell."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio
from alembic.command import downgrade
from sqlalchemy import Connection
from typer.testing import CliRunner, Result

from cli.app import app
from cli.exits import Exit
from clients.artifacts import FileArtifactStore
from contract.analysis import MeasurementState
from contract.outcome import AppFacts, AppOutcome
from contract.progress import PipelinePhase, PipelineProgress
from control.errors import NotStoredError
from control.stored import Stored
from store.engine import make_engine
from store.migrate import alembic_config
from store.results import SqlResultStore
from tests.store import samples
from tests.support.new_store import new_store

MODEL = samples.MODEL
LOG = "".join(f"line {number}\n" for number in range(1, 301)) + "\x1b[31mboom\x1b[0m\n"


@pytest_asyncio.fixture(scope="module")
async def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder: `p1` was cancelled with app 1 measured; `p2` stopped with its stack."""
    folder = tmp_path_factory.mktemp("stored")
    url = f"sqlite+aiosqlite:///{folder / 'assay.db'}"
    await new_store(url)
    artifacts = FileArtifactStore(folder / "artifacts")
    build = await artifacts.put_bytes(LOG.encode(), "build.log")
    archive = await artifacts.put_bytes(b"tar", "static.tar")
    lost = build.model_copy(update={"key": samples.ARTIFACT.key, "sha256": samples.ARTIFACT.sha256})
    report = samples.report(samples.measured(), samples.failed())
    outcome = samples.outcome(report).model_copy(update={"report": archive})
    ended = AppOutcome(
        ref=samples.app().ref,
        state=MeasurementState.MEASURED,
        facts=AppFacts(logs=(build, lost.model_copy(update={"name": "app-app.log"}))),
    )
    store = SqlResultStore.from_url(url)
    for name in ("p1", "p2"):
        await samples.register(store, samples.plan(name))
    await store.record_subtask("p1", samples.app(), outcome, report)
    await store.record_app(samples.app(), ended)
    await store.record_pipeline_state("p1", "cancelled", {"parallelism": 2})
    await store.close()
    (folder / "run").mkdir()
    (folder / "run" / "static.log").touch()
    return folder


@pytest.fixture(autouse=True)
def shell(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("ASSAY_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ASSAY_DATA", str(data))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def assay(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def document(*arguments: str) -> dict:
    result = assay(*arguments, "--json")
    assert result.exit_code == Exit.OK, result.stderr
    return json.loads(result.stdout)


class Ended:
    """A pipeline that ended, as the server still tells."""

    def __init__(self, _: object, pipeline_id: str) -> None:
        self.id = pipeline_id

    async def snapshot(self) -> tuple[PipelineProgress, bool]:
        phase = PipelinePhase.COMPLETED
        return PipelineProgress(pipeline_id=self.id, phase=phase, total=1, parallelism=1), False


@asynccontextmanager
async def session(*_: object, **__: object) -> AsyncGenerator[SimpleNamespace]:
    """A server that answers."""
    yield SimpleNamespace(client=None)


@pytest.mark.parametrize("served", [True, False])
def test_a_pipeline_that_was_pruned_is_said_to_be(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: bool
) -> None:
    folder = shutil.copytree(data, tmp_path / "pruned")
    monkeypatch.setenv("ASSAY_DATA", str(folder))

    def has_server(_: object) -> bool:
        return served

    for name, value in (("has_server", has_server), ("open_session", session), ("Pipeline", Ended)):
        monkeypatch.setattr(f"cli.commands.status.{name}", value)
    store = SqlResultStore.from_url(f"sqlite+aiosqlite:///{folder / 'assay.db'}")
    asyncio.run(removed(store, "p1"))

    result = assay("status", "p1")

    assert result.exit_code == Exit.USAGE
    assert "p1 was removed on purpose" in result.stderr
    assert result.stdout == ""
    if served:
        assert "p2" in assay("status", "p2").stdout


async def removed(store: SqlResultStore, pipeline_id: str) -> None:
    """Prune it."""
    assert await store.prune([pipeline_id]) == [pipeline_id]
    await store.close()


def test_ended_pipelines_are_listed_and_told_apart() -> None:
    listed = {line["id"]: line for line in document("status")["pipelines"]}

    assert {name: line["state"] for name, line in listed.items()} == {
        "p1": "cancelled",
        "p2": "unfinished",
    }
    assert listed["p1"]["counts"] == {"measured": 1}
    assert "starter.py up'" in assay("status").stderr


def test_a_pipeline_that_ended_is_told_of() -> None:
    told = document("status", "p1")

    assert (told["state"], told["phase"], told["told_by"]) == ("cancelled", "cancelled", "store")
    assert [(app["state"], app["step"]) for app in told["apps"]] == [
        ("measured", "finished"),
        (None, "waiting"),
    ]
    assert document("status", "p2")["state"] == "unfinished"
    assert "cancelled" in assay("status", "p1").stdout


def test_what_ended_is_watched_to_its_end_at_once() -> None:
    ended, stopped = assay("watch", "p1", "--json"), assay("watch", "p2")

    assert ended.exit_code == Exit.CANCELLED
    assert json.loads(ended.stdout)["told_by"] == "store"
    assert stopped.exit_code == Exit.UNAVAILABLE
    assert "it goes on after" in stopped.stderr


def test_an_empty_data_folder_has_no_pipelines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "new"))

    assert document("status") == {"pipelines": []}
    assert "starter.py submit" in assay("status").stderr
    assert not (tmp_path / "new").exists()


async def test_a_store_of_an_earlier_version_is_read_all_the_same(
    data: Path, tmp_path: Path
) -> None:
    old = tmp_path / "assay.db"
    shutil.copy(data / "assay.db", old)
    engine = make_engine(f"sqlite:///{old}")

    def one_back(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        downgrade(config, "-1")

    async with engine.begin() as connection:
        await connection.run_sync(one_back)
    await engine.dispose()
    stored = Stored(f"sqlite+aiosqlite:///{old}", in_use=lambda: False)

    record = await stored.outline("p1", samples.app().ref)

    assert [cell.tool for cell in record.cells] == ["bandit", "semgrep"]


async def test_those_who_only_look_ask_the_replica_and_a_plan_comes_from_the_store(
    data: Path, tmp_path: Path
) -> None:
    main, replica = tmp_path / "main.db", tmp_path / "replica.db"
    for copy in (main, replica):
        shutil.copy(data / "assay.db", copy)
    url = f"sqlite+aiosqlite:///{main}"
    stored = Stored(url, in_use=lambda: True, read_url=f"sqlite+aiosqlite:///{replica}")
    store = SqlResultStore.from_url(url)
    await samples.register(store, samples.plan("p9", apps=1))
    await store.close()

    assert {line.pipeline_id for line in await stored.pipelines()} == {"p1", "p2"}
    assert [app.ref.label for app in (await stored.plan("p9")).apps] == [f"{MODEL}/app1"]
    with pytest.raises(NotStoredError):
        await stored.outline("p9")


def test_logs_are_printed_by_their_ends_and_places_are_named(data: Path) -> None:
    result = assay("logs", "p1", f"{MODEL}/app1", "--lines", "2")

    assert result.exit_code == Exit.OK
    assert result.stdout == "line 300\nboom\n"
    assert "the last 2 of 301 lines" in result.stderr
    assert "app-app.log: artifact app-app.log is not in" in result.stderr
    assert "bandit measured, semgrep infra_failed" in result.stderr
    assert str(data / "run" / "static.log") in result.stderr


@pytest.fixture
def worker_log(data: Path) -> Iterator[Path]:
    """What the worker said: of the app before and after its build log was kept, and of others."""
    path, about = data / "run" / "worker.log", {"pipeline": "p1", "app": f"{MODEL}/app1"}
    told = [
        {"at": "2020-01-01T00:00:00Z", "level": "warning", "message": "early \x1b[2J", **about},
        {"at": "2099-01-01T00:00:00Z", "level": "error", "message": "late", "cause": "c", **about},
        {"at": "2099-01-01T00:00:01Z", "level": "info", "message": "of all", "pipeline": "p1"},
        {"at": "2099-01-01T00:00:02Z", "level": "info", "message": "other", "pipeline": "p2"},
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in told))
    yield path
    path.unlink()


def test_lines_of_programs_stand_where_they_belong_in_time(worker_log: Path) -> None:
    shown = assay("logs", "p1", f"{MODEL}/app1", "--lines", "2").stdout.splitlines()

    assert [line.partition("  ")[0] for line in shown[1:3]] == ["line 300", "boom"]
    assert "early" in shown[0]
    assert "\x1b" not in shown[0]
    assert "late" in shown[3]
    assert "cause c" in shown[3]
    assert len(shown) == 4
    told = document("logs", "p1", f"{MODEL}/app1")
    assert [line["message"] for line in told["lines"]] == ["early \x1b[2J", "late"]


def test_all_that_programs_said_of_a_pipeline(worker_log: Path) -> None:
    shown = assay("logs", "p1", "--lines", "2", "--part", "worker")
    assert [line.split()[4] for line in shown.stdout.splitlines()] == ["late", "of"]
    assert "the last 2 of 3 records" in shown.stderr

    told = document("logs", "p1", "--level", "warning", "--since", "2021-01-01")
    assert [line["message"] for line in told["lines"]] == ["late"]
    assert told["parts"] == ["worker", "static"]


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        (("--part", "wroker"), "dashboard"),
        (("--level", "loud"), "CRITICAL"),
        (("--since", "x"), "2h"),
    ],
)
def test_an_option_of_logs_that_is_wrong(option: tuple[str, str], hint: str) -> None:
    result = assay("logs", "p1", *option)
    assert result.exit_code == Exit.USAGE
    assert hint in result.stderr


def test_one_log_alone_and_whole() -> None:
    result = assay("logs", "p1", f"{MODEL}/app1", "build.log", "--lines", "0")

    assert len(result.stdout.splitlines()) == 301
    assert "bandit" not in result.stderr


def test_the_document_says_where_each_log_is(data: Path) -> None:
    told = document("logs", "p1", f"{MODEL}/app1")

    assert [(log["name"], log["kept"]) for log in told["logs"]] == [
        ("build.log", True),
        ("app-app.log", False),
    ]
    assert Path(told["logs"][0]["path"]).is_file()
    (static,) = told["analyzers"]
    assert static["result"]["name"] == "static.tar"
    assert static["service_log"] == str(data / "run" / "static.log")


@pytest.mark.parametrize(
    ("arguments", "cause", "hint"),
    [
        (("p1", "nobody/app1"), "unknown app 'nobody/app1'", f"{MODEL}/app1"),
        (("p1", f"{MODEL}/app3"), "unknown app", f"did you mean '{MODEL}/app"),
        (("p1", f"{MODEL}/app1", "biuld.log"), "no log 'biuld.log'", "its logs: build.log"),
        (("p9", f"{MODEL}/app1"), "no pipeline 'p9'", "status"),
        (("p9",), "no pipeline 'p9'", "status"),
    ],
)
def test_a_log_that_is_not_there(arguments: tuple[str, ...], cause: str, hint: str) -> None:
    result = assay("logs", *arguments)

    assert result.exit_code == Exit.USAGE
    assert cause in result.stderr
    assert hint in result.stderr


def test_the_shell_offers_the_pipelines() -> None:
    from cli.completion import pipeline_ids

    assert sorted(pipeline_ids()) == ["p1", "p2"]
