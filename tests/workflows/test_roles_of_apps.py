"""Control apps, scaffolds and repeats are ordinary children, and are counted apart."""

import asyncio

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError

from contract.analysis import MeasurementState, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.outcome import SubtaskOutcome
from contract.role import AppRole
from contract.roles import control_ref, repeat_ref, scaffold_ref
from contract.spec import AppRef, PlannedApp
from control.starting import start_again
from tests.workflows.fake_platform import (
    FakePlatform,
    Run,
    blocks,
    fails,
    finished,
    measured,
    planned,
    until,
)
from workflows.state import PipelineRun

MEASURED, INFRA_FAILED = MeasurementState.MEASURED, MeasurementState.INFRA_FAILED
STATIC, DYNAMIC, PERFORMANCE = (
    AnalyzerKind.STATIC,
    AnalyzerKind.DYNAMIC,
    AnalyzerKind.PERFORMANCE,
)
CONTROL = control_ref("careless-1", 1)
SCAFFOLD = scaffold_ref(1)
REPEAT = repeat_ref(AppRef(model="m", app_number=2), 1)


def added(ref: AppRef, role: AppRole, *analyzers: AnalyzerKind) -> PlannedApp:
    app = planned("added", 1)
    return app.model_copy(update={"ref": ref, "role": role, "analyzers": analyzers})


def fleet() -> FakePlatform:
    """A scaffold, a control app, two subjects, one of these once more."""
    platform = FakePlatform(apps=2, analyzers="sdp")
    apps = (
        added(SCAFFOLD, AppRole.SCAFFOLD, STATIC),
        added(CONTROL, AppRole.CONTROL, STATIC, DYNAMIC),
        *platform.plan.apps,
        added(REPEAT, AppRole.REPEAT, DYNAMIC, PERFORMANCE),
    )
    platform.plan = platform.plan.model_copy(update={"apps": apps})
    return platform


def cells_of(platform: FakePlatform, label: str) -> set[str]:
    """Analyzers that recorded something of an app."""
    refs = {app.ref.label: platform.plan.app_spec(app).key for app in platform.plan.apps}
    prefix = f"{refs[label]}/"
    return {key.removeprefix(prefix) for key in platform.subtasks if key.startswith(prefix)}


async def test_each_app_is_looked_at_by_its_analyzers_and_only_subjects_count(
    client: Client,
) -> None:
    platform = fleet()

    handle = await platform.start(client)
    progress = await until(handle, lambda now: now.total > 0)
    result = await finished(handle)

    assert result.counts == {MEASURED: 2}
    assert progress.total == 5
    assert progress.beside == {AppRole.SCAFFOLD: 1, AppRole.CONTROL: 1, AppRole.REPEAT: 1}
    assert cells_of(platform, SCAFFOLD.label) == {"static"}
    assert cells_of(platform, CONTROL.label) == {"static", "dynamic"}
    assert cells_of(platform, REPEAT.label) == {"dynamic", "performance"}
    assert cells_of(platform, "m/app1") == {"static", "dynamic", "performance"}


async def test_a_scaffold_is_neither_built_nor_started(client: Client) -> None:
    platform = fleet()

    await platform.run(client)

    touched = [f"{what} {SCAFFOLD.label}" for what in ("build", "start", "teardown")]
    assert [line for line in platform.log if line in touched] == []
    assert platform.count("start") == 4


async def test_a_control_that_the_platform_failed_runs_again_alone(client: Client) -> None:
    platform = fleet()
    platform.runs[STATIC] = fails_once_on(CONTROL)
    first = await platform.run(client)
    platform.log.clear()

    again = PipelineRun.again(platform.reopening())
    second = await finished(await start_again(client, again))

    assert first.counts == second.counts == {MEASURED: 2}
    assert [line for line in platform.log if line.startswith("run ")] == [
        f"run {CONTROL.label}/static"
    ]


async def test_only_apps_of_the_fleet_are_added_while_it_runs(client: Client) -> None:
    platform = fleet()
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)
    handle = await platform.start(client)
    await platform.logged("run ")
    late = added(repeat_ref(AppRef(model="m", app_number=1), 7), AppRole.REPEAT, DYNAMIC)

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("add_apps", [late])
    go.set()
    await finished(handle)

    assert "a plan alone has controls" in str(refused.value.cause)


async def test_what_never_ran_is_counted_apart_too(client: Client) -> None:
    platform = fleet()
    platform.runs[STATIC] = blocks(asyncio.Event())
    handle = await platform.start(client)
    await platform.logged(f"run {SCAFFOLD.label}/static")
    await handle.signal("cancel")

    result = await finished(handle)

    assert result.counts == {INFRA_FAILED: 2}
    assert len(platform.apps) == 5


def fails_once_on(ref: AppRef) -> Run:
    """A measurement that the platform cannot make the first time, of one app alone."""
    failed: list[AppRef] = []

    async def run(request: SubtaskRequest) -> SubtaskOutcome:
        if request.ref == ref and not failed:
            failed.append(ref)
            return await fails("PERMISSION_DENIED")(request)
        return measured(request)

    return run
