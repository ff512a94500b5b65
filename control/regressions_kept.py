"""Answers about whole pipelines, kept for those who look at the same one again."""

import asyncio
from collections import OrderedDict

from control.regression_documents import Regressions
from control.regressions import regressions
from control.stored import Stored

_KEPT, _LISTED = 16, 500


class KeptRegressions:
    """The newest answers; one is made at a time, because one of a large fleet takes seconds.

    An answer counts until something of its pipeline is recorded: earlier ones have ended.
    """

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[str, ...], Regressions] = OrderedDict()
        self._one = asyncio.Lock()

    async def ask(self, stored: Stored, pipeline_id: str) -> Regressions:
        """What changed in the apps of a pipeline.

        Raises:
            NotStoredError: there is no such pipeline.
            PlatformError: the store cannot be read.
        """
        async with self._one:
            revision = await stored.answered(
                pipeline_id, lambda store: store.revision(pipeline_id), lags=True
            )
            key = (stored.url, pipeline_id, revision)
            if key not in self._made:
                self._made[key] = await regressions(stored, pipeline_id, limit=_LISTED)
            self._made.move_to_end(key)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
            return self._made[key]
