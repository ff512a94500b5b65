"""Estimates how long a pipeline still needs from the apps that ended. Pure, without I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from statistics import fmean, stdev

from contract.progress import PipelinePhase, PipelineProgress
from control.documents import TimeLeft

# The latest ended apps tell of the present: of a changed window, of a pause that is over.
_LATEST = 20
# Of a normal distribution, four values of five lie within this many standard deviations.
_FOUR_OF_FIVE = 1.28
_STEPS_S = ((60, 10), (600, 60), (3_600, 300), (36_000, 1_800))
_LONGEST_STEP_S = 7_200


@dataclass(frozen=True, slots=True)
class Span:
    """When one app began, and when it ended; `label`: of the app, `model/appN`."""

    started: datetime
    ended: datetime | None = None
    label: str = ""

    def seconds(self, now: datetime) -> float:
        """How long it took, or has taken so far."""
        return max(0.0, ((self.ended or now) - self.started).total_seconds())


def time_left(
    progress: PipelineProgress, spans: Iterable[Span], now: datetime
) -> tuple[TimeLeft | None, str]:
    """The time that is left, or None and why it is not known.

    Apps end at a rate; the estimate is what remains at that rate. Its range covers how much apps
    differ, and how few of them have ended.
    """
    if progress.phase is not PipelinePhase.RUNNING:
        return None, _why(progress.phase)
    known = list(spans)
    ended = sorted((s for s in known if s.ended), key=lambda s: s.ended or now)[-_LATEST:]
    needed = max(2, min(progress.parallelism, progress.total - 1))
    if len(ended) < needed:
        return None, f"not known yet: {len(ended)} of {needed} apps it takes to tell have ended"
    took = [span.seconds(now) for span in ended]
    mean = fmean(took)
    if mean <= 0:
        return None, "not known yet"
    apps = _remaining(progress, [s.seconds(now) for s in known if not s.ended], mean)
    first, last = min(s.started for s in ended), max(s.ended or now for s in ended)
    at_once = _at_once(known, first, last, now)
    spread = _FOUR_OF_FIVE * stdev(took) * apps * sqrt(1 / max(apps, 1) + 1 / len(ended))
    low, middle, high = (
        round(max(0.0, (mean * apps + sign * spread) / at_once), 1) for sign in (-1, 0, 1)
    )
    return TimeLeft(low_s=low, high_s=high, by_apps=len(ended), p50_s=middle), ""


def _why(phase: PipelinePhase) -> str:
    if phase in (PipelinePhase.PAUSED, PipelinePhase.WAITING):
        return f"not known while it is {phase}"
    ended = phase in (PipelinePhase.COMPLETED, PipelinePhase.CANCELLED, PipelinePhase.FAILED)
    return "" if ended else "not known yet"


def _remaining(progress: PipelineProgress, running_s: Sequence[float], mean_s: float) -> float:
    """Apps still to be measured; an app in flight counts by the part it still has to do."""
    left = progress.total - progress.finished
    in_flight = sorted(running_s, reverse=True)[: progress.in_flight]
    return max(0.0, left - sum(min(0.9, seconds / mean_s) for seconds in in_flight))


def _at_once(known: Sequence[Span], first: datetime, last: datetime, now: datetime) -> float:
    """The mean number of apps that were under way at once; few where all wait for one load test.

    The estimate is Little's law: apps under way, divided by the time each takes, is the rate.
    """
    wall = (last - first).total_seconds()
    if wall <= 0:
        return 1.0
    shares = ((min(s.ended or now, last) - max(s.started, first)).total_seconds() for s in known)
    return max(1.0, sum(max(0.0, share) for share in shares) / wall)


def in_words(left: TimeLeft) -> str:
    """For people: `about 4 to 6 min left`, rounded to what the estimate is good for."""
    return f"{span_in_words(left.low_s, left.high_s)} left"


def span_in_words(low_s: float, high_s: float) -> str:
    """For people: `about 4 to 6 min`."""
    low, high = (_rounded(seconds) for seconds in (low_s, high_s))
    unit, size = _unit(high)
    low_text, high_text = (f"{round(value / size, 1):g}" for value in (low, high))
    if high_text == "0":
        return "some seconds"
    if low_text == high_text:
        return f"about {high_text} {unit}"
    return f"about {low_text} to {high_text} {unit}"


def _rounded(seconds: float) -> float:
    step = next((step for limit, step in _STEPS_S if seconds <= limit), _LONGEST_STEP_S)
    return round(seconds / step) * step


def _unit(seconds: float) -> tuple[str, int]:
    if seconds <= 90:
        return "s", 1
    return ("min", 60) if seconds < 7_200 else ("h", 3_600)
