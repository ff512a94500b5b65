"""Children of a pipeline, with a server that takes its time to start them."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.outcome import AppOutcome
from contract.progress import BreakerProgress
from contract.spec import AppRef, AppSpec, SourceRef
from workflows import child
from workflows.child import Children, Signal
from workflows.state import AppOrders

APP = AppSpec(
    pipeline_id="p",
    ref=AppRef(model="m", app_number=1),
    source=SourceRef(path="/a", digest="0"),
    analyzers=(AnalyzerKind.STATIC,),
)
OUTCOME = AppOutcome(ref=APP.ref, state=MeasurementState.MEASURED)


class Handle:
    """A child that has started; it ends at once."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def signal(self, name: str, args: list[Any]) -> None:
        self.heard.append(" ".join([name, *(argument.name for argument in args)]))

    def __await__(self) -> Generator[Any, Any, AppOutcome]:
        async def outcome() -> AppOutcome:
            await asyncio.sleep(0)
            return OUTCOME

        return outcome().__await__()


async def test_a_child_hears_what_was_signalled_while_it_was_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started, handle = asyncio.Event(), Handle()

    async def slowly(app: AppSpec, orders: AppOrders) -> Handle:
        await started.wait()
        return handle

    monkeypatch.setattr(child, "_start", slowly)
    children, missed = Children(), list[Signal]()
    run = asyncio.create_task(children.run("m/app1", APP, AppOrders(), lambda: missed))
    await asyncio.sleep(0)
    for signal in (
        Signal("pause"),
        Signal("breaker_changed", BreakerProgress(name="ai", state="")),
    ):
        missed.append(signal)
        await children.tell(signal)
    started.set()

    assert await run == OUTCOME
    assert handle.heard == ["pause", "breaker_changed ai"]
