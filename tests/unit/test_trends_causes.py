"""A tool, a host, a spec or a drift that changed is not told as a change of the app."""

import pytest

from contract.spec import AppRef
from control.regressions import _with_shared_causes, is_worse
from reports.trends.model import TrendState
from reports.trends.words import said
from tests.support.trend_parts import CALM, SLOW, judged, load, of_load, of_runs, part, scan

FRESH = {f"p{at}" for at in range(20)}
MORE = (12, 12, 12, 12, 12, 12, 15)


def of_scans(runs, name="static/pip_audit", **more):
    (trend,) = judged(part([{name: run} for run in runs], **more))
    return trend


@pytest.mark.parametrize(
    ("name", "sources", "cause"),
    [
        ("static/pip_audit", ["s1"] * 7, "only reads the source"),
        ("static/pip_audit", ["s1"] * 6 + ["s2"], ""),
        ("static/pip_audit", [""] * 7, ""),
        ("dynamic/zap", ["s1"] * 7, ""),
    ],
    ids=["same-source", "another-source", "unknown-source", "live"],
)
def test_more_findings_in_the_same_source_are_new_knowledge_of_the_tool(name, sources, cause):
    trend = of_scans(map(scan, MORE), name, sources=sources)

    assert (trend.state, trend.since) == (TrendState.CHANGED, "p6")
    assert (cause in trend.elsewhere, bool(trend.elsewhere)) == (True, bool(cause))
    assert is_worse(trend, FRESH) is not bool(cause)
    assert trend.elsewhere in said(trend)


def test_a_new_version_or_new_rules_of_a_tool_begin_a_new_history():
    runs = [*[scan(12)] * 6, *[scan(15, v="1.8")] * 2]

    trend = of_scans(runs)

    assert (trend.state, trend.points) == (TrendState.TOO_FEW, 2)
    assert "another version of the tool: 1.7" in trend.reason


@pytest.mark.parametrize("codes", [("a", "b"), ("a", ""), ("a", "a")])
def test_a_change_with_other_code_of_ours_is_not_blamed_on_the_app(codes):
    first, then = codes
    runs = [load(value, k=first) for value in CALM] + [load(value, k=then) for value in SLOW]

    trend = of_runs(runs)

    assert trend.state is TrendState.CHANGED
    assert ("own code" in trend.elsewhere) is (codes == ("a", "b"))


@pytest.mark.parametrize(
    ("host", "factor", "blamed"), [(4000.0, 1.3, True), (4000.0, 2.0, False), (6000.0, 1.3, False)]
)
def test_a_slower_host_explains_what_it_can_explain(host, factor, blamed):
    behind = [load(value * factor, h=host) for value in CALM[:3]]

    trend = of_runs([*map(load, CALM), *behind])

    assert trend.state is TrendState.CHANGED
    assert ("the host sends" in trend.elsewhere) is blamed


def test_a_tool_that_does_not_measure_its_host_is_judged_by_the_one_that_does():
    page = {"v": "12", "s": "measured", "r": {}, "f": {"lighthouse_performance": {"": 90.0}}}
    runs = [{"performance/openloop": load(20.0), "performance/lighthouse": page}] * 8
    runs += [{**runs[0], "performance/openloop": load(20.0, h=1000.0)}]

    told = {trend.cell: trend for trend in judged(part(runs))}

    assert told["performance/lighthouse"].state is TrendState.NOT_COMPARABLE
    assert "by itself" in told["performance/lighthouse"].reason


def test_scans_with_other_options_are_not_held_against_each_other():
    trend = of_scans(map(scan, MORE), "dynamic/zap", conditions=["c"] * 6 + ["d"])

    assert trend.state is TrendState.NOT_COMPARABLE
    assert trend.reason == "the spec asks for another look"


def test_a_drift_names_no_pipeline_and_breaks_no_gate():
    trend = of_load([value * 1.03**at for at, value in enumerate((*CALM, *CALM))])

    assert (trend.state, trend.since, trend.direction) == (TrendState.DRIFTING, "", "worse")
    assert said(trend).endswith("little by little")
    assert not is_worse(trend, FRESH)


def test_a_change_is_forgotten_when_no_judged_measurement_is_older():
    trend = of_load(CALM + [value * 1.5 for value in (*CALM, *CALM)][:12])

    assert (trend.state, trend.points) == (TrendState.UNCHANGED, 12)


@pytest.mark.parametrize(("apps", "shared"), [(6, True), (4, False)])
def test_no_app_is_blamed_for_what_most_apps_did_together(apps, shared):
    runs = [{"performance/openloop": load(value)} for value in CALM + SLOW]
    parts = [part(runs, ref=AppRef(model="m", app_number=n + 1)) for n in range(apps)]

    told, notes = _with_shared_causes(judged(*parts, whole=False), apps)

    assert [bool(one.elsewhere) for one in told] == [shared] * apps
    assert ["likelier" in note for note in notes] == ([True, False] if shared else [])
