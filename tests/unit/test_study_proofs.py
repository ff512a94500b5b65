"""What is said of the order of models is proved: by pairs, and against all that is missing."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.ranking import RankingSpec
from reports.statistics.pairs import wilcoxon_zsplit
from reports.statistics.ranks import friedman, tied_groups
from reports.study.build import study_of
from reports.study.compared import Ordering
from reports.study.comparing import blocks, comparisons, ordering
from reports.study.figures import Figure, Kind, Measure
from reports.study.groups import figure
from reports.study.ranking import rank_test, ranking_of
from reports.study.seeing import Seen
from tests.support.summaries import app


def measured(kind: Kind, cells, better="more"):
    """Pairs and order of models, from what their apps say by template."""
    measure = Measure(name="x", label="x", kind=kind, better=better, compared=True)
    of_models = blocks(measure, cells)
    figures = {model: figure(kind, clusters) for model, clusters in cells.items()}
    pairs = comparisons(measure, of_models)
    return pairs, ordering(measure, figures, pairs, of_models)


def each(value, count=20, **more):
    """One app on each template, whose value `value` gives."""
    return {f"t{n}": [Seen("seen", value(n), **more)] for n in range(count)}


NUMBER = st.floats(0, 100)


@settings(deadline=None)
@given(
    st.sampled_from(["share", "mean", "median", "ratio"]),
    st.lists(st.tuples(NUMBER, st.floats(0.1, 50), st.booleans()), min_size=1, max_size=5),
)
def test_a_block_that_lacks_nothing_has_no_width(kind, apps):
    seen = [
        Seen("seen", float(value > 50) if kind == "share" else value, weight, started=started)
        for value, weight, started in apps
        if started or kind != "share"
    ]
    measure = Measure(name="x", label="x", kind=kind)
    for block in blocks(measure, {"a": {"t": seen}})["a"].values():
        assert block.low == block.value == block.high


def test_nothing_missing_turns_no_rate():
    cells = {
        "a": {f"t{n}": [Seen("seen", 10, 1.0), Seen("seen", 0, 10 + n / 10)] for n in range(20)},
        "b": {f"t{n}": [Seen("seen", 20, 10.0), Seen("seen", 20, 10 + n / 10)] for n in range(20)},
    }
    (pair,), order = measured("ratio", cells, "less")
    assert (pair.verdict, pair.turned) == ("first", False)
    assert order.groups == (("a",), ("b",))


def test_a_missing_app_has_the_mean_size_in_a_rate():
    cells = {"a": {"t": [Seen("seen", 8, 2.0), Seen("missing")], "u": [Seen("seen", 4, 4.0)]}}
    measure = Measure(name="x", label="x", kind="ratio")
    block = blocks(measure, cells)["a"]["t"]
    assert (block.low, block.value, block.high) == (11 / 5, 4, 4)


def test_lower_bounds_could_turn_a_difference():
    cells = {
        "a": each(lambda n: 100.0 + n, ceiling=float("inf")),
        "b": each(lambda n: 120.0 + 2 * n),
        "c": each(lambda n: 10.0 + n % 3),
    }
    pairs, order = measured("median", cells)
    assert (pairs[0].verdict, pairs[0].turned) == ("unknown", True)
    assert pairs[1].verdict == "first"  # a is at least ten times c
    assert set(order.unplaced) == {"a"}
    assert order.groups == (("b",), ("c",))


def test_what_is_open_inside_apps_could_turn_a_difference():
    cells = {
        "a": each(lambda n: 1.0, least=0.1, most=1.0),
        "b": each(lambda n: 0.9 - n / 1000),
    }
    (pair,), order = measured("mean", cells)
    assert (pair.verdict, pair.turned) == ("unknown", True)
    assert set(order.unplaced) == {"a"}


def test_models_that_were_never_compared_are_not_equal():
    cells = {
        "a": each(lambda n: float(n % 7)),
        "b": each(lambda n: n % 7 + 1 + n % 3 / 10),
        "c": {f"u{n}": [Seen("seen", 300.0)] for n in range(20)},
    }
    pairs, order = measured("mean", cells, "less")
    assert [pair.verdict for pair in pairs] == ["first", "unknown", "unknown"]
    assert order.groups == (("a",), ("b",))
    assert order.best == ("a",)
    assert "never measured on a template" in order.unplaced["c"]


def test_two_halves_that_never_met_have_no_order():
    cells = {name: each(lambda n: float(n)) for name in "ab"}
    other = {name: {f"u{n}": [Seen("seen", 5.0)] for n in range(20)} for name in "cd"}
    _, order = measured("mean", cells | other)
    assert order.groups == ()
    assert "share no template" in order.reason


def test_a_model_that_few_templates_know_is_not_below_the_best():
    cells = {
        "a": each(lambda n: float(n % 7), 30),
        "b": each(lambda n: n % 7 + 1 + n % 3 / 10, 30),
        "c": each(lambda n: n % 7 + 3.0 + n, 5),
    }
    _, order = measured("mean", cells, "less")
    assert order.groups == (("a", "c"), ("b", "c"))
    assert order.best == ("a", "c")


@settings(deadline=None)
@given(st.sets(st.sampled_from([(i, j) for i in range(6) for j in range(i + 1, 6)])))
def test_two_share_a_set_exactly_if_no_difference_is_shown(differing):
    names = "abcdef"
    differ = {frozenset((names[i], names[j])) for i, j in differing}
    sets = tied_groups(names, lambda one, other: frozenset((one, other)) in differ)
    for one, other in combinations(names, 2):
        together = any(one in found and other in found for found in sets)
        assert together == (frozenset((one, other)) not in differ)
    assert {name for found in sets for name in found} == set(names)
    assert not any(set(one) < set(other) for one in sets for other in sets)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=8, max_size=12))
def test_rounding_breaks_no_ties(passed):
    thirds = [(a / 3, b / 3) for a, b in passed]
    exact = wilcoxon_zsplit([a - b for a, b in passed])
    rounded = wilcoxon_zsplit([a - b for a, b in thirds], 1.0)
    assert rounded.p == exact.p
    assert wilcoxon_zsplit([a - b for a, b in thirds]).p == exact.p
    large = wilcoxon_zsplit([(1e5 + a / 10) - (1e5 + b / 10) for a, b in passed], 1e5)
    assert large.p == exact.p


def test_rounding_breaks_no_ties_of_mean_ranks():
    values = np.array([[0.1 + 0.2, 0.3, 0.2], [0.7, 0.1 * 7, 0.2], [1.1 * 3, 3.3, 0.5]])
    ranks = friedman(values)
    assert ranks.mean[:2] == (1.5, 1.5)
    assert ranks.p == friedman(np.array([[2.0, 2.0, 1.0]] * 3)).p


def test_models_with_lower_bounds_are_in_no_ranking():
    measure = Measure(name="x", label="x", kind="median")
    figures = {
        name: {"x": Figure(value=1.0, at_least=name == "a"), "y": Figure(value=1.0)}
        for name in "abc"
    }
    spec = RankingSpec(weights={"x": 1, "y": 1})
    ranking = ranking_of(spec, {"x": measure, "y": measure}, figures, {})
    assert ranking.left_out == {"a": "x: some of its values are lower bounds"}
    cells = {
        "a": each(lambda n: 1.0, ceiling=2.0),
        "b": each(lambda n: 1.0),
        "c": each(lambda n: 1.0),
    }
    test = rank_test(measure, blocks(measure, cells), Ordering(measure="x"))
    assert test.left_out == {"a": "some of its values are lower bounds"}


def test_places_are_scored_in_parts():
    rng = np.random.default_rng(1)
    values = {name: {c: Figure(value=float(rng.random())) for c in "xyz"} for name in "abcd"}
    measures = {c: Measure(name=c, label=c, kind="mean", better="more") for c in "xyz"}
    spec = RankingSpec(weights=dict.fromkeys("xyz", 1), draws=2_500)
    ranking = ranking_of(spec, measures, values, {})
    for method in ranking.methods:
        assert sum(place.first_share for place in method.places) == pytest.approx(1, abs=0.001)


def test_the_methods_tell_what_was_done_and_no_more():
    two = [app(model, n, template=f"t{n}") for model in "ab" for n in range(1, 9)]
    text = " ".join(study_of(two, ranking=RankingSpec(weights={"x": 1, "y": 1})).methods)
    assert "did not start" in text
    assert "Friedman" not in text  # two models have no ranks
    assert "random weights" not in text  # refused: nobody measured x and y
    three = [*two, *(app("c", n, template=f"t{n}", functional="fail") for n in range(1, 9))]
    spec = RankingSpec(weights={"functional": 1, "runs": 1})
    text = " ".join(study_of(three, ranking=spec).methods)
    assert "Friedman" in text
    assert "10000 random weights" in text
