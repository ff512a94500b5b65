"""What is said of an app's figures over pipelines: changed, unchanged, too few, not comparable."""

import pytest

from contract.spec import AppRef
from reports.trends.judge import Judge
from reports.trends.model import Direction, TrendState
from reports.trends.points import apps_of
from reports.trends.words import amount, said
from tests.support.trend_parts import CALM, SLOW, judged, load, of_load, of_runs, part, scan


def test_a_slower_app_is_told_with_size_interval_and_since_when():
    trend = of_load(CALM + SLOW)

    assert (trend.state, trend.direction, trend.since) == (
        TrendState.CHANGED,
        Direction.WORSE,
        "p10",
    )
    assert trend.ratio == pytest.approx(1.5, abs=0.03)
    assert trend.low < trend.ratio < trend.high
    assert trend.source_changed is False
    assert len(trend.series) == 13
    assert said(trend).startswith("worse: x1.51 (")
    assert "since p10, with the same source" in said(trend)


def test_a_faster_app_is_better_and_a_lower_throughput_worse():
    better = of_load([value * 1.5 for value in CALM] + CALM[:3])
    throughput = [{"GET /": value} for value in (*CALM, 10.0, 10.1, 9.9)]
    worse = of_runs([load(f={"throughput_at_objective": one}) for one in throughput])

    assert better.direction is Direction.BETTER
    assert (worse.state, worse.direction) == (TrendState.CHANGED, Direction.WORSE)


def test_a_calm_figure_is_unchanged_within_a_share_that_is_told():
    trend = of_load(CALM)

    assert trend.state is TrendState.UNCHANGED
    assert 0 < trend.within < 0.05
    assert said(trend) == f"unchanged within {trend.within:.0%}"


def test_too_few_measurements_are_no_calm():
    trend = of_load(CALM[:3])

    assert (trend.state, trend.points, trend.needed) == (TrendState.TOO_FEW, 3, 5)
    assert said(trend).startswith("3 measurements, 5 are needed")


def test_a_figure_that_varies_wildly_needs_more_or_nothing_helps():
    wild = of_load([20, 23, 18, 24, 19, 22])
    hopeless = of_load([1, 90, 3, 400, 20, 7])

    assert (wild.state, hopeless.state) == (TrendState.TOO_FEW, TrendState.TOO_FEW)
    assert wild.needed > 6
    assert (hopeless.needed, "would not help" in hopeless.reason) == (0, True)


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (load(60.0, c=1), "busy"),
        (load(60.0, u=1), "used again"),
        (load(60.0, v="2 abc"), "another version"),
        (load(60.0, h=1000.0), "sent 0.2 times"),
        ({"v": "3 abc", "s": "infra_failed"}, "infra_failed"),
        (load(60.0, r={"GET /": 5, "GET /b": 5}), "other operations"),
    ],
    ids=["contended", "cached", "version", "host", "infra_failed", "rate"],
)
def test_measurements_that_do_not_count_neither_hide_nor_make_a_change(run, why):
    within = of_runs([*map(load, CALM), run, run, *map(load, CALM[:3])])

    assert within.state is TrendState.UNCHANGED
    assert within.points == 12
    assert [why in point.reason for point in within.series[10:12]] == [True, True]


def test_the_newest_pipeline_must_be_comparable_itself():
    busy = of_runs([*map(load, CALM), load(60.0, c=1)])
    other = of_runs([*map(load, CALM), load(60.0, v="4 abc")])
    spec = of_load(CALM + SLOW, conditions=["c"] * 10 + ["d"] * 3)

    assert (busy.state, busy.reason) == (TrendState.NOT_COMPARABLE, "the host was busy")
    assert other.state is TrendState.NOT_COMPARABLE
    assert "another version" in other.reason
    assert (spec.state, spec.points) == (TrendState.TOO_FEW, 3)
    assert "another load" in spec.reason


def test_a_lower_bound_of_throughput_is_no_throughput():
    figures = {"throughput_at_objective": {"GET /": 640.0}}
    (trend,) = judged(part([{"performance/openloop": load(f=figures, x=["GET /"])}] * 8))

    assert trend.state is TrendState.NOT_COMPARABLE or trend.points == 0


def test_a_tool_that_measured_until_now_and_did_not_in_the_newest_pipeline_is_named():
    runs = [{"performance/openloop": load(value), "static/bandit": scan(3)} for value in CALM]
    failed = {"v": "", "s": "app_failed"}
    told = judged(part([*runs, {"performance/*": failed, "static/other": scan(1)}]))

    states = {(trend.cell, trend.figure): (trend.state, trend.reason) for trend in told}
    assert states["performance/openloop", "latency_p95"] == (
        TrendState.NOT_COMPARABLE,
        "not measured: app_failed",
    )
    assert states["static/bandit", "findings"] == (TrendState.NOT_COMPARABLE, "not measured")


def test_repeats_are_averaged_and_are_no_pipelines_of_their_own():
    runs = [{"performance/openloop": load(value)} for value in CALM]
    again = [(at, {"performance/openloop": load(40.0)}) for at in (8, 9)]

    (trend,) = judged(part(runs, repeats=again))

    assert trend.points == 10
    assert [round(point.value / 1.414, 1) for point in trend.series[8:]] == [28.4, 28.3]


def test_a_count_of_findings_that_never_moved_is_the_same_and_a_jump_is_a_change():
    same = part([{"static/bandit": scan(12)}] * 8)
    more = part([{"static/bandit": scan(n)} for n in (12, 12, 12, 12, 12, 12, 15)])
    none = part([{"static/bandit": scan(n)} for n in (0, 0, 0, 0, 0, 0, 4)])

    assert said(judged(same)[0]) == "always the same"
    (jump,) = judged(more)
    (new,) = judged(none)
    assert (jump.state, jump.since, round(jump.ratio, 2)) == (TrendState.CHANGED, "p6", 1.25)
    assert (new.state, new.ratio, new.direction) == (TrendState.CHANGED, None, Direction.WORSE)
    assert said(new).startswith("worse: 0 to 4 since p6")


def test_levels_are_told_with_units_for_people():
    told = (
        (34_110_000.0, "bytes", "32.53 MiB"),
        (0.0, "ratio", "0\N{NO-BREAK SPACE}%"),
        (0.0123, "ratio", "1.23\N{NO-BREAK SPACE}%"),
        (25.0, "1/s", "25 requests/s"),
        (15.23456, "ms", "15.23 ms"),
        (None, "ms", "—"),
        (4.0, "count", "4"),
    )
    assert [amount(value, unit) for value, unit, _ in told] == [text for *_, text in told]
    (trend,) = judged(part([{"performance/openloop": load(15.0, c=1)}] * 8))
    assert said(trend) == "not comparable: the host was busy"


def test_a_scan_of_a_part_is_not_held_against_a_whole_one():
    runs = [{"static/bandit": scan(12)}] * 6 + [{"static/bandit": scan(3, p=1)}]

    (trend,) = judged(part(runs))

    assert trend.state in (TrendState.NOT_COMPARABLE, TrendState.TOO_FEW)


def test_equal_scans_are_counted_without_being_told_one_by_one():
    same = part([{"static/bandit": scan(12), "static/lost": scan(None)}] * 8)
    few = part([{"static/bandit": scan(12)}] * 3)
    for parts, counts in (((same, same), (2, 0, 0)), ((few,), (0, 1, 0))):
        told, counted = Judge(whole=True), Judge()
        for judge in (told, counted):
            for one in parts:
                judge.add(apps_of(one))
            judge.result()
        states = [TrendState.UNCHANGED, TrendState.TOO_FEW, TrendState.NOT_COMPARABLE]
        assert tuple(counted.states[state] for state in states) == counts
        assert (told.states, told.reasons) == (counted.states, counted.reasons)


def test_a_report_that_was_used_again_counts_what_it_counted():
    again = [scan(12), *[scan(12, u=1)] * 6]

    (same,) = judged(part([{"static/bandit": run} for run in again]))
    (jump,) = judged(part([{"static/bandit": run} for run in (*again, scan(15))]))

    assert said(same) == "always the same"
    assert (jump.state, jump.points) == (TrendState.TOO_FEW, 2)


def test_one_app_among_hundreds_needs_more_to_be_called_changed():
    some = [
        part(
            [{"performance/openloop": load(value * (1 + app % 7 / 50))} for value in CALM],
            ref=AppRef(model="m", app_number=app + 1),
        )
        for app in range(300)
    ]
    slight = [*CALM, 21.0, 21.1]
    alone = of_load(slight)

    among = judged(*some, part([{"performance/openloop": load(v)} for v in slight]), whole=False)

    assert alone.corrected < 0.05
    assert all(trend.corrected > alone.corrected for trend in among)
