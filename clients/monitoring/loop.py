"""Whether the worker's event loop turns: a figure of it, and the end of a process that hangs.

Everything here works from threads: a loop that hangs can say nothing of itself.
"""

import asyncio
import faulthandler
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

HUNG_EXIT_CODE = 70
_TICK_S = 5.0
_MARGIN_S = 60.0
_SAY_S = 5.0
_FRAMES = 6
_STDERR = 2

logger = logging.getLogger("assay.worker")


class LoopFigure(Collector):
    """Whether the loop answered when it was asked last.

    Attributes:
        up: set by who asks.
    """

    def __init__(self) -> None:
        self.up = True

    def collect(self) -> Iterator[Metric]:
        """The one family."""
        yield GaugeMetricFamily(
            "assay_loop_up",
            "Whether the event loop of the worker answered this scrape (1) or hangs (0).",
            value=float(self.up),
        )


class Watchdog:
    """Ends the process when the loop has not turned for a while: a supervisor then starts it again.

    It goes on after the loop is closed, for a process that waits for its own threads for ever.
    A thread counts its own turns, so that a process that was frozen is not taken for one that
    hangs. If the interpreter itself is held (a search with a regular expression), no thread of
    Python runs: then faulthandler's timer ends the process a minute later.

    Args:
        limit_s: how long the loop may be silent.
        margin_s: how much later the timer ends the process.
    """

    def __init__(self, limit_s: float, margin_s: float = _MARGIN_S) -> None:
        self._limit_s = limit_s
        self._margin_s = margin_s
        self._tick_s = min(_TICK_S, limit_s / 4)
        self._loop = asyncio.get_running_loop()
        self._of_loop = threading.get_ident()

    def start(self) -> None:
        """Watch until the process ends. To be called in the loop's thread."""
        self._arm()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        turned, silent_s = self._ask(), 0.0
        while silent_s < self._limit_s:
            time.sleep(self._tick_s)
            self._arm()
            if turned.is_set():
                turned, silent_s = self._ask(), 0.0
            else:
                silent_s += self._tick_s
        self._end()

    def _arm(self) -> None:
        """Begin anew with the time after which the process ends, whatever holds its threads."""
        after_s = self._limit_s + self._margin_s
        faulthandler.dump_traceback_later(after_s, exit=True, file=_STDERR)

    def _ask(self) -> threading.Event:
        """An event that is set when the loop has turned; never, if it is closed."""
        turned = threading.Event()
        try:
            self._loop.call_soon_threadsafe(turned.set)
        except RuntimeError:
            logger.debug("the loop is closed: the process has to end")
        return turned

    def _end(self) -> None:
        """Say it, unless that hangs as well."""
        saying = threading.Thread(target=self._say, daemon=True)
        saying.start()
        saying.join(_SAY_S)
        os._exit(HUNG_EXIT_CODE)

    def _say(self) -> None:
        logger.critical(
            "the event loop has not turned for %g s: this process ends, to be started again; "
            "it stands at %s",
            self._limit_s,
            _place(self._of_loop),
        )


def _place(thread: int) -> str:
    """Where a thread stands, the innermost call first."""
    frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage] (documented)
    frame = frames.get(thread)
    stack = traceback.extract_stack(frame)[-_FRAMES:] if frame else []
    return " < ".join(f"{one.filename}:{one.lineno} {one.name}" for one in reversed(stack))
