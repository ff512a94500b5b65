"""Throughput near a cap, and where the cap is, on servers that are arithmetic: no clock runs."""

from collections.abc import Callable

import pytest

from analyzers.performance.openloop.plan import LoadResult, Objective, StepResult
from analyzers.performance.openloop.search import next_rate
from analyzers.performance.openloop.tally import Tally

Answers = Callable[[float], tuple[int, float]]
STEP_S = 5.0
RATES = (20.0, 40.0, 80.0, 160.0, 320.0)


def one_worker(cap: float, network_s: float = 0.002) -> Answers:
    """A queue before one worker: status and the time of the answer, for a time of arrival."""
    free_at = 0.0

    def answer(arrived_s: float) -> tuple[int, float]:
        nonlocal free_at
        free_at = max(free_at, arrived_s) + 1 / cap
        return 200, free_at + network_s

    return answer


def rejecting(cap: float, status: int = 503, burst: int = 5) -> Answers:
    """A token bucket: what is beyond it is refused at once."""
    tokens, last = float(burst), 0.0

    def answer(arrived_s: float) -> tuple[int, float]:
        nonlocal tokens, last
        tokens, last = min(burst, tokens + (arrived_s - last) * cap), arrived_s
        if tokens < 1:
            return status, arrived_s + 0.001
        tokens -= 1
        return 200, arrived_s + 0.01

    return answer


def delayed(*delays_s: float) -> Answers:
    """Any number at once, each after the next of `delays_s`."""
    turn = 0

    def answer(arrived_s: float) -> tuple[int, float]:
        nonlocal turn
        turn += 1
        return 200, arrived_s + delays_s[turn % len(delays_s)]

    return answer


def run_step(server: Answers, rate: float, length_s: float = STEP_S) -> StepResult:
    """One step, every request sent when it is due and its answer waited for."""
    tally = Tally(rate, Objective())
    for number in range(round(rate * length_s)):
        status, came_s = server(number / rate)
        tally.sent += 1
        tally.answered(status, came_s - number / rate, 10, came_s)
    return tally.result(round(rate * length_s) / rate)


def search(server: Callable[[float], Answers], cap: float) -> LoadResult:
    """A whole series as the generator runs it, each step on a server without a backlog."""
    steps = []
    for rate in RATES:
        steps.append(run_step(server(cap), rate))
        if steps[-1].broke:
            break
    for _ in range(4):
        rate = next_rate(steps, 0.1)
        if rate is None:
            break
        steps.append(run_step(server(cap), rate))
    return LoadResult(url="http://app/", steps=tuple(steps), requests=0)


@pytest.mark.parametrize("over", [1.02, 1.05, 1.1])
@pytest.mark.parametrize("cap", [20, 50, 80])
def test_what_comes_after_the_offered_window_is_no_throughput(cap: float, over: float) -> None:
    step = run_step(one_worker(cap), cap * over)

    assert step.completed / step.window_s == pytest.approx(cap * over)  # the backlog counted in
    assert step.throughput == pytest.approx(cap, rel=0.01)


@pytest.mark.parametrize(
    "delays_s", [(0.0,), (0.4,), (0.01, 0.3), (0.02, 0.02, 0.02, 0.6), (2.0,), (0.001, 0.9)]
)
@pytest.mark.parametrize("rate", [5, 20, 160])
def test_what_keeps_up_has_the_throughput_it_was_offered(
    rate: float, delays_s: tuple[float, ...]
) -> None:
    assert run_step(delayed(*delays_s), rate).throughput == pytest.approx(rate, rel=0.02)


@pytest.mark.parametrize("server", [one_worker, rejecting])
@pytest.mark.parametrize("cap", [13, 20, 37, 50, 55, 80, 111, 150])
def test_a_cap_is_found_within_a_tenth(server: Callable[[float], Answers], cap: float) -> None:
    result = search(server, cap)

    assert result.at_objective
    assert result.at_objective.throughput == pytest.approx(cap, rel=0.1)
    assert len(result.steps) <= 4 + len(RATES)
    assert not result.censored


def test_a_freeze_takes_its_share_of_the_throughput() -> None:
    def frozen(arrived_s: float) -> tuple[int, float]:
        return 200, max(arrived_s, 5.5 if arrived_s > 3 else 0.0) + 0.01

    assert run_step(frozen, 100).throughput == pytest.approx(50, rel=0.02)  # 2 of the last 4 s


def test_a_single_answer_and_no_answer_are_no_division_by_zero() -> None:
    assert run_step(delayed(0.1), 1, 1).throughput == 1
    assert Tally(10, Objective()).result(1.0).throughput == 0


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        ([(20, ""), (40, ""), (80, "p95")], 56.6),
        ([(20, ""), (40, "p95"), (28.3, "p95")], 23.8),
        ([(20, ""), (21.9, "p95")], None),
        ([(20, "p95")], 10),
        ([(20, "p95"), (10, ""), (14.1, "p95")], 11.9),
        ([(20, ""), (40, "")], None),
        ([(1, "p95"), (0.5, "p95")], None),
    ],
)
def test_the_next_rate_halves_the_gap(steps: list[tuple[float, str]], wanted: float | None) -> None:
    ran = [
        StepResult(
            rate=rate, sent=20, completed=20, completed_in_window=20, window_s=1, broke=broke
        )
        for rate, broke in steps
    ]
    assert next_rate(ran, 0.1) == wanted


def test_nothing_is_searched_where_our_generator_or_every_request_failed() -> None:
    held = run_step(delayed(0.01), 20)
    late = held.model_copy(update={"rate": 40, "broke": "p95", "late": 90})
    dead = held.model_copy(update={"rate": 40, "broke": "no request completed", "completed": 0})

    assert next_rate([held, late], 0.1) is None
    assert next_rate([held, dead], 0.1) is None


def test_a_step_ends_when_it_cannot_hold_any_more() -> None:
    slow, failing = Tally(100, Objective()), Tally(100, Objective())
    for _ in range(5):
        slow.answered(200, 0.9, 1, 1.0)
    failing.sent = 60
    failing.answered(503, 0.01, 1, 0.1)

    assert (slow.hopeless(100), failing.hopeless(100)) == ("", "")
    slow.answered(200, 0.9, 1, 1.0)
    failing.answered(500, 0.01, 1, 0.1)
    assert slow.hopeless(100) == "more than 5% of the answers took longer than 500 ms"
    assert failing.hopeless(100) == ("2 of the first 60 requests failed (http_503 1x, http_500 1x)")
