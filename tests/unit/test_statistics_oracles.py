"""The statistics against published worked examples and against independent libraries."""

import math

import numpy as np
import pandas
import pytest
import scikit_posthocs
import statsmodels.api
from hypothesis import given, settings
from hypothesis import strategies as st
from pymcdm.methods import TOPSIS, WSM
from pymcdm.normalizations import minmax_normalization, vector_normalization
from scipy import stats
from statsmodels.formula.api import negativebinomial
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from reports.statistics import resampling
from reports.statistics.clusters import clustered_wilson
from reports.statistics.components import components
from reports.statistics.counts import NotEstimable, negative_binomial
from reports.statistics.decision import places, random_weights, topsis, weighted_sum
from reports.statistics.pairs import (
    cliffs_delta,
    holm,
    mcnemar_exact,
    wilcoxon_zsplit,
)
from reports.statistics.ranks import critical_distance, friedman, tied_groups
from reports.statistics.resampling import (
    MIN_CLUSTERS,
    interval_of_delta,
    interval_of_mean,
    interval_of_median,
    interval_of_ratio,
)
from reports.statistics.shares import Judged, pass_at_k, share_of, wilson_interval

# Demsar (2006), table 6: AUC of C4.5 with and without cross-validated m and cf, 14 data sets.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],  # ranks 2 and 3 there, by digits that are not printed
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_friedman_and_nemenyi_match_demsar():
    ranks = friedman(DEMSAR)
    assert ranks.mean == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=0.001)
    # The article's 9.28 leaves ties out; corrected for them it is larger.
    assert ranks.statistic == pytest.approx(stats.friedmanchisquare(*DEMSAR.T).statistic)
    assert ranks.p < 0.05
    assert ranks.critical_distance == pytest.approx(1.25, abs=0.005)


@pytest.mark.parametrize(("models", "q"), [(2, 1.960), (4, 2.569), (6, 2.850), (10, 3.164)])
def test_critical_values_match_demsars_table_5(models, q):
    assert critical_distance(models, 6) == pytest.approx(
        q * math.sqrt(models * (models + 1) / 36), abs=0.002
    )


def test_nemenyi_agrees_with_scikit_posthocs():
    ranks = friedman(DEMSAR)
    p_values = scikit_posthocs.posthoc_nemenyi_friedman(DEMSAR).to_numpy()
    for one in range(4):
        for other in range(4):
            apart = abs(ranks.mean[one] - ranks.mean[other]) > ranks.critical_distance
            assert apart == (p_values[one, other] < 0.05)


def test_equal_blocks_are_no_difference():
    ranks = friedman(np.ones((5, 3)))
    assert (ranks.p, ranks.mean) == (1.0, (2.0, 2.0, 2.0))
    with pytest.raises(ValueError, match="three models"):
        friedman(np.ones((5, 2)))


def test_tied_groups_are_the_longest_runs():
    differ = {("a", "c"), ("a", "d")}
    assert tied_groups("abcd", lambda one, other: (one, other) in differ) == (
        ("a", "b"),
        ("b", "c", "d"),
    )
    assert tied_groups("abc", lambda one, other: False) == (("a", "b", "c"),)
    assert tied_groups("abc", lambda one, other: True) == (("a",), ("b",), ("c",))
    assert tied_groups("", lambda one, other: True) == ()


def test_mcnemar_matches_the_binomial_test():
    # Fagerland, Lydersen and Laake (2013): complete response before and after, 1 against 7.
    assert mcnemar_exact(1, 7).p == pytest.approx(0.0703, abs=0.0001)
    assert mcnemar_exact(12, 2).p == pytest.approx(stats.binomtest(2, 14).pvalue)
    assert mcnemar_exact(0, 0).p == 1.0
    assert mcnemar_exact(3, 3).p == 1.0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=6, max_size=9))
def test_wilcoxon_is_scipys_exact_one(differences):
    ours = wilcoxon_zsplit(differences).p
    if not any(differences):
        assert ours == 1.0
        return
    exact = stats.PermutationMethod(n_resamples=np.inf)
    theirs = stats.wilcoxon(differences, zero_method="zsplit", method=exact).pvalue
    assert ours == pytest.approx(float(theirs))


def test_wilcoxon_matches_a_textbook():
    # Wilcoxon (1945), Darwin's maize: 15 pairs, T = 24, two-sided p = 0.041.
    heights = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert wilcoxon_zsplit(heights).p == pytest.approx(0.0413, abs=0.0002)


def test_cliffs_delta_matches_its_definition():
    first, second = [10, 10, 20, 20, 20, 30, 30, 30, 40, 50], [10, 20, 30, 40, 40, 50]
    above = sum(a > b for a in first for b in second)
    below = sum(a < b for a in first for b in second)
    assert (above, below) == (17, 32)
    assert cliffs_delta(first, second) == pytest.approx(
        -0.25
    )  # as printed in the manual of R's effsize
    assert cliffs_delta(first, first) == 0


def test_holm_matches_the_textbook():
    # Holm (1979) as in R's p.adjust(c(0.01, 0.02, 0.03, 0.005), "holm").
    assert holm([0.01, 0.02, 0.03, 0.005]) == pytest.approx([0.03, 0.04, 0.04, 0.02])
    # A pair that could not be tested still counts as one of the pairs.
    assert holm([0.02, None]) == [pytest.approx(0.04), None]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_agrees_with_statsmodels(p_values):
    with pytest.MonkeyPatch.context() as patched:
        # It collects garbage at each call: a quarter of a second late in a run of all tests.
        patched.setattr("gc.collect", lambda: 0)
        theirs = list(multipletests(p_values, method="holm")[1])
    assert holm(p_values) == pytest.approx(theirs)


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=3), min_size=8, max_size=10))
def test_weighted_medians_are_medians(clusters):
    rows = np.full((len(clusters), 3), np.nan)
    for row, cluster in zip(rows, clusters, strict=True):
        row[: len(cluster)] = cluster
    draws = np.random.default_rng(1).integers(0, len(rows), (20, len(rows)))
    times = np.array([np.bincount(draw, minlength=len(rows)) for draw in draws], dtype=float)
    expected = [np.nanmedian(rows[draw]) for draw in draws]
    assert resampling._medians(rows, times) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"), [(5, 2, 1, 0.4), (5, 2, 3, 0.9), (5, 0, 5, 0.0), (3, 1, 3, 1.0)]
)
def test_pass_at_k_counts_the_draws(n, c, k, expected):
    assert pass_at_k(n, c, k) == pytest.approx(expected)
    assert pass_at_k(n, c, k) == pytest.approx(1 - math.comb(n - c, k) / math.comb(n, k))


def test_pass_at_k_needs_k_samples():
    assert pass_at_k(2, 1, 3) is None
    with pytest.raises(ValueError, match="no samples"):
        pass_at_k(2, 3, 1)


@pytest.mark.parametrize("method", ["scipy", "statsmodels"])
@pytest.mark.parametrize(("passed", "total"), [(0, 7), (17, 20), (20, 20), (81, 263)])
def test_wilson_agrees_with_libraries(method, passed, total):
    ours = wilson_interval(passed, total)
    if method == "scipy":
        theirs = stats.binomtest(passed, total).proportion_ci(method="wilson")
    else:
        theirs = proportion_confint(passed, total, method="wilson")
    assert ours == pytest.approx(tuple(theirs), abs=0.0001)


# Choice of a phone: price, storage, camera, looks; an example of many lecture notes.
MATRIX = np.array(
    [[250, 16, 12, 5], [200, 16, 8, 3], [300, 32, 16, 4], [275, 32, 8, 4], [225, 16, 16, 2.0]]
)
GIVEN = np.array([0.25, 0.25, 0.25, 0.25])
MORE = np.array([False, True, True, True])


def test_topsis_and_weighted_sum_agree_with_pymcdm():
    types = np.where(MORE, 1, -1)
    theirs = TOPSIS(vector_normalization)(MATRIX, GIVEN, types)
    assert topsis(MATRIX, GIVEN, MORE) == pytest.approx(theirs)
    theirs = WSM(minmax_normalization)(MATRIX, GIVEN, types)
    assert weighted_sum(MATRIX, GIVEN, MORE) == pytest.approx(theirs)


def test_topsis_matches_a_worked_example():
    scores = topsis(MATRIX, GIVEN, MORE)
    assert scores == pytest.approx([0.534, 0.308, 0.692, 0.535, 0.401], abs=0.001)


def test_random_weights_are_weights_and_repeatable():
    weights = random_weights(4, 500, seed=7)
    assert weights.sum(axis=1) == pytest.approx(np.ones(500))
    assert (weights == random_weights(4, 500, seed=7)).all()
    found = places(topsis(MATRIX, weights, MORE))
    assert found.shape == (500, 5)
    assert found.min() == 1
    one = topsis(MATRIX, weights[3], MORE)
    assert topsis(MATRIX, weights, MORE)[3] == pytest.approx(one)


def test_equal_models_are_tied_by_any_weights():
    same = np.ones((3, 2))
    both = np.array([True, False])
    assert len(set(topsis(same, np.array([0.3, 0.7]), both))) == 1
    assert len(set(weighted_sum(same, np.array([0.3, 0.7]), both))) == 1


def test_variance_components_match_a_textbook():
    # Box, Hunter and Hunter style: 3 batches, 2 tests each.
    found = components([[74, 76], [68, 75], [75, 77]])
    within = (2 + 24.5 + 2) / 3
    between = (
        (2 * ((75 - 74.1667) ** 2 + (71.5 - 74.1667) ** 2 + (76 - 74.1667) ** 2)) / 2
    ) - within
    assert found is not None
    assert found.within_sd == pytest.approx(math.sqrt(within))
    assert found.between_sd == pytest.approx(math.sqrt(max(between / 2, 0)), abs=0.001)
    assert found.limit == pytest.approx(stats.t.ppf(0.975, 3) * math.sqrt(2 * within))


def test_variance_components_agree_with_anova():
    rng = np.random.default_rng(3)
    units = [list(rng.normal(mean, 2, 3)) for mean in rng.normal(50, 6, 12)]
    found = components(units)
    f = stats.f_oneway(*units).statistic
    assert found is not None
    expected = (f - 1) * found.within_sd**2 / 3
    assert found.between_sd == pytest.approx(math.sqrt(expected))
    assert components([[1, 2]]) is None


def counts(seed: int, templates: int = 20, models: int = 3, ratio: float = 2.0):
    rng = np.random.default_rng(seed)
    rows = [
        (model, template, kloc, rng.poisson(kloc * 3 * (ratio if model == 1 else 1) * mood))
        for template, mood in enumerate(rng.gamma(4, 0.25, templates))
        for model in range(models)
        for kloc in [float(rng.uniform(0.5, 3))]
    ]
    return pandas.DataFrame(rows, columns=["model", "template", "kloc", "n"])


def test_negative_binomial_agrees_with_the_formula_interface():
    data = counts(1)
    ours = negative_binomial(
        list(data["n"]), list(data["model"]), list(data["kloc"]), list(data["template"])
    )
    theirs = negativebinomial("n ~ C(model)", data, offset=np.log(data["kloc"])).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": data["template"]}
    )
    assert ours.ratios[0].value == pytest.approx(theirs.params["C(model)[T.1]"], abs=0.001)
    error = (ours.ratios[0].high - ours.ratios[0].low) / 2 / stats.t.ppf(0.975, 19)
    assert error == pytest.approx(theirs.bse["C(model)[T.1]"], abs=0.001)
    assert ours.dispersion == pytest.approx(theirs.params["alpha"], abs=0.001)
    assert math.exp(ours.ratios[0].low) < 2.0 < math.exp(ours.ratios[0].high)


def test_without_overdispersion_it_is_poisson():
    data = counts(2)
    even = np.maximum(np.rint(data["kloc"] * 3), 1)
    ours = negative_binomial(
        list(even), list(data["model"]), list(data["kloc"]), list(data["template"])
    )
    assert ours.dispersion == 0
    glm = statsmodels.api.GLM(
        even,
        pandas.get_dummies(data["model"], drop_first=True, dtype=float).assign(one=1.0),
        family=statsmodels.api.families.Poisson(),
        offset=np.log(data["kloc"]),
    ).fit()
    assert ours.ratios[0].value == pytest.approx(glm.params.iloc[0], abs=1e-4)


def test_what_cannot_be_fitted_is_said():
    data = counts(1)
    data.loc[data["model"] == 2, "n"] = 0
    columns = [list(data[name]) for name in ("n", "model", "kloc", "template")]
    with pytest.raises(NotEstimable, match="without any finding"):
        negative_binomial(*columns)
    with pytest.raises(NotEstimable, match="fewer than 20 templates"):
        negative_binomial([1, 2], [0, 1], [1.0, 1.0], [0, 1])


def test_few_templates_have_no_interval_by_resampling():
    assert interval_of_mean([1.0, 2.0] * 3).low is None
    assert "fewer than 8 clusters" in interval_of_mean([1.0, 2.0]).reason
    assert "alike" in interval_of_mean([2.0] * 20).reason
    assert "fewer than 6" in interval_of_median([[1.0]] * 5).reason


def test_the_median_interval_is_that_of_order_statistics():
    values = [[float(value)] for value in range(1, 21)]
    found = interval_of_median(values)
    assert (found.low, found.high) == (6.0, 15.0)  # Conover: r = 6, s = 15 for n = 20


VALUES = st.lists(st.integers(0, 20), min_size=MIN_CLUSTERS, max_size=25)


@settings(max_examples=25, deadline=None)
@given(VALUES, st.randoms())
def test_order_changes_nothing(values, random):
    mixed = random.sample(values, len(values))
    assert interval_of_mean(values) == interval_of_mean(mixed)
    weights = [1.0 + value % 3 for value in values]
    pairs = random.sample(list(zip(values, weights, strict=True)), len(values))
    assert interval_of_ratio(values, weights) == interval_of_ratio(
        [value for value, _ in pairs], [weight for _, weight in pairs]
    )


@settings(max_examples=25, deadline=None)
@given(VALUES)
def test_intervals_hold_their_value_and_stay_in_range(values):
    found = interval_of_mean(values)
    if found.low is not None:
        assert found.low <= np.mean(values) <= found.high
        assert min(values) <= found.low <= found.high <= max(values)
    delta = interval_of_delta(values, list(reversed(values)))
    if delta.low is not None:
        assert -1 <= delta.low <= delta.high <= 1


@given(st.lists(st.sampled_from(["pass", "fail", "missing", "not applicable"]), max_size=20))
def test_a_failure_more_never_raises_a_share(verdicts):
    before = share_of([Judged(verdict) for verdict in verdicts])
    after = share_of([Judged(verdict) for verdict in [*verdicts, "fail"]])
    if before.rate is not None:
        assert after.rate is not None
        assert after.rate <= before.rate
        assert before.bounds[0] <= before.rate <= before.bounds[1]


def test_clusters_that_agree_count_as_one_app_each():
    alike = clustered_wilson([(5, 5)] * 6 + [(0, 5)] * 6)
    single = wilson_interval(6, 12)
    assert (alike.high - alike.low) == pytest.approx(single[1] - single[0], rel=0.15)
    independent = clustered_wilson([(2, 5), (3, 5)] * 10)
    assert independent.high - independent.low < alike.high - alike.low
    sure = clustered_wilson([(5, 5)] * 10)
    assert sure.low == pytest.approx(wilson_interval(10, 10, stats.t.ppf(0.975, 9))[0])
