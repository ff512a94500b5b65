"""Sends requests when they are due and never waits for an answer to send the next one."""

import asyncio
import gc
import time

from analyzers.performance.host import between, snapshot
from analyzers.performance.openloop.limit_watch import LimitWatch
from analyzers.performance.openloop.plan import LoadPlan, LoadResult, StepResult
from analyzers.performance.openloop.search import next_rate
from analyzers.performance.openloop.sender import Sender
from analyzers.performance.openloop.tally import LATE_S, Tally, error_kind

_DEAD_AFTER_S = 1.0
_DEAD_AFTER_ERRORS = 10
_BROKEN = frozenset({"refused", "disconnected"})
# A step that can no longer hold is ended as soon as enough of it was seen.
_JUDGED_FROM = 1 / 4
# A backlog is gone when an answer takes at most this many times its first duration.
_CALM_TIMES = 3
_CALM_FLOOR_S = 0.02


async def run_plan(plan: LoadPlan) -> LoadResult:
    """Run the steps of `plan` until one breaks the objective, then steps in between."""
    async with Sender(plan) as sender:
        return await _Series(plan, sender).run()


class _Series:
    def __init__(self, plan: LoadPlan, sender: Sender) -> None:
        self._plan = plan
        self._sender = sender
        self._limit_watch = LimitWatch()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._steps: list[StepResult] = []
        self._sent = 0
        self._began = 0.0
        self._last_answer = 0.0
        self._sent_by_last_answer = 0
        self._broken_since_answer = 0
        self._died = False

    async def run(self) -> LoadResult:
        plan = self._plan
        self._began = self._last_answer = time.monotonic()
        if plan.warmup_s:
            await self._step(plan.rates[0], plan.warmup_s)
            if self._limit_watch.limit and self._limit_watch.is_short:
                # A rate per second: within it there is something to measure.
                self._limit_watch = LimitWatch()
        for rate in plan.rates:
            if self._over:
                break
            self._steps.append(await self._step(rate, plan.step_s))
        await self._narrow()
        return LoadResult(
            url=plan.url,
            steps=tuple(self._steps),
            requests=self._sent,
            resent=self._sender.resent,
            cpu_s=round(time.process_time(), 3),
            limit=self._limit_watch.limit,
            died=self._died,
            last_answer_s=round(self._last_answer - self._began, 3),
            requests_by_then=self._sent_by_last_answer,
        )

    @property
    def _over(self) -> bool:
        """Whether no faster step follows."""
        broke = bool(self._steps) and bool(self._steps[-1].broke)
        return broke or self._died or self._limit_watch.limit is not None

    async def _narrow(self) -> None:
        """Further steps between the fastest rate that held and the slowest that did not."""
        for _ in range(self._plan.refine_steps):
            rate = next_rate(self._steps, self._plan.resolution)
            if rate is None or self._died or self._limit_watch.limit is not None:
                return
            await self._settle()
            self._steps.append(await self._step(rate, self._plan.step_s))

    async def _settle(self) -> None:
        """Ask one by one until the backlog of the last step is gone, at most for one time-out."""
        first = self._steps[0].latency
        usual_s = first.p50 / 1000 if first else 0.0
        end = time.monotonic() + self._plan.timeout_s
        tally = Tally(1.0, self._plan.objective)
        while (due := time.monotonic()) < end and not self._died:
            before = tally.completed
            await self._send(tally, due, due)
            took_s = time.monotonic() - due
            if tally.completed > before and took_s <= _CALM_TIMES * max(usual_s, _CALM_FLOOR_S):
                return
            await asyncio.sleep(_CALM_FLOOR_S)

    async def _step(self, rate: float, length_s: float) -> StepResult:
        """One step; garbage collection pauses, so that its delays do not count for the server."""
        gc.collect()
        gc.disable()
        try:
            tally, before = Tally(rate, self._plan.objective), snapshot()
            window_s = await self._arrivals(tally, max(1, round(rate * length_s)))
            if self._in_flight:
                await asyncio.wait(self._in_flight)
            self._limit_watch.end_of_step(time.monotonic() - self._began)
            step = tally.result(window_s)
            return step.model_copy(update={"pressure": between(before, snapshot()).pressure})
        finally:
            gc.enable()

    async def _arrivals(self, tally: Tally, count: int) -> float:
        """Send `count` requests; returns at the end how long they took to arrive."""
        began = time.monotonic()
        await self._send_all(tally, began, count)
        planned_s = count / tally.rate
        if not tally.broke:
            await asyncio.sleep(max(0.0, began + planned_s - time.monotonic()))
        elapsed_s = time.monotonic() - began
        return elapsed_s if tally.broke or elapsed_s > planned_s + LATE_S else planned_s

    async def _send_all(self, tally: Tally, began: float, count: int) -> None:
        for number in range(count):
            due = began + number / tally.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tally.broke = self._ended(tally, number, count)
            if tally.broke:
                return
            task = asyncio.create_task(self._send(tally, due, began))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)

    def _ended(self, tally: Tally, number: int, count: int) -> str:
        """Why no further request of this step is sent; empty while requests are sent."""
        if self._died:
            return "the application stopped answering"
        if why := self._limit_watch.reason_to_stop(time.monotonic() - self._began):
            return why
        if len(self._in_flight) >= self._plan.max_in_flight:
            return f"{self._plan.max_in_flight} requests unanswered at once"
        # Where no step held, the lowest rate represents the operation, so it runs to its end.
        if self._steps and number >= count * _JUDGED_FROM:
            return tally.hopeless(count)
        return ""

    async def _send(self, tally: Tally, due: float, began: float) -> None:
        tally.sent += 1
        self._sent += 1
        if time.monotonic() - due > LATE_S:
            tally.late += 1
        try:
            reply = await self._sender.get()
        except Exception as error:  # any failure: it was not an answer
            self._note_failure(error_kind(error))
            tally.failed(error_kind(error), time.monotonic() - due)
        else:
            now = time.monotonic()
            self._note_answer(now)
            self._limit_watch.take(reply, now - self._began)
            tally.answered(reply.status, now - due, reply.size, now - began)

    def _note_answer(self, now: float) -> None:
        self._last_answer = now
        self._sent_by_last_answer = self._sent
        self._broken_since_answer = 0

    def _note_failure(self, kind: str) -> None:
        """Broken connections only, ten times and for a second: nobody listens any more."""
        if kind not in _BROKEN or self._died:
            return
        self._broken_since_answer += 1
        silent_s = time.monotonic() - self._last_answer
        if self._broken_since_answer >= _DEAD_AFTER_ERRORS and silent_s >= _DEAD_AFTER_S:
            self._died = True
