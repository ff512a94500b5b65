"""Sends requests when they are due and never waits for an answer to send the next one."""

import asyncio
import gc
import time

import aiohttp

from analyzers.performance.host import between, snapshot
from analyzers.performance.openloop.plan import LoadPlan, LoadResult, StepResult
from analyzers.performance.openloop.tally import LATE_S, BodyTooLarge, Tally, error_kind

_DEAD_AFTER_S = 1.0
_DEAD_AFTER_ERRORS = 10
_BROKEN = frozenset({"refused", "disconnected"})


async def run_plan(plan: LoadPlan) -> LoadResult:
    """Run every step of `plan` until one breaks the objective or the application dies."""
    timeout = aiohttp.ClientTimeout(total=plan.timeout_s)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        return await _Series(plan, session).run()


class _Series:
    def __init__(self, plan: LoadPlan, session: aiohttp.ClientSession) -> None:
        self._plan = plan
        self._session = session
        self._in_flight: set[asyncio.Task[None]] = set()
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
        steps: list[StepResult] = []
        for rate in plan.rates:
            if self._died:
                break
            steps.append(await self._step(rate, plan.step_s))
            if steps[-1].broke:
                break
        return LoadResult(
            url=plan.url,
            steps=tuple(steps),
            requests=self._sent,
            cpu_s=round(time.process_time(), 3),
            died=self._died,
            last_answer_s=round(self._last_answer - self._began, 3),
            requests_by_then=self._sent_by_last_answer,
        )

    async def _step(self, rate: float, length_s: float) -> StepResult:
        """One step; the garbage collector rests, so that its pauses are not the server's."""
        gc.collect()
        gc.disable()
        try:
            tally, before = Tally(rate), snapshot()
            window_s = await self._arrivals(tally, max(1, round(rate * length_s)))
            in_window = tally.completed
            if self._in_flight:
                await asyncio.wait(self._in_flight)
            step = tally.result(self._plan.objective, window_s, in_window)
            return step.model_copy(update={"pressure": between(before, snapshot()).pressure})
        finally:
            gc.enable()

    async def _arrivals(self, tally: Tally, count: int) -> float:
        """Send `count` requests; returns, at its end, how long the arrival window was."""
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
            if self._died:
                tally.broke = "the application stopped answering"
                return
            if len(self._in_flight) >= self._plan.max_in_flight:
                tally.broke = f"{self._plan.max_in_flight} requests unanswered at once"
                return
            task = asyncio.create_task(self._send(tally, due))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)

    async def _send(self, tally: Tally, due: float) -> None:
        tally.sent += 1
        self._sent += 1
        if time.monotonic() - due > LATE_S:
            tally.late += 1
        try:
            status, size = await self._get()
        except Exception as error:  # whatever it was, it was not an answer
            self._note_failure(error_kind(error))
            tally.failed(error_kind(error), time.monotonic() - due)
        else:
            self._note_answer()
            tally.answered(status, time.monotonic() - due, size)

    async def _get(self) -> tuple[int, int]:
        size = 0
        async with self._session.get(self._plan.url, allow_redirects=False) as response:
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > self._plan.max_body_bytes:
                    raise BodyTooLarge
            return response.status, size

    def _note_answer(self) -> None:
        self._last_answer = time.monotonic()
        self._sent_by_last_answer = self._sent
        self._broken_since_answer = 0

    def _note_failure(self, kind: str) -> None:
        """Broken connections alone, for a second and ten times, mean nobody listens any more."""
        if kind not in _BROKEN or self._died:
            return
        self._broken_since_answer += 1
        silent_s = time.monotonic() - self._last_answer
        if self._broken_since_answer >= _DEAD_AFTER_ERRORS and silent_s >= _DEAD_AFTER_S:
            self._died = True
