"""How a limit on clients is read from an app's answers, and what it does to a load test."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.performance.figures import operation_metrics, operation_notes
from analyzers.performance.openloop.limit_watch import LimitWatch
from analyzers.performance.openloop.limits import Quota, quota_of, retry_after_s, wait_of
from analyzers.performance.openloop.plan import LoadResult, Objective, StepResult
from analyzers.performance.openloop.sender import Reply
from analyzers.performance.openloop.tally import Tally

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        ({"RateLimit-Policy": "100;w=60"}, Quota(limit=100, window_s=60)),
        ({"RateLimit-Policy": '"default";q=100;w=60'}, Quota(limit=100, window_s=60)),
        ({"RateLimit-Policy": "10;w=1, 60;w=60"}, Quota(limit=60, window_s=60)),
        (
            {"RateLimit": "limit=100, remaining=50, reset=30", "RateLimit-Policy": "100;w=60"},
            Quota(limit=100, window_s=60, remaining=50, reset_s=30),
        ),
        ({"RateLimit": '"default";r=50;t=30'}, Quota(remaining=50, reset_s=30)),
        (
            {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "20"},
            Quota(limit=100, remaining=0, reset_s=20),
        ),
        ({"X-RateLimit-Reset": f"{NOW + 20:.0f}"}, Quota(reset_s=20)),
        ({"RateLimit-Limit": "100, 100;w=60"}, Quota(limit=100, window_s=60)),
        ({"X-RateLimit-Limit": "many"}, Quota()),
        ({"RateLimit-Policy": "9" * 40 + ";w=0"}, Quota()),
        ({}, Quota()),
    ],
)
def test_a_quota_is_read_in_every_form_that_is_in_use(
    headers: Mapping[str, str], quota: Quota
) -> None:
    assert quota_of(headers, NOW) == quota


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        ("1.5", 1.5),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60),
        ("Fri, 15 Jan 2010 08:01:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_s({"Retry-After": value}, NOW) == seconds


@given(
    st.dictionaries(
        st.sampled_from(["Retry-After", "RateLimit", "RateLimit-Policy", "X-RateLimit-Reset"]),
        st.text(max_size=60),
    )
)
def test_whatever_an_app_writes_is_read_or_passed_over(headers: dict[str, str]) -> None:
    wait_s = wait_of(headers, NOW)
    assert wait_s is None or 0 <= wait_s <= 86_400 * 31
    assert (quota_of(headers, NOW).per_s or 0) >= 0


def limited(watch: LimitWatch, at_s: float, **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    watch.take(Reply(429, 0, named), at_s)


def test_a_quota_of_minutes_ends_a_series_at_once() -> None:
    watch = LimitWatch()
    for number in range(100):
        assert watch.reason_to_stop(number * 0.05) == ""
        watch.take(Reply(200, 1), number * 0.05)
    limited(watch, 5.0, Retry_After="55")

    assert watch.reason_to_stop(5.05) == "rate limit: 429 after 100 answers"
    assert watch.limit
    assert watch.limit.per_s == pytest.approx(100 / 60)
    assert watch.limit.wait_s == 55


@pytest.mark.parametrize("headers", [{}, {"Retry_After": "1"}])
def test_a_rate_per_second_is_watched_for_two_seconds(headers: dict[str, str]) -> None:
    watch = LimitWatch()
    limited(watch, 3.0, **headers)
    for number in range(100):  # 50 answers a second
        watch.take(Reply(200, 1), 3.0 + number / 50)
        assert watch.reason_to_stop(3.0 + number / 50) == ""

    assert watch.reason_to_stop(5.0)
    assert watch.limit
    assert watch.limit.per_s == pytest.approx(50, rel=0.02)
    assert "answered in the 2.0 s after it" in watch.limit.source


def test_what_the_app_says_of_its_policy_is_believed_first() -> None:
    watch = LimitWatch()
    watch.take(Reply(200, 1), 0.1)
    limited(watch, 0.2, Retry_After="55", RateLimit_Policy="300;w=60")

    assert watch.reason_to_stop(0.3)
    assert watch.limit
    assert (watch.limit.per_s, watch.limit.source) == (5, "300 per 60 s, as the app says")


def test_half_of_a_quota_that_is_told_is_left() -> None:
    watch = LimitWatch()
    told = {"X-RateLimit-Limit": "100", "X-RateLimit-Reset": "900"}
    watch.take(Reply(200, 1, {**told, "X-RateLimit-Remaining": "51"}), 1.0)
    assert watch.reason_to_stop(1.0) == ""
    watch.take(Reply(200, 1, {**told, "X-RateLimit-Remaining": "50"}), 1.1)

    reason = watch.reason_to_stop(1.2)
    assert reason == "rate limit: 50 of 100 requests are left, kept for what follows"
    assert watch.limit
    assert watch.limit.wait_s == 900


def test_a_quota_of_a_second_is_not_kept() -> None:
    watch = LimitWatch()
    told = {"X-RateLimit-Limit": "50", "X-RateLimit-Reset": "1", "X-RateLimit-Remaining": "3"}
    watch.take(Reply(200, 1, told), 1.0)

    assert watch.reason_to_stop(1.1) == ""


def step_with(completed: int, limited: int, rate: float = 20) -> StepResult:
    tally = Tally(rate, Objective())
    for number in range(completed):
        tally.answered(200, 0.01, 10, number / rate)
    for _ in range(limited):
        tally.answered(429, 0.001, 10, 1.0)
    tally.sent = completed + limited
    return tally.result(tally.sent / rate)


def test_a_429_is_neither_a_success_nor_an_error_nor_slow() -> None:
    step = step_with(completed=30, limited=10)

    assert (step.completed, step.limited, step.errors) == (30, 10, {})
    assert step.error_ratio == 0
    assert step.latency
    assert step.latency.max == pytest.approx(10, rel=0.01)
    assert step.broke == "rate limit: 10 of 40 requests were answered 429"
    assert step_with(completed=0, limited=5).error_ratio == 0


def test_a_limit_is_named_with_what_it_means_for_whoever_comes_next() -> None:
    watch = LimitWatch()
    limited(watch, 4.0, Retry_After="30", RateLimit_Policy="100;w=60")
    watch.reason_to_stop(4.1)
    steps = (step_with(40, 0), step_with(30, 10, rate=40))
    result = LoadResult(url="http://app/", steps=steps, requests=80, limit=watch.limit)

    seen = {one.name: one.value for one in operation_metrics("GET /", result)}
    assert seen["rate_limit"] == pytest.approx(1.6667)
    assert (seen["rate_limit_wait"], seen["requests_limited"], seen["censored"]) == (30, 10, 1)
    assert seen["throughput_at_objective"] == pytest.approx(20)
    assert operation_notes("GET /", result)[0] == (
        "GET /: rate limit about 1.67/s per client (100 per 60 s, as the app says): shown after 0 "
        "answers in 4.0 s; the quota is back after 30 s"
    )
