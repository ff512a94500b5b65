"""The study of a fleet: what it counts, what it compares, and what it refuses to say."""

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.analysis import MeasurementState, Severity
from contract.analyzers import AnalyzerKind, Category
from contract.ranking import RankingSpec
from contract.spec import AppRole
from contract.weakness import Origin
from reports.counts import FindingTally, StateCounts
from reports.pictures.of_study import of_study
from reports.statistics.shares import pass_at_k
from reports.study.build import study_of
from reports.study.measures import known_measure
from reports.summary import AnalyzerSummary, WeaknessCount
from tests.support.summaries import app, fleet, load, missing

MODELS = ("a", "b", "c")


def of(study, model: str):
    return next(group for group in study.models if group.model == model)


def pair(study, measure: str, first: str, second: str):
    return next(
        found
        for found in study.comparisons
        if (found.measure, found.first, found.second) == (measure, first, second)
    )


def order(study, measure: str):
    return next(found for found in study.orderings if found.measure == measure)


def passing(model: str, passed: int, total: int = 20) -> list:
    """One app on each template, of which the first `passed` work."""
    return [
        app(model, n, template=f"t{n:02d}", functional="pass" if n <= passed else "fail")
        for n in range(1, total + 1)
    ]


def test_an_empty_fleet_has_an_empty_study():
    study = study_of([])
    assert study.fleet.apps == 0
    assert study.fleet.figures["runs"].value is None
    assert study.fleet.figures["runs"].reason == "no apps"
    assert study.comparisons == ()


def test_what_is_missing_is_in_no_figure_and_is_counted():
    apps = [*passing("a", 17), missing("a", 21, template="t21"), missing("a", 22, template="t22")]
    figure = of(study_of(apps), "a").figures["functional"]
    assert (figure.passed, figure.n, figure.missing) == (17, 20, 2)
    assert (figure.value, figure.low, figure.high) == (0.85, 0.6396, 0.9476)
    assert (figure.least, figure.most) == (round(17 / 22, 4), round(19 / 22, 4))


def test_nothing_measured_is_no_zero():
    study = study_of([missing("a", n, template=f"t{n}") for n in range(1, 10)])
    for name, figure in of(study, "a").figures.items():
        if name != "kloc":
            assert figure.value is None, name
            assert figure.reason, name


def test_a_secure_app_must_work_to_count_as_both():
    apps = [
        app(number=1),
        app(number=2, functional="fail"),
        app(number=3, grave=1),
        app(number=4, functional="fail", secure="missing"),
        app(number=5, functional="missing", secure="fail"),
    ]
    figure = study_of(apps).fleet.figures["functional_and_secure"]
    assert (figure.passed, figure.n, figure.missing, figure.known_bad) == (1, 3, 2, 2)


def test_controls_and_repeats_are_in_no_figure():
    apps = passing("a", 5, 10)
    others = [
        one.model_copy(update={"role": role, "functional": "fail"})
        for role in (AppRole.CONTROL, AppRole.REPEAT, AppRole.SCAFFOLD)
        for one in passing(f"x-{role}", 0, 3)
    ]
    study = study_of([*apps, *others])
    assert study.design.models == ("a",)
    assert study.fleet.apps == 10
    assert study.fleet.figures["functional"].value == 0.5
    assert study.design.apart == {"control": 3, "repeat": 3, "scaffold": 3}


def test_weaknesses_that_do_not_count_are_told_apart():
    def weak(count: int, **more) -> WeaknessCount:
        return WeaknessCount(
            category=Category.SECURITY, severity=Severity.HIGH, cwe=79, count=count, **more
        )

    weaknesses = (
        weak(1),
        weak(2, suppressed=True),
        weak(4, origin=Origin.SCAFFOLD),
        weak(8, origin=Origin.UNKNOWN),
        weak(16, sure=False),
    )
    study = study_of([app(weaknesses=weaknesses)])
    found = study.fleet.findings[0]
    assert (found.total, found.suppressed, found.scaffold, found.origin_unknown) == (17, 2, 4, 8)
    assert found.by_cwe == {"CWE-79": 17}
    assert study.fleet.figures["grave_findings"].value == 1
    assert study.fleet.figures["security_findings"].value == 17


def test_an_app_that_was_looked_at_in_part_is_in_no_mean():
    tally = FindingTally(
        category=Category.SECURITY, cells=StateCounts(measured=2, infra_failed=1), total=0
    )
    partly = app(number=2, findings=(tally,), weaknesses=(), secure="missing")
    study = study_of([app(number=1, grave=4), partly])
    figure = study.fleet.figures["grave_findings"]
    assert (figure.value, figure.n, figure.missing) == (4, 1, 1)
    assert (study.fleet.findings[0].whole, study.fleet.findings[0].partly) == (1, 1)


def test_apps_that_failed_are_among_those_in_which_weaknesses_were_found():
    tally = FindingTally(
        category=Category.SECURITY, cells=StateCounts(measured=2, app_failed=1), total=3
    )
    weak = WeaknessCount(category=Category.SECURITY, severity=Severity.HIGH, count=3)
    failed = app(findings=(tally,), weaknesses=(weak,), secure="fail", known_insecure=True)
    study = study_of([failed])
    (found,) = study.models[0].findings

    assert (found.whole, found.partly, found.failed, found.unseen) == (0, 0, 1, 0)
    assert (found.total, found.per_app.value) == (3, None)
    assert any("in 1 app, 1 that failed" in picture.svg for picture in of_study(study))


def test_per_kloc_is_sum_over_sum():
    study = study_of([app(number=1, minor=6, kloc=2.0), app(number=2, minor=0, kloc=1.0)])
    assert study.fleet.figures["security_per_kloc"].value == 2
    assert study.fleet.findings[0].per_kloc.value == 2


def test_a_busy_host_gives_no_load_figure():
    apps = [
        app(number=1, load=(load(10),)),
        app(number=2, load=(load(900, contended=True),)),
        app(number=3, load=(load(20).model_copy(update={"state": MeasurementState.APP_FAILED}),)),
    ]
    figure = study_of(apps).fleet.figures["load/k6/latency_p95"]
    assert (figure.value, figure.n, figure.missing, figure.aside) == (10, 1, 1, 1)


def test_a_load_that_ended_first_makes_a_lower_bound():
    cut = load(10, ceilings={"throughput_at_objective": None})
    figure = study_of([app(load=(cut,))]).fleet.figures["load/k6/throughput_at_objective"]
    assert figure.at_least
    assert not study_of([app(load=(load(10),))]).fleet.figures["load/k6/latency_p95"].at_least


def test_pass_at_k_is_the_mean_over_templates():
    apps = [
        app("a", 10 * template + n, template=f"t{template}", functional=verdict)
        for template, verdicts in enumerate((("pass", "fail", "fail"), ("pass", "pass", "fail")))
        for n, verdict in enumerate(verdicts, 1)
    ]
    figures = of(study_of(apps), "a").figures
    assert figures["pass@1"].value == pytest.approx((1 / 3 + 2 / 3) / 2)
    assert figures["pass@2"].value == pytest.approx((pass_at_k(3, 1, 2) + pass_at_k(3, 2, 2)) / 2)
    assert figures["pass@3"].value == 1
    assert "pass@5" not in figures


def test_pass_at_k_takes_measured_samples_alone():
    apps = [
        app("a", 1, template="t", functional="pass"),
        app("a", 2, template="t", functional="fail"),
        missing("a", 3, template="t"),
    ]
    figures = of(study_of(apps), "a").figures
    assert figures["pass@1"].value == 0.5
    assert figures["pass@1"].least == pytest.approx(1 / 3)
    assert figures["pass@1"].most == pytest.approx(2 / 3)
    assert figures["sec_pass@1"].value == 0.5


def test_samples_of_several_models_are_no_samples_of_one():
    study = study_of([*passing("a", 1, 3), *passing("b", 2, 3)])
    assert study.fleet.figures["pass@1"].value is None
    assert study.fleet.figures["pass@1"].reason == "given for each model alone"
    assert [m.name for m in study.measures if m.kind == "pass_at_k"] == ["pass@1", "sec_pass@1"]


def test_a_judge_that_did_not_answer_is_missing_and_one_that_nobody_asked_is_not():
    asked = {AnalyzerKind.AI: AnalyzerSummary(cells=StateCounts(infra_failed=1))}
    answered = {AnalyzerKind.AI: AnalyzerSummary(cells=StateCounts(measured=1))}
    apps = [
        app(number=1, requirements={"met": 3, "not_met": 1, "cannot_tell": 4}, scores={"q": 5.0}),
        app(number=2, analyzers=asked),
        app(number=3),
        app(number=4, analyzers=answered),
    ]
    figures = study_of(apps).fleet.figures
    met = figures["requirements_met"]
    assert (met.value, met.n, met.missing, met.aside) == (0.75, 1, 1, 2)
    assert (met.least, met.most) == (3 / 16, 15 / 16)  # of a missing app, 0 and 1
    assert (figures["score/q"].n, figures["score/q"].missing) == (1, 1)
    assert (figures["cost_usd"].n, figures["cost_usd"].missing) == (0, 1)


def test_a_clear_difference_is_shown_and_orders_models():
    study = study_of([*passing("a", 20), *passing("b", 4), *passing("c", 5)])
    found = pair(study, "functional", "a", "b")
    assert (found.test, found.only_first, found.only_second) == ("McNemar, exact", 16, 0)
    assert found.p == pytest.approx(2 / 2**16)
    assert found.p_holm == pytest.approx(3 * 2 / 2**16)
    assert found.verdict == "first"
    assert order(study, "functional").groups == (("a",), ("c", "b"))
    assert order(study, "functional").best == ("a",)


def test_seventeen_of_twenty_is_not_better_than_thirteen():
    study = study_of([*passing("a", 17), *passing("b", 13)])
    assert pair(study, "functional", "a", "b").verdict == "tied"
    assert order(study, "functional").groups == (("a", "b"),)


def test_what_is_missing_can_turn_a_difference_so_no_place_is_given():
    lost = [missing("b", n, template=f"t{n:02d}") for n in range(1, 19)]
    found_bad = [app("b", n, template=f"t{n:02d}", functional="fail") for n in range(19, 39)]
    study = study_of([*passing("a", 38, 38), *found_bad, *lost])
    found = pair(study, "functional", "a", "b")
    assert found.verdict == "first"  # 20 of 38 are known to be bad: nothing can turn it
    lost = [missing("b", n, template=f"t{n:02d}") for n in range(1, 32)]
    few_bad = [app("b", n, template=f"t{n:02d}", functional="fail") for n in range(32, 39)]
    study = study_of([*passing("a", 34, 38)[:4], *few_bad, *lost, *_more(38)])
    found = pair(study, "functional", "a", "b")
    assert found.turned
    assert found.verdict == "unknown"
    assert found.reason == "what is missing could turn it"
    assert "b" in order(study, "functional").unplaced
    assert all("b" not in group for group in order(study, "functional").groups)
    assert "b" in next(r for r in study.ranks if r.measure == "functional").left_out


def _more(total: int) -> list:
    """Apps of `a` that work on the last seven templates and fail on those in between."""
    return [
        app("a", n, template=f"t{n:02d}", functional="pass" if n > total - 7 else "fail")
        for n in range(5, total + 1)
    ]


def test_a_model_that_was_not_measured_has_no_place():
    lost = [missing("c", n, template=f"t{n:02d}") for n in range(1, 21)]
    study = study_of([*passing("a", 20), *passing("b", 2), *lost])
    found = order(study, "functional")
    assert found.groups == (("a",), ("b",))
    assert "not measured" in found.unplaced["c"]
    assert pair(study, "functional", "a", "c").verdict == "unknown"


def test_few_templates_show_nothing_and_say_so():
    study = study_of([*passing("a", 4, 4), *passing("b", 0, 4)])
    found = pair(study, "functional", "a", "b")
    assert found.verdict == "tied"
    assert "fewer than 6 shared templates" in found.reason


def test_counts_are_compared_by_ranks_with_delta():
    apps = [
        app(model, n, template=f"t{n:02d}", grave=grave + n % 2)
        for model, grave in (("a", 0), ("b", 5))
        for n in range(1, 16)
    ]
    found = pair(study_of(apps), "grave_findings", "a", "b")
    assert found.test.startswith("Wilcoxon")
    assert found.difference.value == -5
    assert found.delta.value == -1
    assert found.verdict == "first"  # fewer is better


def test_differences_within_the_noise_are_no_differences():
    def timed(model: str, latency: float) -> list:
        return [
            app(model, n, template=f"t{n:02d}", load=(load(latency + n % 3),)) for n in range(1, 17)
        ]

    apps = [*timed("a", 100.0), *timed("b", 103.0)]
    found = pair(study_of(apps), "load/k6/latency_p95", "a", "b")
    assert found.verdict == "first"
    again = [
        one.model_copy(
            update={
                "role": AppRole.REPEAT,
                "load": (load(one.load[0].figures["latency_p95"] + by),),
            }
        )
        for one in apps[:6]
        for by in (-25, 25)
    ]
    study = study_of([*apps, *again])
    assert pair(study, "load/k6/latency_p95", "a", "b").verdict == "within noise"
    noise = next(entry for entry in study.noise if entry.measure == "load/k6/latency_p95")
    assert (noise.apps, noise.measurements) == (6, 18)
    assert noise.within_sd == pytest.approx(25)
    assert order(study, "load/k6/latency_p95").groups == (("a", "b"),)


def test_scans_within_the_noise_are_no_differences():
    def scanned(model: str, findings: int) -> list:
        return [
            app(model, n, template=f"t{n:02d}", analyzers=_dynamic(findings + n % 3))
            for n in range(1, 17)
        ]

    apps = [*scanned("a", 10), *scanned("b", 12)]
    again = [
        one.model_copy(update={"role": AppRole.REPEAT, "analyzers": _dynamic(10 + by)})
        for one in apps[:6]
        for by in (0, 30)
    ]
    assert "findings/dynamic" not in study_of(apps).fleet.figures
    study = study_of([*apps, *again])
    assert pair(study, "findings/dynamic", "a", "b").verdict == "within noise"
    assert study.measure("findings/dynamic").compared
    stopped = app("a", 17, analyzers=_dynamic(None, app_failed=1))
    figure = study_of([*apps, *again, stopped]).fleet.figures["findings/dynamic"]
    assert (figure.n, figure.missing, figure.aside) == (32, 0, 1)


def _dynamic(findings: int | None, **cells: int) -> dict[AnalyzerKind, AnalyzerSummary]:
    counted = StateCounts(**(cells or {"measured": 1}))
    return {AnalyzerKind.DYNAMIC: AnalyzerSummary(cells=counted, findings=findings)}


def test_without_repeats_nothing_is_said_of_noise():
    assert study_of(passing("a", 3)).noise == ()


def test_regression_is_refused_with_its_reason():
    few = study_of([*passing("a", 1, 4), *passing("b", 1, 4)])
    assert few.counts[0].reason == "fewer than two models with any finding"
    apps = fleet(MODELS, 6, seed=2)
    assert "fewer than 20 templates" in study_of(apps).counts[1].reason
    ratios = study_of(fleet(MODELS, 20, seed=2)).counts[1].ratios
    assert [ratio.model for ratio in ratios] == ["b", "c"]
    assert all(ratio.ratio.low < ratio.ratio.value < ratio.ratio.high for ratio in ratios)


def test_a_ranking_says_how_much_its_weights_decide():
    apps = fleet(MODELS, 20, ability=(2.0, 0.0, -1.0), seed=1)
    spec = RankingSpec(weights={"functional": 3, "security_per_kloc": 1}, draws=500)
    ranking = study_of(apps, ranking=spec).ranking
    assert ranking.weights == {"functional": 0.75, "security_per_kloc": 0.25}
    for method in ranking.methods:
        assert sum(place.first_share for place in method.places) == pytest.approx(1)
        assert {model for group in method.groups for model in group} == set(MODELS)
    assert ranking.methods[0].places[0].model == "a"


def test_a_ranking_leaves_out_what_is_not_known():
    lost = [missing("d", n, template=f"t{n:02d}") for n in range(1, 21)]
    spec = RankingSpec(weights={"functional": 1, "secure": 1})
    ranking = study_of([*fleet(MODELS, 20), *lost], ranking=spec).ranking
    assert "d" in ranking.left_out
    assert all(place.model != "d" for place in ranking.methods[0].places)
    nothing = study_of(lost, ranking=spec).ranking
    assert nothing.methods == ()
    assert "fewer than two models" in nothing.reason


def test_app_numbers_pair_models_where_no_template_is_declared():
    apps = [app(model, n) for model in ("a", "b") for n in (1, 2, 10)]
    study = study_of(apps)
    assert study.design.blocks == "app numbers"
    assert study.design.templates == ("app1", "app2", "app10")
    assert pair(study, "functional", "a", "b").blocks == 3
    assert any("equal numbers" in sentence for sentence in study.methods)


def test_a_large_fleet_says_what_it_leaves_out():
    apps = [app(f"m{n:02d}", 1, template="t") for n in range(25)]
    study = study_of(apps)
    assert study.comparisons == ()
    assert "more than 24 models" in study.design.notes[0]


@settings(max_examples=2, deadline=None)
@given(st.integers(0, 100))
def test_neither_order_nor_names_change_a_figure(seed):
    apps = fleet(MODELS, 10, 2, seed=seed, lost=0.1, ability=(1.0, 0.0, 0.5))
    study = study_of(apps)
    mixed = random.Random(seed).sample(apps, len(apps))
    assert study_of(mixed) == study
    names = {"a": "z", "b": "y", "c": "x"}
    renamed = [
        one.model_copy(update={"ref": one.ref.model_copy(update={"model": names[one.ref.model]})})
        for one in apps
    ]
    other = study_of(renamed)
    for model, name in names.items():
        assert of(study, model).figures == of(other, name).figures
    for one, two in (("a", "b"), ("a", "c"), ("b", "c")):
        here = pair(study, "functional", one, two)
        there = pair(other, "functional", names[two], names[one])
        assert here.p == pytest.approx(there.p)
        assert here.difference.value == pytest.approx(-there.difference.value)
        swapped = {"first": "second", "second": "first"}
        assert here.verdict == swapped.get(there.verdict, there.verdict)


VERDICTS = st.sampled_from(["pass", "fail", "missing", "not applicable"])
ANY_APP = st.fixed_dictionaries(
    {
        "template": st.sampled_from(["t1", "t2", None]),
        "runs": VERDICTS,
        "functional": VERDICTS,
        "secure": VERDICTS,
        "started": st.sampled_from([True, False, None]),
        "kloc": st.sampled_from([None, 0.0, 1e-9, 1.0, 1e9]),
        "grave": st.integers(0, 3),
        "minor": st.integers(0, 3),
        "load": st.sampled_from([(), (load(1e-9),), (load(1e12),)]),
        "scores": st.sampled_from([{}, {"quality_mean": 5.0}, {"quality_mean": math.nan}]),
        "role": st.sampled_from(list(AppRole)),
    }
)


@settings(max_examples=25, deadline=None)
@given(st.lists(ANY_APP, max_size=24), st.integers(1, 4))
def test_no_fleet_is_an_error(drawn, models):
    apps = [app(f"m{n % models}", n + 1, **dict(fields)) for n, fields in enumerate(drawn)]
    spec = RankingSpec(weights={"functional": 1, "security_per_kloc": 1}, draws=100)
    study = study_of(apps, ranking=spec)
    json.loads(study.model_dump_json(), parse_constant=lambda name: pytest.fail(name))
    for group in (study.fleet, *study.models, *study.templates, *study.cells):
        for figure in group.figures.values():
            assert figure.value is not None or figure.reason


def test_a_study_survives_json():
    study = study_of(fleet(MODELS, 12, 2, lost=0.1, repeats=4))
    assert type(study).model_validate_json(study.model_dump_json()) == study
    json.loads(study.model_dump_json(), parse_constant=lambda name: pytest.fail(name))


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("functional", True),
        ("load/k6/latency_p95", True),
        ("score/quality_mean", True),
        ("kloc", False),
        ("load/k6/nonsense", False),
        ("latency", False),
        ("", False),
    ],
)
def test_criteria_are_measures_with_a_good_end(name, known):
    assert known_measure(name) is known
