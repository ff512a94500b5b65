"""A command and the local stack: who stops it, and who must not."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli import session
from cli.commands import demo, retry, submit
from cli.errors import UserError
from cli.exits import Exit
from cli.session import Session, open_session
from cli.stack.lifecycle import hold_stack, stop_unless_held
from cli.stack.model import Stack
from contract.analyzers import AnalyzerKind
from contract.spec import AppsSpec, PipelinePlan, PipelineSpec
from control.errors import AlreadyRanError
from control.pipelines import Pipeline
from settings import PROJECT_ROOT, Settings

PLAN = PipelinePlan(pipeline_id="p", spec=PipelineSpec(apps=AppsSpec(root="/apps")), apps=())
SPEC = PROJECT_ROOT / "controls" / "demo.yaml"


class FakeStack:
    """A stack that this command starts; `pipelines` run on it."""

    def __init__(self, settings: Settings) -> None:
        self.stack = Stack(str(settings.data_dir), 1, 2, dict.fromkeys(AnalyzerKind, 3))
        self.started = True
        self.stopped = False
        self.pipelines: list[str] = []
        self.said: list[str] = []

    def stop(self, *_: object) -> None:
        self.stopped = True


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data=tmp_path / "data")


@pytest.fixture
def fake(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    fake = FakeStack(settings)

    async def connect(**_: object) -> Any:
        return SimpleNamespace(namespace="default")

    async def running(_: object) -> list[str]:
        return fake.pipelines

    monkeypatch.setattr(session, "temporal_is_configured", lambda: False)
    monkeypatch.setattr(session, "start_stack", lambda *_: (fake.stack, fake.started))

    async def alike(_client: object) -> None:
        pass

    monkeypatch.setattr(session, "connect", connect)
    monkeypatch.setattr(session, "require_shared_keys", alike)
    monkeypatch.setattr(session, "running_pipelines", running)
    monkeypatch.setattr(session, "_EXIT_PAUSE_S", 0)
    monkeypatch.setattr("cli.stack.lifecycle.stop_stack", fake.stop)
    return fake


async def test_who_started_the_stack_stops_it(settings: Settings, fake: FakeStack) -> None:
    async with open_session(settings, fake.said.append, start=True):
        assert not fake.stopped

    assert fake.stopped
    assert fake.said == []


async def test_who_joined_the_stack_does_not_stop_it(settings: Settings, fake: FakeStack) -> None:
    fake.started = False

    async with open_session(settings, fake.said.append, start=True):
        pass

    assert not fake.stopped


async def test_a_stack_on_which_others_work_is_left_up_aloud(
    settings: Settings, fake: FakeStack
) -> None:
    async with open_session(settings, fake.said.append, start=True):
        fake.pipelines = ["others"]

    assert not fake.stopped
    assert "pipeline others still runs" in fake.said[0]
    assert "starter.py down" in fake.said[1]


async def test_a_stack_that_another_command_is_about_to_use_is_left_up(
    settings: Settings, fake: FakeStack
) -> None:
    async with open_session(settings, fake.said.append, start=True):
        other = hold_stack(settings.data_dir)

    with other:
        assert not fake.stopped
        assert "another command" in fake.said[0]


async def test_an_interrupted_pipeline_that_would_not_end_stops_with_the_stack(
    settings: Settings, fake: FakeStack
) -> None:
    fake.pipelines = ["mine"]

    async with open_session(settings, fake.said.append, start=True) as opened:
        opened.abandoned = "mine"

    assert fake.stopped


def test_a_lease_that_ended_no_longer_keeps_the_stack(settings: Settings, fake: FakeStack) -> None:
    hold_stack(settings.data_dir).close()

    with hold_stack(settings.data_dir) as mine:
        assert stop_unless_held(fake.stack, mine)


async def test_a_refused_submission_leaves_no_stack_up(
    settings: Settings, fake: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> bool:
        raise AlreadyRanError("p", "pipeline p already ran")

    monkeypatch.setattr(submit, "submit", refuse)
    monkeypatch.setattr(submit, "checked_plan", lambda *_: PLAN)

    with pytest.raises(AlreadyRanError, match="already ran"):
        await submit.run_submit(settings, SPEC, "p", wait=False, as_json=False)

    assert fake.stopped


async def test_a_submission_without_wait_leaves_the_stack_up(
    settings: Settings,
    fake: FakeStack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def accept(*_: object) -> bool:
        return True

    monkeypatch.setattr(submit, "submit", accept)
    monkeypatch.setattr(submit, "checked_plan", lambda *_: PLAN)

    assert await submit.run_submit(settings, SPEC, "p", wait=False, as_json=False) == 0

    assert not fake.stopped
    assert "starter.py down" in capsys.readouterr().out


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("scheduled", [True, False])
async def test_a_submission_says_that_it_leaves_the_schedule_of_its_spec_aside(
    settings: Settings,
    tmp_path: Path,
    scheduled: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def accept(*_: object) -> bool:
        return True

    monkeypatch.setattr(submit, "submit", accept)
    spec = tmp_path / "my fleet.yaml"
    again = "schedule: {every: 1d}\n" * scheduled
    spec.write_text(f"apps: {{root: {PROJECT_ROOT / 'controls'}, only: [careful-1/app1]}}\n{again}")

    assert await submit.run_submit(settings, spec, "p", wait=False, as_json=True) == 0

    said = capsys.readouterr()
    assert bool(json.loads(said.out)["note"]) is scheduled
    assert (f"starter.py schedule add '{spec}'" in said.err) is scheduled


@pytest.mark.parametrize("started", [True, False])
async def test_a_retry_follows_the_pipeline_whose_stack_it_started(
    settings: Settings, fake: FakeStack, monkeypatch: pytest.MonkeyPatch, started: bool
) -> None:
    followed: list[str] = []

    async def follow(_: Session, pipeline_id: str, **__: object) -> Exit:
        followed.append(pipeline_id)
        return Exit.OK

    async def running(_: Pipeline) -> bool:
        return True

    async def update(*_: object) -> list[str]:
        return ["m/app1"]

    fake.started = started
    monkeypatch.setattr(retry, "follow_to_report", follow)
    monkeypatch.setattr(Pipeline, "is_running", running)
    monkeypatch.setattr(Pipeline, "retry_failed", update)
    monkeypatch.setattr(Pipeline, "__init__", lambda self, _client, id_: setattr(self, "id", id_))

    assert await retry.run_retry(settings, "p", [], as_json=False, strict=False) == Exit.OK

    assert followed == (["p"] if started else [])


@pytest.mark.parametrize(("keep", "hinted"), [(True, True), (False, False)])
async def test_a_demo_that_leaves_everything_up_says_how_to_stop_it(
    settings: Settings,
    fake: FakeStack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    keep: bool,
    hinted: bool,
) -> None:
    async def done(*_: object, **__: object) -> Exit:
        return Exit.OK

    monkeypatch.setattr(demo, "submit", done)
    monkeypatch.setattr(demo, "follow_to_report", done)

    assert await demo.run_demo(settings, keep=keep) == 0

    assert fake.stopped is not keep
    assert ("starter.py down" in capsys.readouterr().err) is hinted


async def test_a_command_that_fails_does_not_end_within_moments_of_its_last_call(
    settings: Settings, fake: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client process that does may crash at its exit."""
    ended: list[str] = []

    async def pause(seconds: float) -> None:
        ended.append(f"paused {seconds}")

    monkeypatch.setattr(session, "_EXIT_PAUSE_S", 0.3)
    monkeypatch.setattr(session.asyncio, "sleep", pause)
    with pytest.raises(UserError, match="no running pipeline"):
        async with session.open_session(settings, print, start=True):
            raise UserError("no running pipeline")

    assert ended[-1:] == ["paused 0.3"]
