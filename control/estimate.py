"""Estimates how long a running pipeline still needs; asks the server seldom."""

import time
from datetime import UTC, datetime

from contract.errors import PlatformError
from contract.progress import PipelineProgress
from control.documents import TimeLeft
from control.pipelines import Pipeline
from control.time_left import Span, in_words, time_left

_ASK_EVERY_S = 10.0


class Estimate:
    """The time left of one pipeline; the list of its apps is asked for every 10 s at most.

    Attributes:
        spans: when its latest `apps` began and ended, as last listed; None: not listed.
    """

    def __init__(self, pipeline: Pipeline, apps: int = 60) -> None:
        self._pipeline = pipeline
        self._apps = apps
        self._asked_s = float("-inf")
        self.spans: list[Span] | None = None

    async def of(self, progress: PipelineProgress) -> tuple[TimeLeft | None, str]:
        """What is left, or None and why that is not known."""
        if time.monotonic() - self._asked_s > _ASK_EVERY_S:
            self._asked_s = time.monotonic()
            try:
                self.spans = await self._pipeline.spans(self._apps)
            except PlatformError:
                self.spans = None
        if self.spans is None:
            return None, "not known: the server does not list the apps"
        return time_left(progress, self.spans, datetime.now(UTC))

    async def words(self, progress: PipelineProgress) -> str:
        """The time left as people read it; empty at the end."""
        left, unknown = await self.of(progress)
        if left is not None:
            return in_words(left)
        return f"time left {unknown}" if unknown else ""
