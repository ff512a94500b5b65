"""Figures of a group: one estimator for value, interval and bounds, whatever is missing."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.statistics.shares import Judged, pass_at_k, pass_at_k_of, share_of
from reports.study.build import study_of
from reports.study.groups import Unit, figure, pass_figures
from reports.study.seeing import Seen
from tests.support.summaries import app

VERDICT = st.sampled_from(["pass", "fail", "missing", "not applicable"])
JUDGED = st.builds(Judged, VERDICT, started=st.sampled_from([True, False, None]))


def seen(judged: Judged) -> Seen:
    state = {"missing": "missing", "not applicable": "aside"}.get(judged.verdict, "seen")
    return Seen(state, float(judged.verdict == "pass"), started=judged.started)


def holds(found) -> bool:
    edges = (found.low, found.value, found.high), (found.least, found.value, found.most)
    return all(
        low - 1e-9 <= value <= high + 1e-9
        for low, value, high in edges
        if low is not None and value is not None and high is not None
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(JUDGED, min_size=1, max_size=5), min_size=1, max_size=9))
def test_a_share_lies_within_its_interval_and_its_bounds(groups):
    clusters = {f"t{n}": [seen(judged) for judged in group] for n, group in enumerate(groups)}
    assert holds(figure("share", clusters))
    for found in pass_figures(clusters, "pass").values():
        assert holds(found)


def test_apps_that_did_not_start_weigh_the_same_in_value_interval_and_pass_at_1():
    stopped, lost = Seen("seen", 0.0, started=False), Seen("missing", started=True)
    works = Seen("seen", 1.0, started=True)
    clusters = {
        f"t{n}": [stopped, stopped, works, works if n % 2 else lost, lost, lost] for n in range(30)
    }
    share = figure("share", clusters)
    assert share.value == pytest.approx(2 / 3, abs=0.001)
    assert share.low < share.value < share.high
    assert pass_figures(clusters, "pass")["pass@1"].value == pytest.approx(2 / 3, abs=0.001)


@given(
    st.lists(st.sampled_from([("pass", True), ("fail", True), ("fail", False)]), max_size=9),
    st.integers(1, 5),
)
def test_where_nothing_is_missing_strata_change_nothing(samples, k):
    judged = [Judged(verdict, started=started) for verdict, started in samples]
    plain = pass_at_k(len(judged), sum(one.verdict == "pass" for one in judged), k)
    assert pass_at_k_of(judged, k) == (None if plain is None else pytest.approx(plain))


def test_templates_on_which_nothing_started_weigh_as_those_that_were_decided():
    works, lost = Seen("seen", 1.0), Seen("missing", started=True)
    stopped = Seen("seen", 0.0, started=False)
    clusters = {f"t{n}": [one] for n, one in enumerate([works, lost] * 10 + [stopped] * 10)}
    assert figure("share", clusters).value == pytest.approx(2 / 3, abs=0.001)
    assert pass_figures(clusters, "pass")["pass@1"].value == pytest.approx(2 / 3, abs=0.001)


def test_a_failure_counts_though_nobody_knows_whether_it_started():
    judged = [Judged("pass")] * 3 + [Judged("fail", started=None)] * 5
    share = share_of(judged)
    assert (share.rate, share.failed, share.total) == (0.375, 5, 8)
    # What was lost before its start says nothing of how often others were decided.
    lost = [Judged("missing", started=None)] * 10
    assert share_of([Judged("fail", started=False)] * 5 + lost).rate == 0
    assert share_of([Judged("pass"), Judged("fail", started=False), *lost]).rate == 0.5


def test_apps_of_one_model_stay_alike_on_templates_without_resampling():
    clusters = {f"m{n}": [Seen("seen", float(n >= 5))] * 10 for n in range(10)}
    many = figure("share", clusters, Unit("models", resampled=False))
    assert many == figure("share", clusters, Unit("models"))
    assert "models" in figure("mean", clusters, Unit("models")).interval
    apps = [
        app(f"m{model}", 2 * template + sample + 1, template=f"t{template:03d}")
        for model in range(2)
        for template in range(201)
        for sample in range(2)
    ]
    study = study_of(apps)
    assert study.templates[0].figures["functional"].interval == "Wilson, for models"
    assert study.cells[0].figures["functional"].interval == "Wilson"


def test_requirements_that_nobody_could_tell_are_in_the_bounds():
    apps = [
        app("a", 1, requirements={"met": 9, "not_met": 1}),
        app("a", 2, requirements={"cannot_tell": 10}),
    ]
    met = study_of(apps).fleet.figures["requirements_met"]
    assert (met.value, met.least, met.most) == (0.9, 0.45, 0.95)


def test_an_interval_does_not_end_at_a_lower_bound():
    exact = {f"t{n}": [Seen("seen", 10.0 * n)] for n in range(1, 11)}
    cut = exact | {f"t{n}": [Seen("seen", 10.0 * n, ceiling=math.inf)] for n in (8, 9, 10)}
    assert (figure("median", exact).low, figure("median", exact).high) == (20, 90)
    found = figure("median", cut)
    assert (found.value, found.at_least, found.low, found.high) == (55, False, 20, None)
    assert "upper end is not known" in found.reason
    only_last = exact | {"t10": [Seen("seen", 100.0, ceiling=math.inf)]}
    assert figure("median", only_last).high == 90


@pytest.mark.parametrize(
    "absurd", [{"cost_usd": 1.7e308}, {"kloc": 1e308}, {"kloc": 1e-308}, {"duration_s": -1e300}]
)
def test_an_absurd_number_costs_no_report(absurd):
    apps = [app(model, n, minor=1, **absurd) for model in ("a", "b") for n in range(1, 9)]
    figures = study_of(apps).fleet.figures
    known = {name for name in ("cost_usd", "duration_s") if name in figures}
    assert all(figures[name].value is None for name in known)
    assert figures["security_per_kloc"].value == (None if "kloc" in absurd else 1)
    assert figures["functional"].value == 1


def test_an_app_that_is_known_not_to_work_is_known_bad():
    apps = [app("a", 1), app("a", 2, functional="missing", known_failing=True)]
    figures = study_of(apps).fleet.figures
    assert figures["functional"].known_bad == 1
    assert figures["functional_and_secure"].known_bad == 1


def test_a_template_that_is_called_like_an_app_number_is_another_one():
    apps = [app("a", 3), app("b", 3, template="app3"), app("a", 4), app("b", 4)]
    study = study_of([*apps, app("a", 5, template="template app3")])
    assert study.design.templates == ("template app3", "template template app3", "app3", "app4")
    pair = next(found for found in study.comparisons if found.measure == "functional")
    assert pair.blocks == 1
