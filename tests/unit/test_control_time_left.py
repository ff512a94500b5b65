"""The time left is an estimate from what has ended, and otherwise says that it is not known."""

from datetime import UTC, datetime, timedelta

import pytest

from contract.progress import PipelinePhase, PipelineProgress
from control.documents import TimeLeft
from control.time_left import Span, in_words, time_left

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def progress(
    total: int, finished: int, in_flight: int, parallelism: int = 2, phase: str = "running"
) -> PipelineProgress:
    return PipelineProgress(
        pipeline_id="p",
        phase=PipelinePhase(phase),
        total=total,
        finished=finished,
        in_flight=in_flight,
        parallelism=parallelism,
    )


def lanes(apps: int, at_once: int, took_s: float, now_s: float) -> list[Span]:
    """Apps of equal length, `at_once` beside each other, as of `now_s`."""
    spans: list[Span] = []
    for number in range(apps):
        begin = number // at_once * took_s
        if begin < now_s:
            end = begin + took_s
            spans.append(Span(at(begin), at(end) if end <= now_s else None))
    return spans


def left(total: int, at_once: int, took_s: float, now_s: float, window: int) -> TimeLeft | None:
    spans = lanes(total, at_once, took_s, now_s)
    running = sum(span.ended is None for span in spans)
    state = progress(total, len(spans) - running, running, window)
    return time_left(state, spans, at(now_s))[0]


@pytest.mark.parametrize("share", [0.21, 0.5, 0.77, 0.93])
@pytest.mark.parametrize(("at_once", "window"), [(2, 2), (4, 4), (1, 3)])
def test_equal_apps_end_when_it_says(share: float, at_once: int, window: int) -> None:
    """Of 40 apps of 50 s; with a window of 3 of which a load test lets only one work at a time."""
    ends_s = 40 / at_once * 50.0
    estimate = left(40, at_once, 50.0, share * ends_s, window)

    assert estimate is not None
    assert estimate.low_s <= estimate.high_s
    middle_s = (estimate.low_s + estimate.high_s) / 2
    assert middle_s == pytest.approx((1 - share) * ends_s, rel=0.2, abs=30)


def test_unequal_apps_make_a_range_that_narrows_as_more_have_ended() -> None:
    took = [20.0, 100.0, 60.0, 30.0, 90.0, 45.0, 75.0, 60.0] * 3

    def widths(count: int) -> float:
        ends = [sum(took[: index + 1]) for index in range(count)]
        spans = [Span(at(end - long), at(end)) for end, long in zip(ends, took, strict=False)]
        state = progress(100, count, 0, 1)
        estimate, _ = time_left(state, spans, at(ends[-1]))
        assert estimate is not None
        return (estimate.high_s - estimate.low_s) / (estimate.high_s + estimate.low_s)

    assert widths(20) < widths(4)


@pytest.mark.parametrize(
    ("state", "ended", "said"),
    [
        (progress(9, 0, 3, 3), 0, "not known yet: 0 of 3 apps"),
        (progress(9, 2, 3, 3), 2, "not known yet: 2 of 3 apps"),
        (progress(2, 0, 2, 5), 0, "not known yet: 0 of 2 apps"),
        (progress(9, 5, 0, 3, "paused"), 5, "not known while it is paused"),
        (progress(9, 5, 0, 3, "waiting"), 5, "not known while it is waiting"),
        (progress(9, 0, 0, 3, "preflight"), 0, "not known yet"),
        (progress(9, 9, 0, 3, "completed"), 9, ""),
    ],
)
def test_where_nothing_is_known_it_says_so(state: PipelineProgress, ended: int, said: str) -> None:
    spans = [Span(at(0), at(10.0 + number)) for number in range(ended)]

    estimate, unknown = time_left(state, spans, at(60))

    assert estimate is None
    assert unknown.startswith(said)
    assert bool(unknown) is bool(said)


def test_apps_that_took_no_time_tell_nothing() -> None:
    spans = [Span(at(5), at(5)) for _ in range(5)]

    assert time_left(progress(9, 5, 0), spans, at(5)) == (None, "not known yet")


@pytest.mark.parametrize(
    ("low_s", "high_s", "words"),
    [
        (2, 4, "some seconds left"),
        (12, 41, "about 10 to 40 s left"),
        (290, 310, "about 5 min left"),
        (250, 400, "about 4 to 7 min left"),
        (3_300, 5_000, "about 55 to 90 min left"),
        (9_000, 15_000, "about 2.5 to 4 h left"),
        (90_000, 200_000, "about 24 to 56 h left"),
    ],
)
def test_words_are_no_finer_than_the_estimate(low_s: float, high_s: float, words: str) -> None:
    assert in_words(TimeLeft(low_s=low_s, high_s=high_s, by_apps=5)) == words
