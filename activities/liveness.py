"""Looks at the app that is measured: when the activity gets its slot, and while the work goes on.

The workflow cannot: between its own look and the first request may lie hours in a queue, and from
outside a queued measurement looks like a running one.
"""

import asyncio
from typing import TypeVar

from activities import ownership
from activities.errors import AppGone, Held
from activities.heartbeat import Attempt
from activities.ports import AppWatch
from contract.errors import PlatformError
from contract.running import AppCheck, RunningApp

# A dead app is noticed within this time; a look costs the app one request.
WATCH_S = 30.0
# A dead app is dead at once; one that is slow is waited for without a slot.
LOOK_LIMIT_S = 20.0

T = TypeVar("T")


class Liveness:
    """One attempt's eye on one app; `app` is None for what needs no running app."""

    def __init__(self, watch: AppWatch, app: RunningApp | None, attempt: Attempt) -> None:
        self._watch = watch
        self._app = app
        self._attempt = attempt

    async def before(self) -> None:
        """Return when the work may begin; work that is under way goes on whatever is found.

        Raises:
            Held: the pipeline is paused.
            AppGone: the app died, or is silent, while nobody looked.
            PlatformError: it cannot be looked at.
        """
        if self._attempt.begun:
            return
        if await ownership.is_held():
            raise Held
        if self._app is None:
            return
        self._attempt.note("looking whether the app is still the one we started")
        check = await self._look(self._app)
        if not check.alive:
            raise AppGone(check)

    async def during(self, task: asyncio.Task[T]) -> T:
        """What `task` answers, unless the app dies before.

        Silence of a process that runs proves nothing while it is under load. Cancelled, this leaves
        `task` to its caller.

        Raises:
            AppGone: the app died; `task` has ended.
        """
        if self._app is None:
            return await asyncio.shield(task)
        look = asyncio.create_task(self._until_dead(self._app))
        try:
            await asyncio.wait([task, look], return_when=asyncio.FIRST_COMPLETED)
        finally:
            look.cancel()
        if task.done():
            return task.result()
        check = look.result()
        self._attempt.note(f"ending the work: {check.reason}")
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen: the death of the app explains it
        raise AppGone(check)

    async def _look(self, app: RunningApp) -> AppCheck:
        """A look that takes no slot for minutes: who gives no answer at once is called silent."""
        try:
            async with asyncio.timeout(LOOK_LIMIT_S):
                return await self._watch.check(app)
        except TimeoutError:
            reason = f"it gave no answer within {LOOK_LIMIT_S:.0f} s when its turn came"
            return AppCheck(alive=False, silent=True, reason=reason)

    async def _until_dead(self, app: RunningApp) -> AppCheck:
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                check = await self._watch.check(app)
            except PlatformError:
                continue
            if not check.alive and not check.silent:
                return check
