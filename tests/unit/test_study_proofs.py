"""What is said of the order of models is proved: by pairs, and against all that is missing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from reports.study.comparing import blocks, comparisons, ordering
from reports.study.figures import Kind, Measure
from reports.study.groups import figure
from reports.study.seeing import Seen


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
