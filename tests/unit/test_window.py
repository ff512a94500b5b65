"""The window of a pipeline: who may begin, and what a child hears, however slowly it starts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

import pytest

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.outcome import AppOutcome
from contract.plan import AppEntry
from contract.progress import BreakerProgress
from contract.spec import (
    AppRef,
    AppsSpec,
    BreakerSpec,
    PipelinePlan,
    PipelineSpec,
    PlannedApp,
    SourceRef,
)
from workflows import child, policies
from workflows.breakers import PIPELINE, Breakers
from workflows.child import Child
from workflows.state import AppOrders, PipelineState
from workflows.window import Window

DYNAMIC = AnalyzerKind.DYNAMIC
SPEC = PipelineSpec(apps=AppsSpec(root="/apps"), analyzers=(DYNAMIC,), parallelism=2)


class Handle:
    """A workflow that has started; it ends when it is told to."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.ends = asyncio.Event()

    async def signal(self, method: Callable[..., Any], *arguments: BreakerProgress) -> None:
        self.heard.append(" ".join([method.__name__, *(f"{a.name} {a.state}" for a in arguments)]))

    def __await__(self) -> Generator[Any, Any, AppOutcome]:
        async def outcome() -> AppOutcome:
            await self.ends.wait()
            return AppOutcome(ref=app(1).ref, state=MeasurementState.MEASURED)

        return outcome().__await__()


def app(number: int) -> PlannedApp:
    ref = AppRef(model="m", app_number=number)
    return PlannedApp(ref=ref, source=SourceRef(path="/a", digest="0"))


@pytest.fixture(autouse=True)
def conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """`wait_condition` without a workflow: asked again and again."""

    async def wait_condition(fn: Callable[[], bool], **_: Any) -> None:
        while not fn():
            await asyncio.sleep(0)

    monkeypatch.setattr("temporalio.workflow.wait_condition", wait_condition)


class Pipeline:
    """A window with its breakers, and children that start when `started` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **state: Any) -> None:
        self.breakers = Breakers(BreakerSpec(analyzer_threshold=1), SPEC.analyzers)
        self.window = Window(self.breakers, SPEC, PipelineState(**state))
        self.started, self.handle = asyncio.Event(), Handle()

        async def slowly(*_: object) -> Handle:
            await self.started.wait()
            return self.handle

        monkeypatch.setattr(child, "_start", slowly)

    def launch(self, number: int) -> Child:
        now = self.window.situation
        planned = app(number)
        plan = PipelinePlan(pipeline_id="p", spec=SPEC, apps=(planned,))
        orders = AppOrders(paused=now.paused, ahead=now.ahead)
        entry = AppEntry(position=number, app=planned)
        begun = Child(entry, plan.app_spec(planned), orders, now.opened)
        self.window.launch(begun, self._follow(begun))
        return begun

    async def _follow(self, begun: Child) -> None:
        await begun.run()
        self.window.leave(begun)


@pytest.fixture
async def pipeline(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pipeline]:
    it = Pipeline(monkeypatch)
    yield it
    it.window.background.stop()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_child_hears_what_changed_while_it_was_started(pipeline: Pipeline) -> None:
    pipeline.launch(1)
    await settled()
    pipeline.window.paused = True
    pipeline.breakers.by_name["dynamic"] = pipeline.breakers.by_name["dynamic"].trip("away", 0.0)
    await settled()
    assert pipeline.handle.heard == []
    pipeline.started.set()
    await settled()

    assert pipeline.handle.heard == ["pause", "breaker_changed dynamic open"]
    pipeline.window.paused = False
    await settled()
    assert pipeline.handle.heard[2:] == ["resume"]


async def test_a_change_that_did_not_last_is_not_signalled(pipeline: Pipeline) -> None:
    pipeline.launch(1)
    pipeline.window.paused = True
    await settled()
    pipeline.window.paused = False
    pipeline.started.set()
    await settled()

    assert pipeline.handle.heard == []


async def test_a_child_that_ended_hears_nothing_and_leaves(pipeline: Pipeline) -> None:
    pipeline.launch(1)
    pipeline.started.set()
    pipeline.handle.ends.set()
    await settled()
    pipeline.window.paused = True
    await settled()

    assert pipeline.handle.heard == []
    assert pipeline.window.is_empty


async def test_beyond_the_window_a_few_are_built_and_promoted_in_order(pipeline: Pipeline) -> None:
    window = pipeline.window
    window.background.run(window.promote_in_turn())
    first, second, *ahead = [pipeline.launch(n) for n in range(1, 3 + policies.BUILD_AHEAD)]
    assert [first.ahead, second.ahead] == [False, False]
    assert [one.ahead for one in ahead] == [True] * policies.BUILD_AHEAD
    assert (window.in_flight, window.may_launch) == (2, False)

    window.leave(first)
    await settled()

    assert [one.ahead for one in ahead] == [False, True]
    assert window.next_is_ahead, "others come before it"


async def test_while_paused_nothing_is_promoted_and_a_stop_lets_all_go(pipeline: Pipeline) -> None:
    window = pipeline.window
    window.background.run(window.promote_in_turn())
    first, _, *ahead = [pipeline.launch(n) for n in range(1, 3 + policies.BUILD_AHEAD)]
    window.paused = True
    window.leave(first)
    await settled()
    assert all(one.ahead for one in ahead)

    window.gave_up = "the store is down"
    await settled()

    assert not any(one.ahead for one in ahead)
    assert not window.may_launch


async def test_an_outage_leaves_one_app_on_trial(pipeline: Pipeline) -> None:
    tripped = pipeline.breakers.by_name[PIPELINE].trip("faults", 0.0).probe_ok()
    pipeline.breakers.by_name[PIPELINE] = tripped
    assert pipeline.window.may_launch

    pipeline.launch(1)

    assert not pipeline.window.may_launch, "neither a second one, nor one that is built ahead"


async def test_a_cancel_reaches_a_child_that_is_being_started(pipeline: Pipeline) -> None:
    begun = pipeline.launch(1)
    pipeline.window.cancel()
    await settled()

    assert begun.handle is None
    assert pipeline.window.stopped
    assert begun._following is not None and begun._following.cancelled()


async def test_a_bug_beside_the_main_line_is_raised_in_it(pipeline: Pipeline) -> None:
    async def broken() -> None:
        raise KeyError("a bug")

    pipeline.window.background.run(broken())
    await settled()

    assert pipeline.window.background.crashed
    with pytest.raises(KeyError, match="a bug"):
        pipeline.window.background.raise_crash()
