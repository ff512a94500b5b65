"""Tasks beside the main line of a workflow, none of which can fail unseen."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """Runs tasks; what goes wrong in one is kept until the main line raises it."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside the rest."""
        self._tasks = [task for task in self._tasks if not task.done() or self._is_crashed(task)]
        self._tasks.append(asyncio.create_task(work))

    @property
    def crashed(self) -> bool:
        """Whether something unexpected ended a task."""
        return any(map(self._is_crashed, self._tasks))

    def raise_crash(self) -> None:
        """Raise it where the workflow shows it to people, instead of waiting for ever."""
        for task in self._tasks:
            if self._is_crashed(task):
                task.result()

    def stop(self) -> None:
        """Cancel what still runs."""
        for task in self._tasks:
            task.cancel()
        # A call to the server that is cancelled ends with an error of its own: that is no crash.
        self._tasks = [task for task in self._tasks if self._is_crashed(task)]

    @staticmethod
    def _is_crashed(task: asyncio.Task[None]) -> bool:
        return task.done() and not task.cancelled() and task.exception() is not None
