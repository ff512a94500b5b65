"""What is called wasted was done and thrown away; waiting and reused work are neither."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from temporalio.exceptions import ApplicationError

from activities import heartbeat
from activities.heartbeat import Attempt
from activities.work import SILENCE_S, WorkLog, lost_before
from analyzers.runtime.measure import cell, measure, schedule
from contract.analysis import MeasurementState, SubtaskRequest
from contract.attempt import Span
from contract.errors import ErrorCode, PlatformError
from contract.outcome import ToolSummary, thrown_away
from contract.protocol import SERVICE_FRAMES, Progress
from contract.spec import SourceRef
from tests.activities.fakes import REQUEST, environment
from tests.support.killed_analyzer import (
    Analyzer,
    Execution,
    Gateway,
    Sleeper,
    outcome_under_kills,
    truly_thrown_away,
)
from tests.support.virtual_time import Clock, run_in_virtual_time
from workflows.settle import failure_code


class Seconds(NamedTuple):
    """Of one subtask: thrown away in truth, as recorded, by the old rule; saved; executed."""

    true: float
    recorded: float
    old: float
    saved: float
    executed: float


def history(folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int, apps: int) -> list[Seconds]:
    """`apps` subtasks under kills: eight tools on two cores, one of them never served again."""
    log: list[Execution] = []
    dice = random.Random(seed)
    lasting = [dice.uniform(5, 60) for _ in range(8)]
    tools = [
        Sleeper(f"t{i}", s, timedelta(0) if i == 3 else None, log) for i, s in enumerate(lasting)
    ]

    async def main() -> list[Seconds]:
        loop = asyncio.get_running_loop()
        analyzer = Analyzer(folder, tools, lambda: Clock(loop.time).now())
        found: list[Seconds] = []
        for number in range(apps):
            source = folder / f"app{number}"
            source.mkdir(parents=True)
            (source / "a.py").write_text(str(number))
            request = SubtaskRequest(
                subtask_id=f"p/m/app{number}/static",
                analyzer=REQUEST.analyzer,
                ref=REQUEST.ref,
                source=SourceRef(path=str(source), digest=str(number)),
            )
            gateway = Gateway(analyzer)
            outcome = await outcome_under_kills(analyzer, gateway, request, dice, mean_s=60.0)
            mine = [one.seconds for one in log if one.subtask_id == request.subtask_id]
            found.append(
                Seconds(
                    true=truly_thrown_away(log, outcome),
                    recorded=outcome.wasted_seconds,
                    old=gateway.begun_seconds(),
                    saved=outcome.saved_seconds,
                    executed=sum(mine),
                )
            )
        return found

    return run_in_virtual_time(monkeypatch, (heartbeat, measure, cell, schedule), main)


@pytest.mark.parametrize("seed", [4711, 4712, 4713])
def test_of_work_under_kills_as_much_is_called_wasted_as_was_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    found = history(tmp_path, monkeypatch, seed, apps=25)

    true, recorded, old, saved, executed = map(sum, zip(*found, strict=True))
    print(f"thrown away {true:.0f} of {executed:.0f} s, recorded {recorded:.0f}, before {old:.0f}")
    assert true > 300, "the kills threw nothing away"
    assert old > 4 * true, "tools that waited and reports that were reused counted as lost work"
    assert saved > 0
    assert recorded == pytest.approx(true, rel=0.06)


def said(*running: str, done: int = 0, total: int = 9, waiting: tuple[str, ...] = ()) -> Progress:
    """Word from the analyzer."""
    return Progress(subtask_id="s", done=done, total=total, running=running, waiting=waiting)


def seen(*words: tuple[float, Progress]) -> tuple[Span, ...]:
    """What a log holds after these words, each at its second."""
    log = WorkLog()
    for at_s, progress in words:
        log.saw(progress, at_s)
    return log.spans


def test_tools_that_wait_do_no_work() -> None:
    waits = said("b", waiting=("c",))
    (span,) = seen((0.0, said("a", waiting=("b", "c"))), (4.0, waits), (5.0, said()))

    assert span.by_tool == {"a": 4.0, "b": 1.0}
    assert (span.began_s, span.ended_s, span.tool_seconds) == (0.0, 5.0, 5.0)


def test_what_nobody_heard_of_for_long_counts_as_far_as_it_is_sure() -> None:
    spans = seen((0.0, said("a")), (60.0, said("a")), (62.0, said()))

    assert [span.by_tool for span in spans] == [{"a": SILENCE_S}, {"a": 2.0}]


@pytest.mark.parametrize("first", [said(total=0), said("a", done=0)])
def test_a_run_that_was_begun_again_under_one_attempt_is_a_span_of_its_own(first: Progress) -> None:
    spans = seen((0.0, said("a", done=2)), (3.0, first), (4.0, said("a")), (5.0, said()))

    assert lost_before(3.0, spans) == {"a": 3.0}


def test_spans_that_travel_with_each_heartbeat_stay_few_and_lose_nothing() -> None:
    spans = seen(*((at_s, said("a")) for at_s in range(0, 6_000, 60)))

    assert len(spans) <= 22
    assert sum(span.tool_seconds for span in spans) == 99 * SILENCE_S


async def test_tools_at_work_at_once_are_summed_and_a_failure_tells_what_was_spent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 1000.0
    monkeypatch.setattr(heartbeat.time, "time", lambda: now_s)

    async def attempt_that_fails() -> None:
        nonlocal now_s
        async with Attempt() as attempt:
            for tools, lasting_s in (("abc", 5.0), ("a", 4.0), ("", 60.0), ("b", 1.0)):
                attempt.saw_work(said(*tools))
                now_s += lasting_s
            raise PlatformError(ErrorCode.UNAVAILABLE, "gone")

    with pytest.raises(ApplicationError) as failure:
        await environment()[0].run(attempt_that_fails)

    fault = failure_code(failure.value)
    assert fault.lost == {"a": 9.0, "b": 6.0, "c": 5.0}
    assert fault.causes == ("UNAVAILABLE",)


def test_work_of_a_run_that_was_thrown_away_is_lost_and_a_continued_one_is_not() -> None:
    spans = (
        Span(began_s=100.0, ended_s=110.0, by_tool={"a": 10.0}),
        Span(began_s=120.0, ended_s=125.0, tool_seconds=5.0),
    )

    assert lost_before(130.0, spans) == {"a": 10.0, "": 5.0}, "both earlier runs were lost"
    assert lost_before(115.0, spans) == {"a": 10.0}, "the second went on and counted"
    assert lost_before(99.0, spans) == {}, "re-attached to the first"


def test_of_lost_work_what_came_back_from_the_cache_is_not_thrown_away() -> None:
    def tool(name: str, seconds: float, cached: bool) -> ToolSummary:
        state = MeasurementState.MEASURED
        return ToolSummary(tool=name, state=state, cached=cached, seconds=seconds)

    lost = {"whole": 10.0, "twice": 15.0, "anew": 8.0, "": 1.0}
    tools = [tool("whole", 10.0, True), tool("twice", 10.0, True), tool("anew", 9.0, False)]

    assert thrown_away(lost, tools) == 0.0 + 5.0 + 8.0 + 1.0


def test_progress_of_an_analyzer_that_tells_of_nobody_waiting_is_understood() -> None:
    old = '{"type": "progress", "subtask_id": "s", "done": 1, "total": 2, "running": ["a"]}'

    frame = SERVICE_FRAMES.validate_json(old)

    assert isinstance(frame, Progress) and (frame.running, frame.waiting) == (("a",), ())
