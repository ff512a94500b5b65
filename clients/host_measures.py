"""How long builds, starts and checks of apps take on this host, and how they end."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from clients.measures import BUILD_SECONDS, HEALTH_CHECK_SECONDS, HEALTH_CHECKS, START_SECONDS
from contract.errors import PlatformError
from contract.running import AppCheck, StartOutcome
from telemetry.spans import exemplar

_BUILD_PHASES = ("build", "built")


class StartTimes:
    """The times of one `start` or `prepare` on `engine`: the build, then the start.

    What was built before and is found again is no build. Nothing is counted for a call that was
    cancelled: nobody knows how long it would have taken.
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._began_s = time.monotonic()
        self._built_s: float | None = None

    def on_built(self, tell: Callable[[], None] = lambda: None) -> Callable[[bool], None]:
        """`tell`, and note that the build has ended; the argument: whether there was one."""

        def built(anew: bool) -> None:
            self._end_build("ok" if anew else "")
            tell()

        return built

    @contextmanager
    def failing(self) -> Generator[None]:
        """Count a platform fault of the block for the step that it ended."""
        try:
            yield
        except PlatformError:
            self._end("infra_failed")
            raise

    def done(self, outcome: StartOutcome) -> None:
        """Count how it ended."""
        failed = outcome.phase not in ("built", "running")
        if outcome.phase in _BUILD_PHASES:
            self._end_build("app_failed" if failed else "ok")
        else:
            self._end("app_failed" if failed else "ok")

    def _end(self, how: str) -> None:
        if self._built_s is None:
            self._end_build(how)
        else:
            START_SECONDS.labels(self._engine, how).observe(
                time.monotonic() - self._built_s, exemplar()
            )

    def _end_build(self, how: str) -> None:
        """Note the end of the build, and count it if it ended in some way."""
        if self._built_s is not None:
            return
        self._built_s = time.monotonic()
        if how:
            BUILD_SECONDS.labels(self._engine, how).observe(
                self._built_s - self._began_s, exemplar()
            )


class CheckTimes:
    """The checks of this process; the last time of each app, while it lives.

    Attributes:
        last_s: by workflow ID.
    """

    def __init__(self) -> None:
        self.last_s: dict[str, float] = {}

    @contextmanager
    def of(self, workflow_id: str) -> Generator[Callable[[AppCheck], None]]:
        """Time the block, which calls what it gets with the outcome of the check."""
        began_s = time.monotonic()

        def done(check: AppCheck) -> None:
            took_s = time.monotonic() - began_s
            HEALTH_CHECK_SECONDS.observe(took_s, exemplar())
            HEALTH_CHECKS.labels(_outcome(check)).inc()
            self.last_s[workflow_id] = took_s

        try:
            yield done
        except PlatformError:
            HEALTH_CHECKS.labels("failed").inc()
            raise

    def forget(self, workflow_id: str) -> None:
        """The app is gone."""
        self.last_s.pop(workflow_id, None)


def _outcome(check: AppCheck) -> str:
    if check.alive:
        return "alive"
    if check.taken:
        return "taken"
    return "silent" if check.silent else "dead"
