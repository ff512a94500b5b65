"""Whether the app that is measured lives: checked when the activity gets its slot, and after that.

The workflow cannot check it. Hours in a queue may lie between its own check and the first request,
and a measurement that waits in a queue looks to it like one that runs.
"""

import asyncio
from typing import TypeVar

from activities import ownership
from activities.errors import AppGone, Held
from activities.heartbeat import Attempt
from activities.ports import AppWatch
from contract.errors import PlatformError
from contract.running import AppCheck, RunningApp

# A dead app is noticed within this time. A check costs the app one request.
WATCH_S = 30.0
# An app that gives no answer for so long is waited for without a slot.
LOOK_LIMIT_S = 20.0

T = TypeVar("T")


class Liveness:
    """Checks one app for one attempt; `app` is None when nothing runs that could die."""

    def __init__(self, watch: AppWatch, app: RunningApp | None, attempt: Attempt) -> None:
        self._watch = watch
        self._app = app
        self._attempt = attempt

    async def before(self) -> None:
        """Return when the work may begin. Work that an earlier attempt began is not checked.

        Raises:
            Held: the pipeline is paused.
            AppGone: the app died, or became silent, while the activity waited.
            PlatformError: the app cannot be checked.
        """
        if self._attempt.begun:
            return
        if await ownership.is_held():
            raise Held
        if self._app is None:
            return
        self._attempt.note("looking whether the app is still the one we started")
        check = await self._check(self._app)
        if not check.alive:
            raise AppGone(check)

    async def during(self, task: asyncio.Task[T]) -> T:
        """The result of `task`, unless the app dies before.

        An app under load may be silent: that alone does not mean that it died. When this call is
        cancelled, its caller has to end `task`.

        Raises:
            AppGone: the app died; `task` has ended.
        """
        if self._app is None:
            return await asyncio.shield(task)
        death = asyncio.create_task(self._until_dead(self._app))
        try:
            await asyncio.wait([task, death], return_when=asyncio.FIRST_COMPLETED)
        finally:
            death.cancel()
        if task.done():
            return task.result()
        check = death.result()
        self._attempt.note(f"ending the work: {check.reason}")
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # retrieved: the death of the app explains it
        raise AppGone(check)

    async def _check(self, app: RunningApp) -> AppCheck:
        """Check the app for some seconds only, as the slot is held meanwhile."""
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
